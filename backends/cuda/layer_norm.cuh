// layer_norm and residual_norm, one warp a row, and their gradient. Mean and variance in double, from centred values.
#pragma once

#include "tessera/backends/cuda/device.cuh"
#include "tessera/ops/residual_norm.hpp"

namespace tessera::inline TESSERA_ISA::cuda {

struct Moments {
  double mean, inverse;  ///< inverse: 1 / sqrt(variance + eps)
};

/// `value(c)` for the columns of this lane.
template <class F>
__device__ Moments moments(Index columns, double eps, const F& value) {
  double sum = 0;
  for (Index c = my_lane(); c < columns; c += warp) sum += static_cast<double>(value(c));
  const double mean = warp_sum(sum) / static_cast<double>(columns);
  double squares = 0;
  for (Index c = my_lane(); c < columns; c += warp) {
    const double centred = static_cast<double>(value(c)) - mean;
    squares += centred * centred;
  }
  return {mean, 1.0 / sqrt(warp_sum(squares) / static_cast<double>(columns) + eps)};
}

/// A row of x + residual; residual.data is null for layer_norm.
struct SumRow {
  const float* x;
  const float* residual;
  __device__ SumRow(const Rows& a, const Rows& b, Index r)
      : x(a.row(r)), residual(b.data != nullptr ? b.row(r) : nullptr) {}
  __device__ float operator()(Index c) const { return residual != nullptr ? x[c] + residual[c] : x[c]; }
};

/// `out` may be `x`: each lane writes what it alone has read.
__global__ void norm_kernel(Rows x, Rows residual, const float* weight, const float* bias, double eps, Rows out,
                            Index rows) {
  const Index r = my_row();
  if (r >= rows) return;
  const SumRow value(x, residual, r);
  const Moments m = moments(x.columns, eps, value);
  float* y = out.row(r);
  for (Index c = my_lane(); c < x.columns; c += warp)
    y[c] = static_cast<float>((static_cast<double>(value(c)) - m.mean) * m.inverse) * weight[c] + bias[c];
}

/// dx = inverse * (g - mean(g) - z * mean(g z)), g = dy * weight, z the normed row. Leaves the moments of each row.
__global__ void norm_vjp_kernel(Rows x, Rows residual, const float* weight, Rows dy, double eps, Rows dx,
                                Rows dresidual, Moments* row_moments, Index rows) {
  const Index r = my_row();
  if (r >= rows) return;
  const SumRow value(x, residual, r);
  const Moments m = moments(x.columns, eps, value);
  if (my_lane() == 0) row_moments[r] = m;
  if (dx.data == nullptr && dresidual.data == nullptr) return;
  const float* gradient = dy.row(r);
  double sum_g = 0, sum_gz = 0;
  for (Index c = my_lane(); c < x.columns; c += warp) {
    const double g = static_cast<double>(gradient[c]) * static_cast<double>(weight[c]);
    sum_g += g;
    sum_gz += g * (static_cast<double>(value(c)) - m.mean) * m.inverse;
  }
  const double mean_g = warp_sum(sum_g) / static_cast<double>(x.columns);
  const double mean_gz = warp_sum(sum_gz) / static_cast<double>(x.columns);
  for (Index c = my_lane(); c < x.columns; c += warp) {
    const double g = static_cast<double>(gradient[c]) * static_cast<double>(weight[c]);
    const double z = (static_cast<double>(value(c)) - m.mean) * m.inverse;
    const auto change = static_cast<float>((g - mean_g - z * mean_gz) * m.inverse);
    if (dx.data != nullptr) dx.row(r)[c] += change;
    if (dresidual.data != nullptr) dresidual.row(r)[c] += change;
  }
}

/// One thread a column, rows in order.
__global__ void norm_weights_vjp_kernel(Rows x, Rows residual, Rows dy, const Moments* row_moments, float* dweight,
                                        float* dbias, Index rows) {
  const Index c = my_element();
  if (c >= x.columns) return;
  double of_weight = 0, of_bias = 0;
  for (Index r = 0; r < rows; ++r) {
    const auto g = static_cast<double>(dy.row(r)[c]);
    of_weight += g * (static_cast<double>(SumRow(x, residual, r)(c)) - row_moments[r].mean) * row_moments[r].inverse;
    of_bias += g;
  }
  if (dweight != nullptr) dweight[c] += static_cast<float>(of_weight);
  if (dbias != nullptr) dbias[c] += static_cast<float>(of_bias);
}

inline void layer_norm(const Call& call) {
  using op = tessera::op::layer_norm;
  const View& x = call.in[op::x];
  launch(norm_kernel, warp_blocks_for(x.rows()), rows_of(x), Rows{}, call.in[op::weight].as<float>(),
         call.in[op::bias].as<float>(), call.as<op>().eps, rows_of(call.out), x.rows());
}

inline void residual_norm(const Call& call) {
  using op = tessera::op::residual_norm;
  const View& x = call.in[op::x];
  launch(norm_kernel, warp_blocks_for(x.rows()), rows_of(x), rows_of(call.in[op::residual]),
         call.in[op::weight].as<float>(), call.in[op::bias].as<float>(), call.as<op>().eps, rows_of(call.out),
         x.rows());
}

inline std::size_t norm_vjp_scratch(const VjpCall& call) noexcept {
  return static_cast<std::size_t>(call.out.rows()) * sizeof(Moments);
}

inline void norm_vjp(const VjpCall& call, const View& x, const Rows& residual, const View& weight, double eps,
                     const View& dx, const Rows& dresidual, const View& dweight, const View& dbias) {
  const View& dy = call.out_grad;
  auto* row_moments = static_cast<Moments*>(call.scratch);
  launch(norm_vjp_kernel, warp_blocks_for(x.rows()), rows_of(x), residual, weight.as<float>(), rows_of(dy), eps,
         rows_of(dx), dresidual, row_moments, x.rows());
  if (dweight.data != nullptr || dbias.data != nullptr)
    launch(norm_weights_vjp_kernel, blocks_for(x.columns()), rows_of(x), residual, rows_of(dy), row_moments,
           dweight.as<float>(), dbias.as<float>(), x.rows());
}

inline void layer_norm_vjp(const VjpCall& call) {
  using op = tessera::op::layer_norm;
  norm_vjp(call, call.in[op::x], Rows{}, call.in[op::weight], call.as<op>().eps, call.in_grad[op::x], Rows{},
           call.in_grad[op::weight], call.in_grad[op::bias]);
}

inline void residual_norm_vjp(const VjpCall& call) {
  using op = tessera::op::residual_norm;
  norm_vjp(call, call.in[op::x], rows_of(call.in[op::residual]), call.in[op::weight], call.as<op>().eps,
           call.in_grad[op::x], rows_of(call.in_grad[op::residual]), call.in_grad[op::weight], call.in_grad[op::bias]);
}

}  // namespace tessera::cuda
