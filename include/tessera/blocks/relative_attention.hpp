// relative_attention: attention by content and by relative position; RelativeAttention is Transformer-XL's block.
//
// score(i, j) = ((q_i + r_w_bias) k_j + (q_i + r_r_bias) W_r R_(i-j)) / sqrt(d).
// Source: Dai et al., "Transformer-XL" (2019), section 3.3. Parameters carry the checkpoint's names. Batches are
// padded; keys are those of a memory, then those of the queries.
#pragma once

#include "tessera/blocks/linear.hpp"
#include "tessera/blocks/memory.hpp"
#include "tessera/blocks/norm.hpp"
#include "tessera/blocks/self_attention.hpp"
#include "tessera/ops/bias.hpp"
#include "tessera/ops/columns.hpp"
#include "tessera/ops/embedding.hpp"
#include "tessera/ops/relative_scores.hpp"

namespace tessera::inline TESSERA_ISA {

/// What relative attention needs besides its streams, the same for all layers. Plain data.
struct RelativeContext {
  Index texts = 0;
  Index queries = 0;  ///< of each text
  Index keys = 0;     ///< of each text: memory and content
  Visibility visibility;
  Operand keep;               ///< [texts, queries, keys]: 1 visible; absent: all that the visibility shows
  Operand query_rows;         ///< i32 [texts * queries]: their rows among those of the keys; absent: they are the same
  Index position_groups = 1;  ///< groups of neighbouring texts with positions of their own
  Operand segment_pairs;      ///< i32 [texts, queries, keys]: 0 same segment, 1 another; absent: no segment term
  Operand head_mask;          ///< [heads] or absent

  constexpr Index memory() const noexcept { return keys - queries; }
};

/// Rows of `groups` groups as heads, [groups, heads, rows, d]. x: [groups * rows, heads * d].
template <class T>
constexpr auto split_groups(const T& x, Index heads, Index groups, Index rows) noexcept {
  Sequence s;
  s.layout = Layout::padded(groups, rows);
  return split_heads(x, heads, s);
}

/// A layer's memory of keys and values; empty: it has none, or one of hidden states. Plain data.
struct ProjectedMemory {
  MemorySlot keys, values;
  const MemoryPlan* plan = nullptr;

  /// The keys (or values) of a memory and of x, [texts * rows, W], behind it: [texts, heads, keys, d].
  constexpr auto heads_of(const auto& x, const MemorySlot& slot, Index heads, const RelativeContext& c) const noexcept {
    if (plan != nullptr) remember(x, slot, *plan);
    if (!slot.rows.present()) return split_groups(x, heads, c.texts, c.keys);
    auto all = concat_texts(slot.rows, x, c.texts);
    return split_groups(all, heads, c.texts, c.keys);
  }
};

/// Keys, values and keys of positions, split into heads: [texts, heads, keys, d] twice, [groups, heads, positions, d].
template <class K, class P>
struct RelativeKeys {
  K key, value;
  P position;
};

/// No term beside content and position.
struct NoSegments {
  template <class Q>
  constexpr auto operator()(Q, const RelativeContext&) const noexcept {
    return Tensor<typename Q::context_type, Extents<dyn, dyn, dyn, dyn>>();
  }
};

/// From scores to mixed values. scores: [texts, heads, queries, keys]; value: [texts, heads, keys, d]. Returns
/// [texts * queries, heads * d].
template <Index Width = dyn, class S>
constexpr auto mix_values(S scores, const auto& value, const RelativeContext& c, double dropout_rate) noexcept {
  auto probabilities = softmax(std::move(scores), c.visibility, Operand(), c.keep);
  probabilities = dropout(std::move(probabilities), dropout_rate);
  if (c.head_mask.present()) probabilities = scale_heads(std::move(probabilities), c.head_mask);
  probabilities.context().tap("attentions", probabilities.view());
  auto mixed = matmul(probabilities, value, false);
  probabilities.reset();
  Sequence s;
  s.layout = Layout::padded(c.texts, c.queries);
  return merge_heads<Width>(mixed, s);
}

/// query: [texts * queries, heads * d]; biases: params [heads, d]; segments(query, c): scores of the segment relations,
/// [1, heads, texts * queries, relations], or an empty tensor. Returns the mixed values, [texts * queries, heads * d].
template <class Q, class Keys, class Bias, class Segments = NoSegments>
constexpr auto relative_attention(Q query, const Keys& keys, const Bias& r_w_bias, const Bias& r_r_bias,
                                  const RelativeContext& c, double dropout_rate,
                                  const Segments& segments = {}) noexcept {
  const Index heads = r_w_bias.view.dim[0];
  const double scale = detail::inverse_sqrt(static_cast<double>(r_w_bias.view.dim[1]));

  auto by_content = bias(query.borrow(), r_w_bias);
  auto content_heads = split_groups(by_content, heads, c.texts, c.queries);
  by_content.reset();
  auto scores = matmul(content_heads, keys.key, true);
  content_heads.reset();

  auto by_position = bias(query.borrow(), r_r_bias);
  const Index groups = c.position_groups;
  auto position_heads = split_groups(by_position, heads, groups, groups > 0 ? c.texts * c.queries / groups : 0);
  by_position.reset();
  auto of_position = matmul(position_heads, keys.position, true);
  position_heads.reset();
  auto of_relation = segments(std::move(query), c);
  scores = relative_scores(std::move(scores), of_position, of_relation, c.segment_pairs, scale);
  of_position.reset();
  of_relation.reset();
  return mix_values<size_of_dim<Q, 1>>(std::move(scores), keys.value, c, dropout_rate);
}

/// Queries, [texts * queries, W]; keys and values, [texts, heads, keys, d].
template <class Q, class K>
struct ProjectedRows {
  Q query;
  K key, value;
};

/// Cuts what one linear makes for queries, keys and values. qkv: [texts * rows, 3 W]: rows of the segment, behind those
/// of a memory of hidden states; a memory of keys and values comes beside them.
template <Index W, class T>
constexpr auto project_qkv(T qkv, Index heads, Index width, const ProjectedMemory& memory,
                           const RelativeContext& c) noexcept {
  auto k = column_reader<W>(qkv, width, width);
  auto key = memory.heads_of(k, memory.keys, heads, c);
  k.reset();
  auto v = column_reader<W>(qkv, 2 * width, width);
  auto value = memory.heads_of(v, memory.values, heads, c);
  v.reset();
  auto q = columns<W>(qkv, 0, width);
  qkv.reset();
  if (c.query_rows.present()) q = take_rows(q, c.query_rows);
  return ProjectedRows<decltype(q), decltype(key)>{std::move(q), std::move(key), std::move(value)};
}

/// One linear for queries, keys and values, none with a bias. H: width of the model; W: heads times width of a head.
template <Index H = dyn, Index W = dyn>
struct RelativeAttention {
  Projection<H, product(3, W)> qkv_net;
  Projection<W, H> o_net;
  Projection<H, W> r_net;
  Param<dyn, dyn> r_r_bias, r_w_bias;  ///< [heads, d]
  double dropout_rate = 0;             ///< of the probabilities

  constexpr RelativeAttention() = default;
  constexpr RelativeAttention(Index width, Index heads, Index head_size, double dropout)
      : qkv_net(width, 3 * heads * head_size),
        o_net(heads * head_size, width),
        r_net(width, heads * head_size),
        r_r_bias(ParamUse::vector, Extents<dyn, dyn>(heads, head_size)),
        r_w_bias(ParamUse::vector, Extents<dyn, dyn>(heads, head_size)),
        dropout_rate(dropout) {}

  constexpr void visit(auto&& v) {
    v("r_r_bias", r_r_bias);
    v("r_w_bias", r_w_bias);
    v("qkv_net", qkv_net);
    v("o_net", o_net);
    v("r_net", r_net);
  }

  /// x: [texts * rows, H]: the queries' rows, behind those of a memory of hidden states; a memory of keys and values
  /// comes beside them. positions: [groups * P, H], P more than keys. Returns [texts * queries, H].
  constexpr auto operator()(const auto& x, const auto& positions, const ProjectedMemory& memory,
                            const RelativeContext& c) const noexcept {
    const Index heads = r_w_bias.view.dim[0], width = heads * r_w_bias.view.dim[1];
    auto r = r_net(positions);
    auto position = split_groups(r, heads, c.position_groups, r.size(0) / c.position_groups);
    r.reset();
    auto qkv = qkv_net(x);
    auto projected = project_qkv<W>(std::move(qkv), heads, width, memory, c);
    const RelativeKeys<decltype(projected.key), decltype(position)> keys{
        std::move(projected.key), std::move(projected.value), std::move(position)};
    auto mixed = relative_attention(std::move(projected.query), keys, r_w_bias, r_r_bias, c, dropout_rate);
    return o_net(mixed);
  }
};

}  // namespace tessera
