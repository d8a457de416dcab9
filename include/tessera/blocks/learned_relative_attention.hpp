// LearnedRelativeAttention: attention by content and by relative position, with a learned vector of each distance.
//
// score(i, j) = ((q_i + u) k_j + q_i r_(i-j) + b_(i-j)) / sqrt(d); u is [d], r and b are those of each head.
// Source: Shaw, Uszkoreit, Vaswani, "Self-Attention with Relative Position Representations" (2018), in the form of the
// Transformer-XL authors' code, whose attn_type 1 it is. Parameters carry the checkpoint's names.
#pragma once

#include "tessera/blocks/relative_attention.hpp"
#include "tessera/ops/add.hpp"

namespace tessera::inline TESSERA_ISA {

/// What a layer has learned of each distance; P: from more than there are keys down to 0.
template <class Context>
struct LearnedDistances {
  Tensor<Context, Extents<dyn, dyn>> r_emb;   ///< [P, heads * d]
  Tensor<Context, Extents<dyn, dyn>> r_bias;  ///< [P, heads]
  Operand query_bias;                         ///< [d]: u
};

/// H: width of the model; W: heads times width of a head.
template <Index H = dyn, Index W = dyn>
struct LearnedRelativeAttention {
  Projection<H, product(3, W)> qkv_net;
  Projection<W, H> o_net;
  Param<dyn, dyn> r_r_bias, r_w_bias;  ///< [heads, d]: in checkpoints, without influence
  double dropout_rate = 0;             ///< of the probabilities

  constexpr LearnedRelativeAttention() = default;
  constexpr LearnedRelativeAttention(Index width, Index heads, Index head_size, double dropout)
      : qkv_net(width, 3 * heads * head_size),
        o_net(heads * head_size, width),
        r_r_bias(ParamUse::vector, Extents<dyn, dyn>(heads, head_size)),
        r_w_bias(ParamUse::vector, Extents<dyn, dyn>(heads, head_size)),
        dropout_rate(dropout) {}

  constexpr void visit(auto&& v) {
    v("r_r_bias", r_r_bias);
    v("r_w_bias", r_w_bias);
    v("qkv_net", qkv_net);
    v("o_net", o_net);
  }

  /// x: [texts * rows, H]: the queries' rows, behind those of a memory of hidden states; a memory of keys and values
  /// comes beside them. Returns [texts * queries, H].
  template <class X>
  constexpr auto operator()(const X& x, const LearnedDistances<typename X::context_type>& distances,
                            const ProjectedMemory& memory, const RelativeContext& c) const noexcept {
    const Index heads = r_w_bias.view.dim[0], head_size = r_w_bias.view.dim[1], width = heads * head_size;
    auto qkv = qkv_net(x);
    auto projected = project_qkv<W>(std::move(qkv), heads, width, memory, c);
    auto content_heads = split_groups(projected.query, heads, c.texts, c.queries);
    content_heads = bias(std::move(content_heads), distances.query_bias);
    auto scores = matmul(content_heads, projected.key, true);
    content_heads.reset();
    auto of_position = of_distances(std::move(projected.query), distances, heads, c);
    const Tensor<typename X::context_type, Extents<dyn, dyn, dyn, dyn>> no_relation;
    scores = relative_scores(std::move(scores), of_position, no_relation, Operand(),
                             detail::inverse_sqrt(static_cast<double>(head_size)));
    of_position.reset();
    auto mixed = mix_values<W>(std::move(scores), projected.value, c, dropout_rate);
    return o_net(mixed);
  }

 private:
  /// q_i r_p + b_p for each distance p, [1, heads, texts * queries, P].
  static constexpr auto of_distances(auto query, const auto& distances, Index heads,
                                     const RelativeContext& c) noexcept {
    auto& context = query.context();
    const Index rows = c.texts * c.queries, count = distances.r_emb.size(0);
    auto query_heads = split_groups(query, heads, 1, rows);
    query.reset();
    auto vectors = split_groups(distances.r_emb, heads, 1, count);
    auto scores = matmul(query_heads, vectors, true);
    query_heads.reset();
    vectors.reset();
    // The bias of a distance is that of all queries: a product with ones.
    auto biases = split_groups(distances.r_bias, heads, 1, count);
    const Operand ones =
        context.make_numbers(View::of(nullptr, DType::f32, Index{1}, heads, rows, Index{1}), [](Index) { return 1; });
    auto spread = context.template apply<op::matmul>({true, 1.0}, Extents<dyn, dyn, dyn, dyn>(1, heads, rows, count),
                                                     ones, biases.operand());
    return add(std::move(scores), spread);
  }
};

}  // namespace tessera
