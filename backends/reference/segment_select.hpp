// segment_select, reference; a relation outside of the scores gives 0 and an assertion.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/base/assert.hpp"
#include "tessera/ops/segment_select.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// The row of x [1, h, B Q, S] and that of the relation [B, Q, K] which belong to row r of out [B, h, Q, K].
struct SegmentRows {
  Index x, relation;
  SegmentRows(const View& out, Index r) noexcept {
    const Index heads = out.dim[1], queries = out.dim[2];
    relation = r / (heads * queries) * queries + r % queries;
    x = r / queries % heads * out.dim[0] * queries + relation;
  }
};

template <class T>
void segment_select(const Call& call) noexcept {
  const View& in = call.in[op::segment_select::x];
  for (Index r = 0; r < call.out.rows(); ++r) {
    const SegmentRows rows(call.out, r);
    for (Index j = 0; j < call.out.columns(); ++j) {
      const Index s = call.in[op::segment_select::relation].row<std::int32_t>(rows.relation)[j];
      const bool inside = s >= 0 && s < in.columns();
      TESSERA_ASSERT(inside, "segment_select: a relation is outside of the scores");
      call.out.row<T>(r)[j] = inside ? in.row<T>(rows.x)[s] : T(0);
    }
  }
}

/// One sum for each score and relation, over the keys in order.
template <class T>
void segment_select_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::segment_select::x];
  if (grad.data == nullptr) return;
  for (Index r = 0; r < call.out_grad.rows(); ++r) {
    const SegmentRows rows(call.out_grad, r);
    const std::int32_t* relation = call.in[op::segment_select::relation].row<std::int32_t>(rows.relation);
    for (Index s = 0; s < grad.columns(); ++s) {
      double sum = 0;
      for (Index j = 0; j < call.out_grad.columns(); ++j)
        if (relation[j] == s) sum += static_cast<double>(call.out_grad.row<T>(r)[j]);
      add_to(grad.row<T>(rows.x)[s], sum);
    }
  }
}

}  // namespace tessera::reference
