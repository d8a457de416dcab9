// Ops of one element at a time: the activations, add, bias, scale, scale_heads, and their gradients. One thread each.
#pragma once

#include "tessera/backends/cuda/device.cuh"
#include "tessera/ops/add.hpp"
#include "tessera/ops/bias.hpp"
#include "tessera/ops/gelu.hpp"
#include "tessera/ops/gelu_tanh.hpp"
#include "tessera/ops/relu.hpp"
#include "tessera/ops/scale.hpp"
#include "tessera/ops/scale_heads.hpp"
#include "tessera/ops/swish.hpp"
#include "tessera/ops/tanh.hpp"

namespace tessera::inline TESSERA_ISA::cuda {

// An activation is a value and a slope; the slope takes the output where the op keeps that, else the input.

struct Gelu {
  // normcdff keeps the digits of negative x, which 1 + erf would lose.
  __device__ static float value(float x) { return x * normcdff(x); }
  __device__ static float slope(float x) { return normcdff(x) + x * 0.39894228040143268F * expf(-0.5F * x * x); }
};
struct GeluTanh {
  // (1 + tanh u) / 2 = 1 / (1 + exp(-2 u)), without the cancellation of the left side.
  __device__ static float share(float x) {
    return 1.0F / (1.0F + expf(-2.0F * 0.79788456080286536F * (x + 0.044715F * x * x * x)));
  }
  __device__ static float value(float x) { return x * share(x); }
  __device__ static float slope(float x) {
    const float s = share(x);
    return s + x * s * (1.0F - s) * 2.0F * 0.79788456080286536F * (1.0F + 3.0F * 0.044715F * x * x);
  }
};
struct Relu {
  __device__ static float value(float x) { return x < 0.0F ? 0.0F : x; }  // NaN stays
  __device__ static float slope(float y) { return y > 0.0F ? 1.0F : 0.0F; }
};
struct Swish {
  __device__ static float value(float x) { return x / (1.0F + expf(-x)); }
  __device__ static float slope(float x) {
    const float s = 1.0F / (1.0F + expf(-x));
    return s + x * s * (1.0F - s);
  }
};
struct Tanh {
  __device__ static float value(float x) { return tanhf(x); }
  __device__ static float slope(float y) { return 1.0F - y * y; }
};

template <class Activation>
__global__ void activate_kernel(Rows x, Rows y, Index count) {
  const Index i = my_element();
  if (i < count) y.at(i) = Activation::value(x.at(i));
}
template <class Activation>
__global__ void activate_vjp_kernel(Rows kept, Rows dy, Rows dx, Index count) {
  const Index i = my_element();
  if (i < count) dx.at(i) += dy.at(i) * Activation::slope(kept.at(i));
}

template <class Activation>
void activate(const Call& call) {
  const View& x = call.in[0];
  launch(activate_kernel<Activation>, blocks_for(x.count()), rows_of(x), rows_of(call.out), x.count());
}
template <class Activation, class Op>
void activate_vjp(const VjpCall& call) {
  const View& dx = call.in_grad[0];
  if (dx.data == nullptr) return;
  launch(activate_vjp_kernel<Activation>, blocks_for(dx.count()),
         rows_of((Op::keeps & keeps_output) != 0 ? call.out : call.in[0]), rows_of(call.out_grad), rows_of(dx),
         dx.count());
}

__global__ void add_kernel(Rows a, Rows b, Rows y, Index count) {
  const Index i = my_element();
  if (i < count) y.at(i) = a.at(i) + b.at(i);
}
__global__ void bias_kernel(Rows x, const float* b, Rows y, Index count) {
  const Index i = my_element();
  if (i < count) y.at(i) = x.at(i) + b[i % x.columns];
}
/// y = factor * factors[i / each % of] * x; without factors: y = factor * x.
__global__ void scale_kernel(Rows x, float factor, const float* factors, Index each, Index of, Rows y, Index count) {
  const Index i = my_element();
  if (i < count) y.at(i) = (factors != nullptr ? factors[i / each % of] : factor) * x.at(i);
}
/// dx += factor * dy, with factors as above.
__global__ void add_scaled_kernel(Rows dy, float factor, const float* factors, Index each, Index of, Rows dx,
                                  Index count) {
  const Index i = my_element();
  if (i < count) dx.at(i) += (factors != nullptr ? factors[i / each % of] : factor) * dy.at(i);
}

/// to[c] += the sum of column c: one thread a column, rows in order, in double.
__global__ void add_column_sums_kernel(Rows from, Index rows, float* to) {
  const Index c = my_element();
  if (c >= from.columns) return;
  double sum = 0;
  for (Index r = 0; r < rows; ++r) sum += static_cast<double>(from.row(r)[c]);
  to[c] += static_cast<float>(sum);
}

inline void add(const Call& call) {
  using op = tessera::op::add;
  const View& a = call.in[op::a];
  launch(add_kernel, blocks_for(a.count()), rows_of(a), rows_of(call.in[op::b]), rows_of(call.out), a.count());
}

inline void bias(const Call& call) {
  using op = tessera::op::bias;
  const View& x = call.in[op::x];
  launch(bias_kernel, blocks_for(x.count()), rows_of(x), call.in[op::b].as<float>(), rows_of(call.out), x.count());
}

inline void scale(const Call& call) {
  const View& x = call.in[0];
  launch(scale_kernel, blocks_for(x.count()), rows_of(x), static_cast<float>(call.as<op::scale>().factor), nullptr,
         Index{1}, Index{1}, rows_of(call.out), x.count());
}

inline void scale_heads(const Call& call) {
  using op = tessera::op::scale_heads;
  const View& x = call.in[op::x];
  launch(scale_kernel, blocks_for(x.count()), rows_of(x), 1.0F, call.in[op::factor].as<float>(), x.dim[2] * x.dim[3],
         x.dim[1], rows_of(call.out), x.count());
}

inline void add_to_gradient(const View& dx, const View& dy, float factor) {
  if (dx.data != nullptr)
    launch(add_scaled_kernel, blocks_for(dx.count()), rows_of(dy), factor, nullptr, Index{1}, Index{1}, rows_of(dx),
           dx.count());
}

inline void add_vjp(const VjpCall& call) {
  // One after the other on the stream: both may be the same bytes.
  add_to_gradient(call.in_grad[op::add::a], call.out_grad, 1);
  add_to_gradient(call.in_grad[op::add::b], call.out_grad, 1);
}

inline void bias_vjp(const VjpCall& call) {
  const View& dy = call.out_grad;
  add_to_gradient(call.in_grad[op::bias::x], dy, 1);
  if (const View& db = call.in_grad[op::bias::b]; db.data != nullptr)
    launch(add_column_sums_kernel, blocks_for(dy.columns()), rows_of(dy), dy.rows(), db.as<float>());
}

/// dfactor[h] += the sum of x dy over head h: one warp a head.
__global__ void scale_heads_vjp_kernel(Rows x, Rows dy, Index texts, Index heads, Index queries, float* dfactor) {
  const Index h = my_row();
  if (h >= heads) return;
  double sum = 0;
  for (Index r = 0; r < texts * queries; ++r) {
    const Index row = (r / queries * heads + h) * queries + r % queries;
    for (Index c = my_lane(); c < x.columns; c += warp)
      sum += static_cast<double>(x.row(row)[c]) * static_cast<double>(dy.row(row)[c]);
  }
  sum = warp_sum(sum);
  if (my_lane() == 0) dfactor[h] += static_cast<float>(sum);
}

inline void scale_heads_vjp(const VjpCall& call) {
  using op = tessera::op::scale_heads;
  const View& x = call.in[op::x];
  const View& dy = call.out_grad;
  if (const View& dx = call.in_grad[op::x]; dx.data != nullptr)
    launch(add_scaled_kernel, blocks_for(dx.count()), rows_of(dy), 1.0F, call.in[op::factor].as<float>(),
           x.dim[2] * x.dim[3], x.dim[1], rows_of(dx), dx.count());
  if (const View& dfactor = call.in_grad[op::factor]; dfactor.data != nullptr)
    launch(scale_heads_vjp_kernel, warp_blocks_for(x.dim[1]), rows_of(x), rows_of(dy), x.dim[0], x.dim[1], x.dim[2],
           dfactor.as<float>());
}

inline void scale_vjp(const VjpCall& call) {
  add_to_gradient(call.in_grad[0], call.out_grad, static_cast<float>(call.as<op::scale>().factor));
}

}  // namespace tessera::cuda
