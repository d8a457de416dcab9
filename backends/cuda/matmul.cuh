// matmul: out = scale * a b, or scale * a b^T, for each text and head, and its gradient: batched products.
#pragma once

#include "tessera/backends/cuda/gemm.cuh"
#include "tessera/ops/matmul.hpp"

namespace tessera::inline TESSERA_ISA::cuda {

namespace detail {
/// The matrices of a [B, h, rows, columns] view on one side of a product.
inline void left(Gemm& g, const View& v, bool transposed) noexcept {
  g.a = v.as<float>(), g.a_stride = v.row_stride, g.a_transposed = transposed, g.a_step = v.dim[2] * v.row_stride;
}
inline void right(Gemm& g, const View& v, bool transposed) noexcept {
  g.b = v.as<float>(), g.b_stride = v.row_stride, g.b_transposed = transposed, g.b_step = v.dim[2] * v.row_stride;
}
inline void result(Gemm& g, const View& v, float beta) noexcept {
  g.m = v.dim[2], g.n = v.dim[3], g.batch = v.dim[0] * v.dim[1];
  g.out = v.as<float>(), g.out_stride = v.row_stride, g.out_step = v.dim[2] * v.row_stride, g.beta = beta;
}
}  // namespace detail

inline void matmul(const Call& call) {
  using op = tessera::op::matmul;
  Gemm g;
  detail::left(g, call.in[op::a], false);
  detail::right(g, call.in[op::b], call.as<op>().transpose_b);
  detail::result(g, call.out, 0);
  g.k = call.in[op::a].dim[3];
  g.alpha = static_cast<float>(call.as<op>().scale);
  multiply(g);
}

inline void matmul_vjp(const VjpCall& call) {
  using op = tessera::op::matmul;
  const View& a = call.in[op::a];
  const View& b = call.in[op::b];
  const View& dout = call.out_grad;
  const bool transposed = call.as<op>().transpose_b;
  const auto scale = static_cast<float>(call.as<op>().scale);
  if (const View& da = call.in_grad[op::a]; da.data != nullptr) {
    Gemm g;
    detail::left(g, dout, false);
    detail::right(g, b, !transposed);
    detail::result(g, da, 1);
    g.k = dout.dim[3];
    g.alpha = scale;
    multiply(g);
  }
  if (const View& db = call.in_grad[op::b]; db.data != nullptr) {
    Gemm g;
    detail::left(g, transposed ? dout : a, true);
    detail::right(g, transposed ? a : dout, false);
    detail::result(g, db, 1);
    g.k = dout.dim[2];
    g.alpha = scale;
    multiply(g);
  }
}

}  // namespace tessera::cuda
