// rel_shift, reference: each score is read where the formula of the op says.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/rel_shift.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// Where score (query, key) of matrix m of [B, h, Q, P] is read, in row-major order.
inline Index rel_shift_source(const View& in, Index m, Index query, Index key) noexcept {
  const Index queries = in.dim[2];
  const Index positions = in.dim[3];
  return m * queries * positions + queries + query * (positions - 1) + key;
}

template <class T>
void rel_shift(const Call& call) noexcept {
  const View& in = call.in[op::rel_shift::x];
  const Index queries = in.dim[2];
  for (Index r = 0; r < call.out.rows(); ++r)
    for (Index j = 0; j < call.out.columns(); ++j)
      call.out.row<T>(r)[j] = at<T>(in, rel_shift_source(in, r / queries, r % queries, j));
}

template <class T>
void rel_shift_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::rel_shift::x];
  if (grad.data == nullptr) return;
  const Index queries = grad.dim[2];
  for (Index r = 0; r < call.out_grad.rows(); ++r)
    for (Index j = 0; j < call.out_grad.columns(); ++j)
      add_to(at<T>(grad, rel_shift_source(grad, r / queries, r % queries, j)),
             static_cast<double>(call.out_grad.row<T>(r)[j]));
}

}  // namespace tessera::reference
