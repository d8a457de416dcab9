// attention: softmax(scale * q k^T under the visibility) v for each text and head.
//
// A fused op; composition: split_heads, matmul, softmax, dropout, scale_heads, matmul, merge_heads. The composition
// also runs when "attentions" are tapped, and in training with dropout on the probabilities.
// Keys and values may be more than the queries (a cache: first what was there, then the queries' own), K of each text
// in [texts, key_rows] rows; causal then means keys up to i + K - Q. Source: Vaswani et al., "Attention Is All You
// Need" (2017), equation 1.
#pragma once

#include "tessera/ops/dropout.hpp"
#include "tessera/ops/embedding.hpp"
#include "tessera/ops/heads.hpp"
#include "tessera/ops/matmul.hpp"
#include "tessera/ops/scale_heads.hpp"
#include "tessera/ops/softmax.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct attention {
  static constexpr OpId id = OpId::attention;
  /// q: [rows, h * d], k, v: the same or [B * key_rows, h * d], rows strided; i32 [B + 1]; [B, K] or [B, Q, K] or
  /// absent; [h] or absent
  enum : int { q, k, v, offsets, keep, head_mask };
  struct Attributes {
    Index heads = 1;
    Index texts = 0;
    Index longest = 0;
    double scale = 1;
    Visibility visibility;
    Index keys = 0;              ///< K of each text; 0: the queries' rows are the keys
    Index key_rows = 0;          ///< rows from one text's first key to the next one's, when there are `keys`
    bool low_precision = false;  ///< both products may round what they multiply to bf16; a backend need not
  };
  static constexpr unsigned keeps = keeps_input(q) | keeps_input(k) | keeps_input(v) | keeps_input(offsets) |
                                    keeps_input(keep) | keeps_input(head_mask);
  /// 2 products of Q x K x d for each text and head; an upper bound for a ragged batch, and for a cache with room left.
  static constexpr std::int64_t flops(const View* in, const View&) noexcept {
    const Index texts = in[offsets].dim[0] - 1;
    return texts > 0 ? 4 * in[q].count() * (in[k].dim[0] / texts) : 0;
  }
};
}  // namespace op

namespace detail {
/// The keys of a sequence as one matrix a head, [texts, heads, K, d]: rows of a cache without those that are free.
template <class T>
constexpr auto split_key_heads(const T& x, Index heads, const Sequence& sequence) noexcept {
  if (sequence.keys == 0) return split_heads(x, heads, sequence);
  Sequence of_keys;
  of_keys.layout = Layout::padded(sequence.layout.texts, sequence.keys);
  if (sequence.key_stride() == sequence.keys) return split_heads(x, heads, of_keys);
  auto rows = take_rows(x, sequence.key_ids);
  return split_heads(rows, heads, of_keys);
}
}  // namespace detail

/// q: [rows, heads * d]; k, v: the same, or [texts * key_stride, heads * d] where the sequence has keys of its own.
/// head_mask: [heads] or absent. Returns [rows, heads * d].
template <class Q, class K, class V>
constexpr auto attention(Q q, K k, V v, Index heads, double scale, const Sequence& sequence, const Operand& head_mask,
                         double dropout_rate) noexcept {
  auto& context = q.context();
  constexpr Index width = size_of_dim<Q, 1>;
  const Layout& layout = sequence.layout;
  const bool has_keys = sequence.keys > 0;
  bool drops = false;
  if constexpr (Q::context_type::training) drops = dropout_rate > 0 && context.dropout_enabled();
  context.require(heads > 0 && q.size(1) % heads == 0, "attention: columns must be a multiple of the heads", heads,
                  q.size(1), Code::shape_mismatch, OpId::attention);
  context.require(q.size(1) == k.size(1) && q.size(1) == v.size(1), "attention: q, k and v must have as many columns",
                  q.size(1), q.size(1) != k.size(1) ? k.size(1) : v.size(1), Code::shape_mismatch, OpId::attention);
  const Index key_rows = has_keys ? layout.texts * sequence.key_stride() : layout.rows;
  context.require(q.size(0) == layout.rows, "attention: q must have a row for each token", layout.rows, q.size(0),
                  Code::shape_mismatch, OpId::attention);
  context.require(k.size(0) == key_rows && v.size(0) == key_rows, "attention: k and v must have a row for each key",
                  key_rows, k.size(0) != key_rows ? k.size(0) : v.size(0), Code::shape_mismatch, OpId::attention);
  if (has_keys) {
    context.require(!layout.is_ragged(), "attention: keys of a cache go with a padded batch", 0, 1,
                    Code::invalid_argument, OpId::attention);
    context.require(sequence.keys >= layout.longest, "attention: there must be a key for each query", layout.longest,
                    sequence.keys, Code::shape_mismatch, OpId::attention);
    context.require(sequence.key_stride() >= sequence.keys, "attention: the keys of a text must not overlap the next's",
                    sequence.keys, sequence.key_stride(), Code::shape_mismatch, OpId::attention);
    const Index ids = sequence.key_ids.view.count();
    context.require(sequence.key_stride() == sequence.keys || ids == layout.texts * sequence.keys,
                    "attention: key_ids must name the row of each key", layout.texts * sequence.keys, ids,
                    Code::shape_mismatch, OpId::attention);
  }
  if (head_mask.present())
    context.require(head_mask.view.count() == heads, "head_mask: it must have an entry for each head that is left",
                    heads, head_mask.view.count(), Code::shape_mismatch, OpId::attention);
  const Operand offsets = layout.is_ragged() ? sequence.offsets : Operand();
  require_visibility(context, offsets, sequence.keep, layout.texts, layout.longest, sequence.key_count(),
                     OpId::attention);
  if (context.has(OpId::attention) && !drops && !context.wants("attentions"))
    return context.template apply<op::attention>(
        {heads, layout.texts, layout.longest, scale, sequence.visibility, sequence.keys,
         has_keys ? sequence.key_stride() : 0, context.low_precision()},
        Extents<dyn, width>(layout.rows, q.size(1)), q.operand(), k.operand(), v.operand(), sequence.offsets,
        sequence.keep, head_mask);
  auto query = split_heads(q, heads, sequence);
  q.reset();
  auto key = detail::split_key_heads(k, heads, sequence);
  k.reset();
  auto scores = matmul(query, key, true, scale);
  query.reset();
  key.reset();
  auto probabilities = softmax(std::move(scores), sequence.visibility, offsets, sequence.keep);
  probabilities = dropout(std::move(probabilities), dropout_rate);
  if (head_mask.present()) probabilities = scale_heads(std::move(probabilities), head_mask);
  context.tap("attentions", probabilities.view());
  auto value = detail::split_key_heads(v, heads, sequence);
  v.reset();
  auto mixed = matmul(probabilities, value, false);
  probabilities.reset();
  value.reset();
  return merge_heads<width>(mixed, sequence);
}

}  // namespace tessera
