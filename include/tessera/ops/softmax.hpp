// softmax: probabilities over the keys, under a visibility.
//
// For each text b, head, query i: keep = keep[b, j] or keep[b, i, j] (1 where absent), times 0 for j > i + K - Q when
// causal; the score s becomes what the fill says (sequence.hpp), then p_j = exp(s_j - max) / sum. In a ragged batch the
// keys past a text's end get probability 0, and the rows of queries past its end are 0.
// A key whose keep is 1 has its score as it is, also where the fill's value is infinite; a row whose keys are all
// hidden under -infinity is NaN. Gradient: ds = p * (dp - sum_j dp_j p_j), times keep under `replace`, 0 for hidden
// keys under `set`.
#pragma once

#include "tessera/ops/kernel.hpp"
#include "tessera/tensor/sequence.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct softmax {
  static constexpr OpId id = OpId::softmax;
  enum : int { scores, offsets, keep };  ///< [B, h, Q, K]; i32 [B + 1] or absent; [B, K] or [B, Q, K] or absent
  struct Attributes {
    Visibility visibility;
  };
  static constexpr unsigned keeps = keeps_output | keeps_input(offsets) | keeps_input(keep);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// Checks the offsets and the mask of a softmax over [texts, heads, queries, keys].
template <class Context>
constexpr void require_visibility(Context& context, const Operand& offsets, const Operand& keep, Index texts,
                                  Index queries, Index keys, OpId id) noexcept {
  if (offsets.present())
    context.require(offsets.view.count() == texts + 1, "softmax: there must be an offset for each text and the end",
                    texts + 1, offsets.view.count(), Code::shape_mismatch, id);
  if (!keep.present()) return;
  const View& k = keep.view;
  context.require(k.dim[0] == texts, "softmax: the mask must have a row for each text", texts, k.dim[0],
                  Code::shape_mismatch, id);
  context.require(k.columns() == keys, "softmax: the mask must have a column for each key", keys, k.columns(),
                  Code::shape_mismatch, id);
  context.require(k.rank == 2 || (k.rank == 3 && k.dim[1] == queries),
                  "softmax: a pair mask must have a row for each query", queries, k.dim[1], Code::shape_mismatch, id);
}

/// scores: [B, h, Q, K], overwritten where the context allows. Returns the probabilities, [B, h, Q, K].
/// `offsets` only for ragged batches; the lengths it gives count from the first query, and keys before the queries
/// (memory) are whole.
template <class T>
constexpr auto softmax(T scores, const Visibility& visibility, const Operand& offsets, const Operand& keep) noexcept {
  auto& context = scores.context();
  require_visibility(context, offsets, keep, scores.size(0), scores.size(2), scores.size(3), OpId::softmax);
  return context.template apply_in_place<op::softmax>({visibility}, std::move(scores), offsets, keep);
}

}  // namespace tessera
