// TwoStreamLayer: XLNet's layer, with a content stream h and, in permutation training, a query stream g.
//
// The content stream sees its own token; the query stream sees where it stands but not what stands there. Both share
// all weights. Source: Yang et al., "XLNet" (2019), section 2.3 and figure 1.
#pragma once

#include "tessera/blocks/feed_forward.hpp"
#include "tessera/blocks/segment_attention.hpp"

namespace tessera::inline TESSERA_ISA {

/// What the two streams need besides the content. Plain data.
struct TwoStreamContext {
  RelativeContext content;
  RelativeContext query;   ///< of the query stream where it attends: with targets mapped, over all positions
  Index targets = 0;       ///< rows of g in each text
  Operand to_positions;    ///< [texts, 1, queries, targets], the mapping transposed; absent: g stands at every position
  Operand to_targets;      ///< [texts, 1, targets, queries], the reference's target_mapping
  ProjectedMemory memory;  ///< of keys and values
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
  SegmentAttention<H, N, D> rel_attn;
  FeedForward<H, F> ff;
  LayerNorm<H> ff_norm;
  double dropout_rate = 0;

  constexpr void visit(auto&& v) {
    v("rel_attn", rel_attn);
    v("ff", ff);
    v("ff_norm", ff_norm);
  }

  /// One stream. h: [texts * queries, H], given up; memory_and_h: the same behind a memory of hidden states, if there
  /// is one; positions: [groups * P, H].
  template <class T>
  constexpr auto operator()(T h, const auto& memory_and_h, const auto& positions,
                            const TwoStreamContext& c) const noexcept {
    const auto keys = rel_attn.project_keys(memory_and_h, positions, c.memory, c.content);
    auto out = content_stream(std::move(h), keys, c);
    return feed(std::move(out));
  }

  /// Two streams. g: [texts * targets, H], given up.
  template <class T, class G>
  constexpr auto operator()(T h, G g, const auto& memory_and_h, const auto& positions,
                            const TwoStreamContext& c) const noexcept {
    const auto keys = rel_attn.project_keys(memory_and_h, positions, c.memory, c.content);
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
  template <class T>
  constexpr auto content_stream(T h, const auto& keys, const TwoStreamContext& c) const noexcept {
    auto q = linear_to_heads(h, rel_attn.q);
    auto mixed = rel_attn.mix(std::move(q), keys, c.content);
    return rel_attn.finish(mixed, h);
  }

  /// Targets are spread over all positions, attend there, and come back.
  template <class Q>
  constexpr auto query_stream(Q q, const auto& keys, const TwoStreamContext& c) const noexcept {
    if (!c.to_positions.present()) return rel_attn.mix(std::move(q), keys, c.query);
    auto spread = remap(q, c.to_positions, c.query.texts, c.targets, c.query.queries);
    q.reset();
    auto mixed = rel_attn.mix(std::move(spread), keys, c.query);
    return remap(mixed, c.to_targets, c.query.texts, c.query.queries, c.targets);
  }

  /// Rows of each text mixed by a matrix: [texts * from, W] to [texts * to, W]. matrix: [texts, 1, to, from].
  template <class T>
  static constexpr auto remap(const T& x, const Operand& matrix, Index texts, Index from, Index to) noexcept {
    auto& context = x.context();
    auto whole = split_groups(x, 1, texts, from);
    auto mixed = context.template apply<op::matmul>(
        {false, 1.0}, Extents<dyn, dyn, dyn, dyn>(texts, Index{1}, to, x.size(1)), matrix, whole.operand());
    whole.reset();
    Sequence s;
    s.layout = Layout::padded(texts, to);
    return merge_heads<size_of_dim<T, 1>>(mixed, s);
  }

  template <class T>
  constexpr auto feed(T x) const noexcept {
    auto f = ff(x);
    f = dropout(std::move(f), dropout_rate);
    return residual_norm(std::move(f), x, ff_norm);
  }
};

}  // namespace tessera
