// segment_select: out[b, h, i, j] = x[h, (b, i), s[b, i, j]]: the score of the segment relation of a query and a key.
//
// The two relations are the same for all texts, so their scores come from one product, x: [1, h, B Q, S].
// Source: Yang et al., "XLNet" (2019), section 2.5: only "same segment" (0) or "another" (1) matters.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct segment_select {
  static constexpr OpId id = OpId::segment_select;
  enum : int { x, relation };  ///< [1, h, B Q, S]; i32 [B, Q, K] in [0, S)
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(relation);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x: [1, h, B * Q, S], relation: i32 [B, Q, K]. Returns [B, h, Q, K].
template <class T>
constexpr auto segment_select(const T& x, const Operand& relation) noexcept {
  auto& context = x.context();
  const View& r = relation.view;
  context.require(r.rank == 3 && x.size(0) == 1 && r.dim[0] * r.dim[1] == x.size(2),
                  "segment_select: the relation must be [texts, queries, keys]", x.size(2), r.dim[0] * r.dim[1],
                  Code::shape_mismatch, OpId::segment_select);
  return context.template apply<op::segment_select>(
      {}, Extents<dyn, dyn, dyn, dyn>(r.dim[0], x.size(1), r.dim[1], r.dim[2]), x.operand(), relation);
}

}  // namespace tessera
