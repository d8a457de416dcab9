// MemoryAttention: attention by content alone, of a segment's rows over those of a memory and its own. Positions, if
// there are any, are in the rows already.
//
// Source: Vaswani et al., "Attention Is All You Need" (2017), section 3.2, over the memory of Dai et al.,
// "Transformer-XL" (2019): attn_type 2 and 3 of the latter's code. Parameters carry the checkpoint's names.
#pragma once

#include "tessera/blocks/relative_attention.hpp"

namespace tessera::inline TESSERA_ISA {

/// H: width of the model; W: heads times width of a head.
template <Index H = dyn, Index W = dyn>
struct MemoryAttention {
  Projection<H, W> q_net;
  Projection<H, product(2, W)> kv_net;
  Projection<W, H> o_net;
  Param<dyn, dyn> r_r_bias, r_w_bias;  ///< [heads, d]: in checkpoints, without influence
  double dropout_rate = 0;             ///< of the probabilities

  constexpr MemoryAttention() = default;
  constexpr MemoryAttention(Index width, Index heads, Index head_size, double dropout)
      : q_net(width, heads * head_size),
        kv_net(width, 2 * heads * head_size),
        o_net(heads * head_size, width),
        r_r_bias(ParamUse::vector, Extents<dyn, dyn>(heads, head_size)),
        r_w_bias(ParamUse::vector, Extents<dyn, dyn>(heads, head_size)),
        dropout_rate(dropout) {}

  constexpr void visit(auto&& v) {
    v("r_r_bias", r_r_bias);
    v("r_w_bias", r_w_bias);
    v("q_net", q_net);
    v("kv_net", kv_net);
    v("o_net", o_net);
  }

  /// all: [texts * keys, H], of keys and values; x: [texts * queries, H], of queries. Returns [texts * queries, H].
  constexpr auto operator()(const auto& all, const auto& x, const RelativeContext& c) const noexcept {
    const Index heads = r_w_bias.view.dim[0], head_size = r_w_bias.view.dim[1], width = heads * head_size;
    auto kv = kv_net(all);
    auto k = column_reader<W>(kv, 0, width);
    auto key = split_groups(k, heads, c.texts, c.keys);
    k.reset();
    auto v = column_reader<W>(kv, width, width);
    auto value = split_groups(v, heads, c.texts, c.keys);
    v.reset();
    kv.reset();
    auto q = q_net(x);
    auto query = split_groups(q, heads, c.texts, c.queries);
    q.reset();
    auto scores = matmul(query, key, true, detail::inverse_sqrt(static_cast<double>(head_size)));
    query.reset();
    auto mixed = mix_values<W>(std::move(scores), value, c, dropout_rate);
    return o_net(mixed);
  }
};

}  // namespace tessera
