// SelfAttention and FusedSelfAttention: queries, keys and values of one sequence, mixed and projected. Absolute
// positions.
//
// Source: Vaswani et al., "Attention Is All You Need" (2017), section 3.2. Masks, causality and padding come with the
// sequence, keys and values of earlier tokens with a past; how many heads are left after pruning is a run-time value.
#pragma once

#include "tessera/blocks/linear.hpp"
#include "tessera/blocks/past.hpp"
#include "tessera/ops/attention.hpp"
#include "tessera/ops/columns.hpp"
#include "tessera/ops/store_rows.hpp"

namespace tessera::inline TESSERA_ISA {

namespace detail {
/// 1 / sqrt(x), in constant expressions too (Newton's iteration from a first guess).
constexpr double inverse_sqrt(double x) noexcept {
  if (x <= 0) return 0;
  double root = x < 1 ? 1 : x;
  for (int i = 0; i < 64; ++i) {
    const double next = 0.5 * (root + x / root);
    if (next >= root) break;
    root = next;
  }
  return 1 / root;
}
}  // namespace detail

/// What a layer needs besides x. Plain data.
struct LayerContext {
  Sequence sequence;
  Operand head_mask = {};  ///< [heads left in this layer] or absent
  LayerPast past = {};
};

/// How a layer's heads are cut, and what is left of them.
struct AttentionHeads {
  Index heads = 1;      ///< heads that are left
  Index head_size = 1;  ///< width of one head
  double dropout_rate = 0;
  std::uint64_t pruned = 0;  ///< bit h: original head h is gone (prune_heads.hpp)

  constexpr AttentionHeads() = default;
  constexpr AttentionHeads(Index model_width, Index head_count, double dropout)
      : heads(head_count), head_size(head_count > 0 ? model_width / head_count : 0), dropout_rate(dropout) {}
  /// Of queries, keys and values.
  constexpr Index width() const noexcept { return heads * head_size; }

  /// q, k, v: [rows, width]. Keys and values also go into the past, and those that are there are attended to. Returns
  /// [rows, width].
  template <class Q, class K, class V>
  constexpr auto attend(Q q, K k, V v, const LayerContext& c) const noexcept {
    const double scale = detail::inverse_sqrt(static_cast<double>(head_size));
    if (!c.past.present())
      return attention(std::move(q), std::move(k), std::move(v), heads, scale, c.sequence, c.head_mask, dropout_rate);
    auto keys = store_rows(k, c.past.keys, c.past.rows);
    auto values = store_rows(v, c.past.values, c.past.rows);
    if (c.sequence.keys == 0)  // nothing was there: the rows are all keys
      return attention(std::move(q), std::move(k), std::move(v), heads, scale, c.sequence, c.head_mask, dropout_rate);
    k.reset();
    v.reset();
    return attention(std::move(q), std::move(keys), std::move(values), heads, scale, c.sequence, c.head_mask,
                     dropout_rate);
  }
};

/// Three linears. H: width of the model.
template <Index H = dyn>
struct SelfAttention : AttentionHeads {
  Linear<H, H> query, key, value, output;

  constexpr SelfAttention() = default;
  constexpr SelfAttention(Index model_width, Index head_count, double dropout)
      : AttentionHeads(model_width, head_count, dropout),
        query(model_width, model_width),
        key(model_width, model_width),
        value(model_width, model_width),
        output(model_width, model_width) {}

  constexpr void visit(auto&& v) {
    v("query", query);
    v("key", key);
    v("value", value);
    v("output", output);
  }

  /// x: [rows, H]. Returns [rows, H].
  constexpr auto operator()(const auto& x, const LayerContext& c) const noexcept {
    auto q = query(x);
    auto k = key(x);
    auto v = value(x);
    auto mixed = attend(std::move(q), std::move(k), std::move(v), c);
    return output(mixed);
  }
  /// head_mask: [heads] or absent.
  constexpr auto operator()(const auto& x, const Sequence& sequence, const Operand& head_mask) const noexcept {
    return (*this)(x, LayerContext{sequence, head_mask, {}});
  }
};

/// One Conv1D for queries, keys and values, as GPT has it. H: width of the model.
template <Index H = dyn>
struct FusedSelfAttention : AttentionHeads {
  Conv1D<H, product(3, H)> c_attn;
  Conv1D<H, H> c_proj;

  constexpr FusedSelfAttention() = default;
  constexpr FusedSelfAttention(Index model_width, Index head_count, double dropout)
      : AttentionHeads(model_width, head_count, dropout),
        c_attn(model_width, 3 * model_width),
        c_proj(model_width, model_width) {}

  constexpr void visit(auto&& v) {
    v("c_attn", c_attn);
    v("c_proj", c_proj);
  }

  /// x: [rows, H]. Returns [rows, H].
  constexpr auto operator()(const auto& x, const LayerContext& c) const noexcept {
    auto qkv = c_attn(x);
    auto q = column_reader<H>(qkv, 0, width());
    auto k = column_reader<H>(qkv, width(), width());
    auto v = column_reader<H>(qkv, 2 * width(), width());
    auto mixed = attend(std::move(q), std::move(k), std::move(v), c);
    qkv.reset();
    return c_proj(mixed);
  }
};

}  // namespace tessera
