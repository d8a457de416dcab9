// EncoderLayer: self-attention and feed-forward, each followed by dropout, residual and norm (post-norm).
//
// Source: Devlin et al., "BERT" (2019), figure 3's Trm; Vaswani et al. (2017), figure 1, left.
#pragma once

#include "tessera/blocks/feed_forward.hpp"
#include "tessera/blocks/norm.hpp"
#include "tessera/blocks/self_attention.hpp"

namespace tessera::inline TESSERA_ISA {

/// What a layer needs besides x: the sequence and its own row of the head mask. Plain data.
struct LayerContext {
  Sequence sequence;
  Operand head_mask;  ///< [heads left in this layer] or absent
};

/// H: width of the model, F: inner width.
template <Index H = dyn, Index F = dyn>
struct EncoderLayer {
  SelfAttention<H> attention;
  LayerNorm<H> attention_norm;
  FeedForward<H, F> feed_forward;
  LayerNorm<H> output_norm;
  double dropout_rate = 0;

  constexpr void visit(auto&& v) {
    v("attention", attention);
    v("attention_norm", attention_norm);
    v("feed_forward", feed_forward);
    v("output_norm", output_norm);
  }

  /// x: [rows, H], given up. Returns [rows, H].
  template <class T>
  constexpr auto operator()(T x, const LayerContext& c) const noexcept {
    auto a = attention(x, c.sequence, c.head_mask);
    a = dropout(std::move(a), dropout_rate);
    a = residual_norm(std::move(a), x, attention_norm);
    x.reset();
    auto f = feed_forward(a);
    f = dropout(std::move(f), dropout_rate);
    return residual_norm(std::move(f), a, output_norm);
  }
};

}  // namespace tessera
