// SegmentAttention: XLNet's attention, by content, by relative position and by segment relation.
//
// score(i, j) = ((q_i + r_w_bias) k_j + (q_i + r_r_bias) (W_r R_(i-j)) + (q_i + r_s_bias) s_(i,j)) / sqrt(d).
// Source: Yang et al., "XLNet" (2019), section 2.5. Parameters carry the checkpoint's names; weights are
// [d_model, heads, d].
#pragma once

#include "tessera/blocks/relative_attention.hpp"

namespace tessera::inline TESSERA_ISA {

/// The term of the segment relation. r_s_bias: [heads, d]; seg_embed: [2, heads, d].
template <Index N, Index D>
struct SegmentTerm {
  const Param<N, D>& r_s_bias;
  const Param<2, N, D>& seg_embed;

  template <class Q>
  constexpr auto operator()(Q query, const RelativeContext& c) const noexcept {
    auto& context = query.context();
    Tensor<typename Q::context_type, Extents<dyn, dyn, dyn, dyn>> scores;
    if (!c.segment_pairs.present()) return scores;
    const Index heads = r_s_bias.view.dim[0], d = r_s_bias.view.dim[1];
    auto by_segment = bias(std::move(query), r_s_bias);
    auto segment_heads = split_groups(by_segment, heads, 1, c.texts * c.queries);
    by_segment.reset();
    const Operand both = context.make_ids(2, [](Index i) { return static_cast<std::int32_t>(i); });
    auto rows = context.template apply<op::embedding>({-1}, Extents<dyn, product(N, D)>(2, heads * d),
                                                      as_matrix(context.param(seg_embed)), both);
    auto relations = split_groups(rows, heads, 1, 2);
    rows.reset();
    scores = matmul(segment_heads, relations, true);
    return scores;
  }
};

/// H: width of the model; N: heads; D: width of a head.
template <Index H = dyn, Index N = dyn, Index D = dyn>
struct SegmentAttention {
  Param<H, N, D> q, k, v, o, r;
  Param<N, D> r_r_bias, r_s_bias, r_w_bias;
  Param<2, N, D> seg_embed;
  LayerNorm<H> layer_norm;
  double dropout_rate = 0;

  constexpr SegmentAttention() = default;
  constexpr SegmentAttention(Index width, Index heads, Index head_size, double eps, double dropout)
      : q(ParamUse::matrix_io, Extents<H, N, D>(width, heads, head_size)),
        k(ParamUse::matrix_io, Extents<H, N, D>(width, heads, head_size)),
        v(ParamUse::matrix_io, Extents<H, N, D>(width, heads, head_size)),
        o(ParamUse::matrix, Extents<H, N, D>(width, heads, head_size)),
        r(ParamUse::matrix_io, Extents<H, N, D>(width, heads, head_size)),
        r_r_bias(ParamUse::vector, Extents<N, D>(heads, head_size)),
        r_s_bias(ParamUse::vector, Extents<N, D>(heads, head_size)),
        r_w_bias(ParamUse::vector, Extents<N, D>(heads, head_size)),
        seg_embed(ParamUse::table, Extents<2, N, D>(Index{2}, heads, head_size)),
        layer_norm(width, eps),
        dropout_rate(dropout) {}

  constexpr void visit(auto&& visitor) {
    visitor("q", q);
    visitor("k", k);
    visitor("v", v);
    visitor("o", o);
    visitor("r", r);
    visitor("r_r_bias", r_r_bias);
    visitor("r_s_bias", r_s_bias);
    visitor("r_w_bias", r_w_bias);
    visitor("seg_embed", seg_embed);
    visitor("layer_norm", layer_norm);
  }

  constexpr Index heads() const noexcept { return q.view.dim[1]; }

  /// What queries of either stream look at. h: [texts * rows, H], behind a memory of hidden states; one of keys and
  /// values comes beside it; positions: [groups * P, H].
  constexpr auto project_keys(const auto& h, const auto& positions, const ProjectedMemory& memory,
                              const RelativeContext& c) const noexcept {
    auto k_rows = linear_to_heads(h, k);
    auto key = memory.heads_of(k_rows, memory.keys, heads(), c);
    k_rows.reset();
    auto v_rows = linear_to_heads(h, v);
    auto value = memory.heads_of(v_rows, memory.values, heads(), c);
    v_rows.reset();
    auto r_rows = linear_to_heads(positions, r);
    auto position = split_groups(r_rows, heads(), c.position_groups, r_rows.size(0) / c.position_groups);
    return RelativeKeys<decltype(key), decltype(position)>{std::move(key), std::move(value), std::move(position)};
  }
  /// query: [texts * queries, heads * d]. Returns the mixed values, [texts * queries, heads * d].
  constexpr auto mix(auto query, const auto& keys, const RelativeContext& c) const noexcept {
    const SegmentTerm<N, D> segments{r_s_bias, seg_embed};
    return relative_attention(std::move(query), keys, r_w_bias, r_r_bias, c, dropout_rate, segments);
  }
  /// The end of a stream: projection, dropout, residual, norm. mixed: [rows, heads * d]; x: [rows, H].
  constexpr auto finish(const auto& mixed, const auto& x) const noexcept {
    auto projected = linear_from_heads(mixed, o);
    projected = dropout(std::move(projected), dropout_rate);
    return residual_norm(std::move(projected), x, layer_norm);
  }
};

}  // namespace tessera
