// segment_select, reference; a relation outside of the scores gives 0 and an assertion.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/base/assert.hpp"
#include "tessera/ops/segment_select.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// The relation of key j to the query in row r of [B, h, Q, ...].
inline Index relation_of(const View& relation, const View& scores, Index r, Index j) noexcept {
  const Index text = r / (scores.dim[1] * scores.dim[2]);
  const Index query = r % scores.dim[2];
  return relation.row<std::int32_t>(text * scores.dim[2] + query)[j];
}

template <class T>
void segment_select(const Call& call) noexcept {
  const View& in = call.in[op::segment_select::x];
  for (Index r = 0; r < call.out.rows(); ++r)
    for (Index j = 0; j < call.out.columns(); ++j) {
      const Index s = relation_of(call.in[op::segment_select::relation], in, r, j);
      const bool inside = s >= 0 && s < in.columns();
      TESSERA_ASSERT(inside, "segment_select: a relation is outside of the scores");
      call.out.row<T>(r)[j] = inside ? in.row<T>(r)[s] : T(0);
    }
}

/// One sum for each score and relation, over the keys in order.
template <class T>
void segment_select_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::segment_select::x];
  if (grad.data == nullptr) return;
  for (Index r = 0; r < grad.rows(); ++r)
    for (Index s = 0; s < grad.columns(); ++s) {
      double sum = 0;
      for (Index j = 0; j < call.out_grad.columns(); ++j)
        if (relation_of(call.in[op::segment_select::relation], grad, r, j) == s)
          sum += static_cast<double>(call.out_grad.row<T>(r)[j]);
      add_to(grad.row<T>(r)[s], sum);
    }
}

}  // namespace tessera::reference
