// rel_shift, reference: each score is read where the formula of the op says.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/rel_shift.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// Where score `key` of row r of [B, h, Q, K] is read in [G, h, (B / G) Q, P], in row-major order.
inline Index rel_shift_source(const View& in, const View& out, Index r, Index key) noexcept {
  const Index heads = out.dim[1], queries = out.dim[2], positions = in.dim[3];
  const Index text = r / (heads * queries), head = r / queries % heads, query = r % queries;
  const Index per_group = in.dim[0] > 0 ? out.dim[0] / in.dim[0] : 1;
  const Index block = ((text / per_group * heads + head) * per_group + text % per_group) * queries;
  return block * positions + queries + query * (positions - 1) + key;
}

template <class T>
void rel_shift(const Call& call) noexcept {
  const View& in = call.in[op::rel_shift::x];
  for (Index r = 0; r < call.out.rows(); ++r)
    for (Index j = 0; j < call.out.columns(); ++j)
      call.out.row<T>(r)[j] = at<T>(in, rel_shift_source(in, call.out, r, j));
}

template <class T>
void rel_shift_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::rel_shift::x];
  if (grad.data == nullptr) return;
  for (Index r = 0; r < call.out_grad.rows(); ++r)
    for (Index j = 0; j < call.out_grad.columns(); ++j)
      add_to(at<T>(grad, rel_shift_source(grad, call.out_grad, r, j)), static_cast<double>(call.out_grad.row<T>(r)[j]));
}

}  // namespace tessera::reference
