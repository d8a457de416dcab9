// relative_scores: out = scale * (content + rel_shift(position) + segment_select(relation)): scores of relative
// attention from its products, in one pass.
//
// A fused op; composition: rel_shift, add, segment_select, add, scale. Source: Dai et al., "Transformer-XL" (2019),
// appendix B; Yang et al., "XLNet" (2019), section 2.5.
#pragma once

#include "tessera/ops/add.hpp"
#include "tessera/ops/rel_shift.hpp"
#include "tessera/ops/scale.hpp"
#include "tessera/ops/segment_select.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct relative_scores {
  static constexpr OpId id = OpId::relative_scores;
  /// [B, h, Q, K]; [G, h, (B / G) Q, P], P > K; [1, h, B Q, S] and i32 [B, Q, K] in [0, S), or both absent
  enum : int { content, position, relation, pairs };
  struct Attributes {
    double scale = 1;
  };
  static constexpr unsigned keeps = keeps_input(pairs);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// content: [B, h, Q, K], overwritten where the context allows; position: [G, h, (B / G) Q, P]; relation:
/// [1, h, B Q, S], or an empty tensor. Returns [B, h, Q, K].
template <class T, class P, class R>
constexpr auto relative_scores(T content, const P& position, const R& relation, const Operand& pairs,
                               double factor) noexcept {
  auto& context = content.context();
  if (!context.has(OpId::relative_scores)) {
    auto shifted = rel_shift(position, content.size(0), content.size(3));
    auto scores = add(std::move(content), shifted);
    shifted.reset();
    if (relation) {
      auto of_pair = segment_select(relation, pairs);
      scores = add(std::move(scores), of_pair);
    }
    return scale(std::move(scores), factor);
  }
  const Index texts = content.size(0), groups = position.size(0);
  context.require(content.size(3) < position.size(3), "relative_scores: there must be more positions than keys",
                  content.size(3) + 1, position.size(3), Code::shape_mismatch, OpId::relative_scores);
  context.require(groups > 0 && texts % groups == 0 && position.size(1) == content.size(1) &&
                      position.size(2) == texts / groups * content.size(2),
                  "relative_scores: there must be a row of positions for each query of a group",
                  groups > 0 ? texts / groups * content.size(2) : 0, position.size(2), Code::shape_mismatch,
                  OpId::relative_scores);
  Operand scored;
  if (relation) {
    scored = relation.operand();
    const View& v = pairs.view;
    context.require(v.rank == 3 && v.dim[0] == texts && v.dim[1] == content.size(2) && v.dim[2] == content.size(3) &&
                        relation.size(2) == texts * content.size(2),
                    "relative_scores: the relation must be [texts, queries, keys]",
                    texts * content.size(2) * content.size(3), v.count(), Code::shape_mismatch, OpId::relative_scores);
  }
  return context.template apply_in_place<op::relative_scores>({factor}, std::move(content), position.operand(), scored,
                                                              relation ? pairs : Operand());
}

}  // namespace tessera
