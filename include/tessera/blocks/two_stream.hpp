// TwoStreamLayer: XLNet's layer, with a content stream h and, in permutation training, a query stream g.
//
// The content stream sees its own token; the query stream sees where it stands but not what stands there. Both share
// all weights. Source: Yang et al., "XLNet" (2019), section 2.3 and figure 1.
#pragma once

#include "tessera/blocks/feed_forward.hpp"
#include "tessera/blocks/relative_attention.hpp"

namespace tessera::inline TESSERA_ISA {

/// What the two streams need besides the content. Plain data.
struct TwoStreamContext {
  RelativeContext content;  ///< queries are the content rows
  RelativeContext query;    ///< of the query stream where it attends: with targets mapped, over all positions
  Operand content_keep;     ///< [texts, queries, keys]: 1 visible; the diagonal is visible
  Operand query_keep;       ///< [texts, queries, keys]: the diagonal is hidden
  Sequence targets;         ///< layout of g; as the content's where no mapping is given
  Operand to_positions;  ///< [texts, 1, queries, targets], the mapping transposed; absent: g stands at every position
  Operand to_targets;    ///< [texts, 1, targets, queries], the reference's target_mapping
};

/// Both streams after a layer.
template <class H, class G>
struct Streams {
  H h;
  G g;
};

/// H: width of the model; N: heads; D: width of a head; F: inner width.
template <Index H = dyn, Index N = dyn, Index D = dyn, Index F = dyn>
struct TwoStreamLayer {
  RelativeAttention<H, N, D> rel_attn;
  FeedForward<H, F> ff;
  LayerNorm<H> ff_norm;
  double dropout_rate = 0;

  constexpr void visit(auto&& v) {
    v("rel_attn", rel_attn);
    v("ff", ff);
    v("ff_norm", ff_norm);
  }

  /// One stream. h: [texts * queries, H], given up; memory_and_h: [texts * keys, H]; positions: [P, H].
  template <class T>
  constexpr auto operator()(T h, const auto& memory_and_h, const auto& positions,
                            const TwoStreamContext& c) const noexcept {
    const auto keys = project_keys(memory_and_h, positions, c);
    return feed(content_stream(std::move(h), keys, c));
  }

  /// Two streams. g: [texts * targets, H], given up.
  template <class T, class G>
  constexpr auto operator()(T h, G g, const auto& memory_and_h, const auto& positions,
                            const TwoStreamContext& c) const noexcept {
    const auto keys = project_keys(memory_and_h, positions, c);
    auto q_g = linear_to_heads(g, rel_attn.q);
    auto h_out = content_stream(std::move(h), keys, c);
    auto mixed = query_stream(std::move(q_g), keys, c);
    auto g_out = rel_attn.finish(mixed, g);
    mixed.reset();
    g.reset();
    auto h_fed = feed(std::move(h_out));
    auto g_fed = feed(std::move(g_out));
    return Streams<decltype(h_fed), decltype(g_fed)>{std::move(h_fed), std::move(g_fed)};
  }

 private:
  template <class K>
  struct Keys {
    K key, value, position;
  };

  constexpr auto project_keys(const auto& memory_and_h, const auto& positions,
                              const TwoStreamContext& c) const noexcept {
    auto k = linear_to_heads(memory_and_h, rel_attn.k);
    auto key = split_heads(k, rel_attn.heads(), c.content.keys);
    k.reset();
    auto v = linear_to_heads(memory_and_h, rel_attn.v);
    auto value = split_heads(v, rel_attn.heads(), c.content.keys);
    v.reset();
    auto position = rel_attn.position_keys(positions, c.content);
    return Keys<decltype(key)>{std::move(key), std::move(value), std::move(position)};
  }

  template <class T>
  constexpr auto content_stream(T h, const auto& keys, const TwoStreamContext& c) const noexcept {
    auto q = linear_to_heads(h, rel_attn.q);
    auto mixed = rel_attn.mix(std::move(q), keys.key, keys.value, keys.position, c.content_keep, c.content);
    return rel_attn.finish(mixed, h);
  }

  /// Targets are spread over all positions, attend there, and come back.
  template <class Q>
  constexpr auto query_stream(Q q, const auto& keys, const TwoStreamContext& c) const noexcept {
    if (!c.to_positions.present())
      return rel_attn.mix(std::move(q), keys.key, keys.value, keys.position, c.query_keep, c.query);
    auto spread = remap(q, c.to_positions, c.targets, c.query.queries);
    q.reset();
    auto mixed = rel_attn.mix(std::move(spread), keys.key, keys.value, keys.position, c.query_keep, c.query);
    return remap(mixed, c.to_targets, c.query.queries, c.targets);
  }

  /// Rows of each text mixed by a matrix: [texts * from, W] to [texts * to, W]. matrix: [texts, 1, to, from].
  template <class T>
  static constexpr auto remap(const T& x, const Operand& matrix, const Sequence& from, const Sequence& to) noexcept {
    auto& context = x.context();
    auto whole = split_heads(x, 1, from);
    auto mixed = context.template apply<op::matmul>(
        {false, 1.0}, Extents<dyn, dyn, dyn, dyn>(to.layout.texts, Index{1}, to.layout.longest, x.size(1)), matrix,
        whole.operand());
    whole.reset();
    return merge_heads<size_of_dim<T, 1>>(mixed, to);
  }

  template <class T>
  constexpr auto feed(T x) const noexcept {
    auto f = ff(x);
    f = dropout(std::move(f), dropout_rate);
    return residual_norm(std::move(f), x, ff_norm);
  }
};

}  // namespace tessera
