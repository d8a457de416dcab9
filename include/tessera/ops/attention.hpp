// attention: softmax(scale * q k^T under the visibility) v for each text and head.
//
// A fused op; composition: split_heads, matmul, softmax, dropout, scale_heads, matmul, merge_heads. The composition
// also runs when "attentions" are tapped, and in training with dropout on the probabilities.
// Source: Vaswani et al., "Attention Is All You Need" (2017), equation 1.
#pragma once

#include "tessera/ops/dropout.hpp"
#include "tessera/ops/heads.hpp"
#include "tessera/ops/matmul.hpp"
#include "tessera/ops/scale_heads.hpp"
#include "tessera/ops/softmax.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct attention {
  static constexpr OpId id = OpId::attention;
  /// q, k, v: [rows, h * d], rows strided; i32 [B + 1]; [B, T] or [B, T, T] or absent; [h] or absent
  enum : int { q, k, v, offsets, keep, head_mask };
  struct Attributes {
    Index heads = 1;
    Index texts = 0;
    Index longest = 0;
    double scale = 1;
    Visibility visibility;
  };
  static constexpr unsigned keeps = keeps_input(q) | keeps_input(k) | keeps_input(v) | keeps_input(offsets) |
                                    keeps_input(keep) | keeps_input(head_mask);
  /// 2 products of T x T x d for each text and head; an upper bound for a ragged batch.
  static constexpr std::int64_t flops(const View* in, const View&) noexcept {
    const Index texts = in[offsets].dim[0] - 1;
    return texts > 0 ? 4 * in[q].count() * (in[q].dim[0] / texts) : 0;
  }
};
}  // namespace op

/// q, k, v: [rows, heads * d]. head_mask: [heads] or absent. Returns [rows, heads * d].
template <class Q, class K, class V>
constexpr auto attention(Q q, K k, V v, Index heads, double scale, const Sequence& sequence, const Operand& head_mask,
                         double dropout_rate) noexcept {
  auto& context = q.context();
  constexpr Index width = size_of_dim<Q, 1>;
  const Layout& layout = sequence.layout;
  bool drops = false;
  if constexpr (Q::context_type::training) drops = dropout_rate > 0 && context.dropout_enabled();
  context.require(heads > 0 && q.size(1) % heads == 0, "attention: columns must be a multiple of the heads", heads,
                  q.size(1), Code::shape_mismatch, OpId::attention);
  context.require(q.size(1) == k.size(1) && q.size(1) == v.size(1), "attention: q, k and v must have as many columns",
                  q.size(1), q.size(1) != k.size(1) ? k.size(1) : v.size(1), Code::shape_mismatch, OpId::attention);
  const Index given[] = {q.size(0), k.size(0), v.size(0)};
  for (const Index rows : given)
    context.require(rows == layout.rows, "attention: q, k and v must have a row for each token", layout.rows, rows,
                    Code::shape_mismatch, OpId::attention);
  if (head_mask.present())
    context.require(head_mask.view.count() == heads, "head_mask: it must have an entry for each head that is left",
                    heads, head_mask.view.count(), Code::shape_mismatch, OpId::attention);
  require_visibility(context, layout.is_ragged() ? sequence.offsets : Operand(), sequence.keep, layout.texts,
                     layout.longest, layout.longest, OpId::attention);
  if (context.has(OpId::attention) && !drops && !context.wants("attentions"))
    return context.template apply<op::attention>({heads, layout.texts, layout.longest, scale, sequence.visibility},
                                                 Extents<dyn, width>(layout.rows, q.size(1)), q.operand(), k.operand(),
                                                 v.operand(), sequence.offsets, sequence.keep, head_mask);
  auto query = split_heads(q, heads, sequence);
  q.reset();
  auto key = split_heads(k, heads, sequence);
  k.reset();
  auto scores = matmul(query, key, true, scale);
  query.reset();
  key.reset();
  const Operand offsets = layout.is_ragged() ? sequence.offsets : Operand();
  auto probabilities = softmax(std::move(scores), sequence.visibility, offsets, sequence.keep);
  probabilities = dropout(std::move(probabilities), dropout_rate);
  if (head_mask.present()) probabilities = scale_heads(std::move(probabilities), head_mask);
  context.tap("attentions", probabilities.view());
  auto value = split_heads(v, heads, sequence);
  v.reset();
  auto mixed = matmul(probabilities, value, false);
  probabilities.reset();
  value.reset();
  return merge_heads<width>(mixed, sequence);
}

}  // namespace tessera
