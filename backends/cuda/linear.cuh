// linear: y = x W^T + b, or x W + b, and its gradient.
#pragma once

#include "tessera/backends/cuda/elementwise.cuh"
#include "tessera/backends/cuda/gemm.cuh"
#include "tessera/ops/linear.hpp"

namespace tessera::inline TESSERA_ISA::cuda {

inline void linear(const Call& call) {
  using op = tessera::op::linear;
  const View& x = call.in[op::x];
  const View& weight = call.in[op::weight];
  const View& bias = call.in[op::bias];
  Gemm g;
  g.m = x.rows(), g.n = call.out.columns(), g.k = x.columns();
  g.a = x.as<float>(), g.a_stride = x.row_stride;
  g.b = weight.as<float>(), g.b_stride = weight.row_stride, g.b_transposed = !call.as<op>().in_out;
  g.out = call.out.as<float>(), g.out_stride = call.out.row_stride;
  g.bias = bias.present() ? bias.as<float>() : nullptr;
  multiply(g);
}

inline void linear_vjp(const VjpCall& call) {
  using op = tessera::op::linear;
  const View& x = call.in[op::x];
  const View& weight = call.in[op::weight];
  const View& dy = call.out_grad;
  const bool in_out = call.as<op>().in_out;
  if (const View& dx = call.in_grad[op::x]; dx.data != nullptr) {
    Gemm g;
    g.m = dy.rows(), g.n = x.columns(), g.k = dy.columns();
    g.a = dy.as<float>(), g.a_stride = dy.row_stride;
    g.b = weight.as<float>(), g.b_stride = weight.row_stride, g.b_transposed = in_out;
    g.out = dx.as<float>(), g.out_stride = dx.row_stride, g.beta = 1;
    multiply(g);
  }
  if (const View& dw = call.in_grad[op::weight]; dw.data != nullptr) {
    // [out, in] = dy^T x, or [in, out] = x^T dy.
    const View& left = in_out ? x : dy;
    const View& right = in_out ? dy : x;
    Gemm g;
    g.m = left.columns(), g.n = right.columns(), g.k = x.rows();
    g.a = left.as<float>(), g.a_stride = left.row_stride, g.a_transposed = true;
    g.b = right.as<float>(), g.b_stride = right.row_stride;
    g.out = dw.as<float>(), g.out_stride = dw.row_stride, g.beta = 1;
    multiply(g);
  }
  if (const View& db = call.in_grad[op::bias]; db.data != nullptr)
    launch(add_column_sums_kernel, blocks_for(dy.columns()), rows_of(dy), dy.rows(), db.as<float>());
}

}  // namespace tessera::cuda
