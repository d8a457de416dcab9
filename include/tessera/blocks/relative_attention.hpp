// RelativeAttention: attention by content, by relative position and by segment relation, as XLNet has it.
//
// score(i, j) = ((q_i + r_w_bias) k_j + (q_i + r_r_bias) (W_r R_(i-j)) + (q_i + r_s_bias) s_(i,j)) / sqrt(d).
// Source: Dai et al., "Transformer-XL" (2019), section 3.3; Yang et al., "XLNet" (2019), section 2.5. Parameters carry
// the checkpoint's names; weights are [d_model, heads, d].
#pragma once

#include "tessera/blocks/norm.hpp"
#include "tessera/blocks/self_attention.hpp"
#include "tessera/ops/bias.hpp"
#include "tessera/ops/embedding.hpp"
#include "tessera/ops/linear.hpp"
#include "tessera/ops/rel_shift.hpp"
#include "tessera/ops/segment_select.hpp"

namespace tessera::inline TESSERA_ISA {

/// What relative attention needs besides its streams. Padded batches; plain data.
struct RelativeContext {
  Sequence queries;       ///< layout of the stream that asks
  Sequence keys;          ///< layout of memory and content together
  Sequence positions;     ///< layout of the relative positions of each text
  Operand position_rows;  ///< i32 [texts * positions]: the row of the position table of each
  Operand segment_rows;   ///< i32 [texts * 2]: 0, 1, 0, 1, ...; absent: no segment term
  Operand segment_pairs;  ///< i32 [texts, queries, keys]: 0 same segment, 1 another
  Operand head_mask;      ///< [heads] or absent
};

/// H: width of the model; N: heads; D: width of a head.
template <Index H = dyn, Index N = dyn, Index D = dyn>
struct RelativeAttention {
  Param<H, N, D> q, k, v, o, r;
  Param<N, D> r_r_bias, r_s_bias, r_w_bias;
  Param<2, N, D> seg_embed;
  LayerNorm<H> layer_norm;
  double dropout_rate = 0;

  constexpr RelativeAttention() = default;
  constexpr RelativeAttention(Index width, Index heads, Index head_size, double eps, double dropout)
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

  /// The keys of relative positions, one matrix a head: [texts, heads, positions, d]. table: [P, H].
  constexpr auto position_keys(const auto& table, const RelativeContext& c) const noexcept {
    auto projected = linear_to_heads(table, r);
    auto rows = take_rows(projected, c.position_rows);
    projected.reset();
    return split_heads(rows, heads(), c.positions);
  }

  /// query: [texts * queries, heads * d]; key, value, position: [texts, heads, ., d]; keep: pair mask or absent.
  /// Returns the mixed values, [texts * queries, heads * d].
  constexpr auto mix(auto query, const auto& key, const auto& value, const auto& position, const Operand& keep,
                     const RelativeContext& c) const noexcept {
    auto& context = query.context();
    const double scale = detail::inverse_sqrt(static_cast<double>(q.view.dim[2]));
    const Index keys = c.keys.layout.longest;

    auto by_content = bias(query.borrow(), r_w_bias);
    auto content_heads = split_heads(by_content, heads(), c.queries);
    by_content.reset();
    auto scores = matmul(content_heads, key, true, scale);
    content_heads.reset();

    auto by_position = bias(query.borrow(), r_r_bias);
    auto position_heads = split_heads(by_position, heads(), c.queries);
    by_position.reset();
    auto unshifted = matmul(position_heads, position, true, scale);
    position_heads.reset();
    auto shifted = rel_shift(unshifted, keys);
    unshifted.reset();
    scores = add(std::move(scores), shifted);
    shifted.reset();

    if (c.segment_rows.present()) {
      auto by_segment = bias(std::move(query), r_s_bias);
      auto segment_heads = split_heads(by_segment, heads(), c.queries);
      by_segment.reset();
      auto relations = segments(context, c);
      auto of_relation = matmul(segment_heads, relations, true, scale);
      relations.reset();
      segment_heads.reset();
      auto of_pair = segment_select(of_relation, c.segment_pairs);
      of_relation.reset();
      scores = add(std::move(scores), of_pair);
    } else {
      query.reset();
    }

    auto probabilities = softmax(std::move(scores), c.queries.visibility, Operand(), keep);
    probabilities = dropout(std::move(probabilities), dropout_rate);
    if (c.head_mask.present()) probabilities = scale_heads(std::move(probabilities), c.head_mask);
    context.tap("attentions", probabilities.view());
    auto mixed = matmul(probabilities, value, false);
    probabilities.reset();
    return merge_heads<product(N, D)>(mixed, c.queries);
  }

  /// The end of a stream: projection, dropout, residual, norm. mixed: [rows, heads * d]; x: [rows, H].
  constexpr auto finish(const auto& mixed, const auto& x) const noexcept {
    auto projected = linear_from_heads(mixed, o);
    projected = dropout(std::move(projected), dropout_rate);
    return residual_norm(std::move(projected), x, layer_norm);
  }

 private:
  /// The two relation vectors for each text: [texts, heads, 2, d].
  constexpr auto segments(auto& context, const RelativeContext& c) const noexcept {
    const Index width = seg_embed.view.dim[1] * seg_embed.view.dim[2];
    auto rows =
        context.template apply<op::embedding>({-1}, Extents<dyn, product(N, D)>(c.segment_rows.view.count(), width),
                                              as_matrix(context.param(seg_embed)), c.segment_rows);
    Sequence pairs = c.queries;
    pairs.layout = Layout::padded(c.queries.layout.texts, 2);
    pairs.offsets = context.make_ids(pairs.layout.texts + 1, [](Index t) { return static_cast<std::int32_t>(2 * t); });
    return split_heads(rows, heads(), pairs);
  }
};

}  // namespace tessera
