// sum, mean, mean_pool, cross_entropy and mean_squared_error, and their gradients. Sums in double, in an order that is
// always the same.
#pragma once

#include "tessera/backends/cuda/device.cuh"
#include "tessera/ops/cross_entropy.hpp"
#include "tessera/ops/mean_squared_error.hpp"
#include "tessera/ops/reduce.hpp"

namespace tessera::inline TESSERA_ISA::cuda {

/// One warp for all: these are losses and tests, not layers.
__global__ void sum_kernel(Rows x, Index count, double divisor, float* out) {
  if (my_row() > 0) return;
  double sum = 0;
  for (Index i = my_lane(); i < count; i += warp) sum += static_cast<double>(x.at(i));
  sum = warp_sum(sum);
  if (my_lane() == 0) *out = static_cast<float>(sum / divisor);
}
__global__ void add_everywhere_kernel(Rows dx, const float* dy, double divisor, Index count) {
  const Index i = my_element();
  if (i < count) dx.at(i) += static_cast<float>(static_cast<double>(*dy) / divisor);
}

inline void sum(const Call& call) {
  const View& x = call.in[0];
  launch(sum_kernel, 1, rows_of(x), x.count(), 1.0, call.out.as<float>());
}
inline void mean(const Call& call) {
  const View& x = call.in[0];
  launch(sum_kernel, 1, rows_of(x), x.count(), static_cast<double>(x.count()), call.out.as<float>());
}
inline void add_everywhere(const VjpCall& call, double divisor) {
  const View& dx = call.in_grad[0];
  if (dx.data != nullptr)
    launch(add_everywhere_kernel, blocks_for(dx.count()), rows_of(dx), call.out_grad.as<float>(), divisor, dx.count());
}
inline void sum_vjp(const VjpCall& call) { add_everywhere(call, 1); }
inline void mean_vjp(const VjpCall& call) { add_everywhere(call, static_cast<double>(call.in_grad[0].count())); }

__global__ void mean_squared_error_kernel(Rows x, Rows target, Index count, float* out) {
  if (my_row() > 0) return;
  double sum = 0;
  for (Index i = my_lane(); i < count; i += warp) {
    const double error = static_cast<double>(x.at(i)) - static_cast<double>(target.at(i));
    sum += error * error;
  }
  sum = warp_sum(sum);
  if (my_lane() == 0) *out = static_cast<float>(sum / static_cast<double>(count));
}
__global__ void mean_squared_error_vjp_kernel(Rows x, Rows target, const float* dy, Rows dx, Index count) {
  const Index i = my_element();
  if (i >= count) return;
  const double share = 2 * static_cast<double>(*dy) / static_cast<double>(count);
  dx.at(i) += static_cast<float>(share * (static_cast<double>(x.at(i)) - static_cast<double>(target.at(i))));
}

inline void mean_squared_error(const Call& call) {
  using op = tessera::op::mean_squared_error;
  const View& x = call.in[op::x];
  launch(mean_squared_error_kernel, 1, rows_of(x), rows_of(call.in[op::target]), x.count(), call.out.as<float>());
}
inline void mean_squared_error_vjp(const VjpCall& call) {
  using op = tessera::op::mean_squared_error;
  const View& x = call.in[op::x];
  const View& dx = call.in_grad[op::x];
  if (dx.data != nullptr)
    launch(mean_squared_error_vjp_kernel, blocks_for(x.count()), rows_of(x), rows_of(call.in[op::target]),
           call.out_grad.as<float>(), rows_of(dx), x.count());
}

/// The rows of each text, and what each counts.
struct Pool {
  const std::int32_t* offsets;  ///< null: padded
  const float* keep;            ///< null: each counts 1
  Index keep_stride, longest;

  static Pool of(const View* in, Index texts, Index rows) noexcept {
    using op = tessera::op::mean_pool;
    return {in[op::offsets].present() ? in[op::offsets].as<const std::int32_t>() : nullptr,
            in[op::keep].present() ? in[op::keep].as<const float>() : nullptr, in[op::keep].row_stride, rows / texts};
  }
  __device__ Index first(Index text) const { return offsets != nullptr ? offsets[text] : text * longest; }
  __device__ float share(Index text, Index t) const { return keep != nullptr ? keep[text * keep_stride + t] : 1.0F; }
  __device__ double total(Index text) const {
    double sum = 0;
    for (Index t = 0; t < first(text + 1) - first(text); ++t) sum += static_cast<double>(share(text, t));
    return sum < 1e-9 ? 1e-9 : sum;
  }
};
__global__ void mean_pool_kernel(Rows x, Pool pool, Rows out, Index count) {
  const Index i = my_element();
  if (i >= count) return;
  const Index text = i / out.columns, first = pool.first(text), end = pool.first(text + 1);
  double sum = 0;
  for (Index r = first; r < end; ++r)
    sum += static_cast<double>(pool.share(text, r - first)) * static_cast<double>(x.row(r)[i % out.columns]);
  out.at(i) = static_cast<float>(sum / pool.total(text));
}
/// One thread a column of a text.
__global__ void mean_pool_vjp_kernel(Rows dy, Pool pool, Rows dx, Index count) {
  const Index i = my_element();
  if (i >= count) return;
  const Index text = i / dy.columns, first = pool.first(text), end = pool.first(text + 1);
  const double total = pool.total(text);
  for (Index r = first; r < end; ++r)
    dx.row(r)[i % dy.columns] +=
        static_cast<float>(static_cast<double>(dy.at(i)) * static_cast<double>(pool.share(text, r - first)) / total);
}

inline void mean_pool(const Call& call) {
  const View& x = call.in[op::mean_pool::x];
  if (call.out.count() > 0)
    launch(mean_pool_kernel, blocks_for(call.out.count()), rows_of(x), Pool::of(call.in, call.out.rows(), x.rows()),
           rows_of(call.out), call.out.count());
}
inline void mean_pool_vjp(const VjpCall& call) {
  const View& dx = call.in_grad[op::mean_pool::x];
  const View& dy = call.out_grad;
  if (dx.data != nullptr && dy.count() > 0)
    launch(mean_pool_vjp_kernel, blocks_for(dy.count()), rows_of(dy), Pool::of(call.in, dy.rows(), dx.rows()),
           rows_of(dx), dy.count());
}

struct Labels {
  const std::int32_t* data;
  std::int32_t ignored;
  Index classes;

  static Labels of(const View* in, std::int32_t ignored) noexcept {
    using op = tessera::op::cross_entropy;
    return {in[op::labels].as<const std::int32_t>(), ignored, in[op::logits].columns()};
  }
  /// -1 where the row does not count.
  __device__ Index of_row(Index r) const {
    return data[r] == ignored || data[r] < 0 || data[r] >= classes ? -1 : data[r];
  }
};
/// log sum exp of a row, by a warp.
__device__ inline double log_sum_exp(const float* x, Index n) {
  float largest = -INFINITY;
  for (Index c = my_lane(); c < n; c += warp) largest = fmaxf(largest, x[c]);
  largest = warp_largest(largest);
  double sum = 0;
  for (Index c = my_lane(); c < n; c += warp) sum += static_cast<double>(expf(x[c] - largest));
  return static_cast<double>(largest) + log(warp_sum(sum));
}
/// The loss of each row, in double; 0 where it does not count.
__global__ void row_loss_kernel(Rows logits, Labels labels, double* loss, Index rows) {
  const Index r = my_row();
  if (r >= rows) return;
  const Index label = labels.of_row(r);
  const double total = log_sum_exp(logits.row(r), logits.columns);
  if (my_lane() == 0) loss[r] = label < 0 ? 0.0 : total - static_cast<double>(logits.row(r)[label]);
}
/// The number of rows that count, by a warp.
__device__ inline double counted(const Labels& labels, Index rows) {
  double n = 0;
  for (Index r = my_lane(); r < rows; r += warp) n += labels.of_row(r) >= 0 ? 1.0 : 0.0;
  return warp_sum(n);
}
__global__ void mean_loss_kernel(const double* loss, Labels labels, Index rows, float* out) {
  if (my_row() > 0) return;
  double sum = 0;
  for (Index r = my_lane(); r < rows; r += warp) sum += loss[r];
  sum = warp_sum(sum);
  const double n = counted(labels, rows);
  if (my_lane() == 0) *out = static_cast<float>(sum / n);  // 0 / 0 is NaN, as it should be
}
__global__ void count_kernel(Labels labels, Index rows, double* out) {
  if (my_row() > 0) return;
  const double n = counted(labels, rows);
  if (my_lane() == 0) *out = n > 0 ? n : 1.0;
}
__global__ void cross_entropy_vjp_kernel(Rows logits, Labels labels, const float* dy, const double* counted_rows,
                                         Rows dx, Index rows) {
  const Index r = my_row();
  if (r >= rows) return;
  const Index label = labels.of_row(r);
  const float* x = logits.row(r);
  const double total = log_sum_exp(x, logits.columns);
  if (label < 0) return;
  const double share = static_cast<double>(*dy) / *counted_rows;
  for (Index c = my_lane(); c < logits.columns; c += warp) {
    const double p = static_cast<double>(expf(static_cast<float>(static_cast<double>(x[c]) - total)));
    dx.row(r)[c] += static_cast<float>(share * (p - (c == label ? 1.0 : 0.0)));
  }
}

inline std::size_t cross_entropy_scratch(const Call& call) noexcept {
  return static_cast<std::size_t>(call.in[op::cross_entropy::logits].rows()) * sizeof(double);
}
inline void cross_entropy(const Call& call) {
  using op = tessera::op::cross_entropy;
  const View& logits = call.in[op::logits];
  const Labels labels = Labels::of(call.in, call.as<op>().ignored);
  auto* loss = static_cast<double*>(call.scratch);
  launch(row_loss_kernel, warp_blocks_for(logits.rows()), rows_of(logits), labels, loss, logits.rows());
  launch(mean_loss_kernel, 1, loss, labels, logits.rows(), call.out.as<float>());
}
inline std::size_t cross_entropy_vjp_scratch(const VjpCall&) noexcept { return sizeof(double); }
inline void cross_entropy_vjp(const VjpCall& call) {
  using op = tessera::op::cross_entropy;
  const View& logits = call.in[op::logits];
  const View& dx = call.in_grad[op::logits];
  if (dx.data == nullptr) return;
  const Labels labels = Labels::of(call.in, call.as<op>().ignored);
  auto* counted_rows = static_cast<double*>(call.scratch);
  launch(count_kernel, 1, labels, logits.rows(), counted_rows);
  launch(cross_entropy_vjp_kernel, warp_blocks_for(logits.rows()), rows_of(logits), labels, call.out_grad.as<float>(),
         counted_rows, rows_of(dx), logits.rows());
}

}  // namespace tessera::cuda
