// EncoderLayer and PreNormLayer: self-attention and feed-forward, each with dropout, residual and norm.
//
// Source: Vaswani et al. (2017), figure 1, left; Devlin et al., "BERT" (2019), figure 3's Trm; with the norm first:
// Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.3.
#pragma once

#include "tessera/blocks/feed_forward.hpp"
#include "tessera/blocks/norm.hpp"
#include "tessera/blocks/self_attention.hpp"

namespace tessera::inline TESSERA_ISA {

/// Post-norm: y = norm(x + f(x)). H: width of the model, F: inner width; the attention and the feed-forward are
/// policies.
template <Index H = dyn, Index F = dyn, class Attention = SelfAttention<H>, class Inner = FeedForward<H, F>>
struct EncoderLayer {
  Attention attention;
  LayerNorm<H> attention_norm;
  Inner feed_forward;
  LayerNorm<H> output_norm;
  double attention_output_dropout = 0;
  double dropout_rate = 0;  ///< after the feed-forward

  constexpr void visit(auto&& v) {
    v("attention", attention);
    v("attention_norm", attention_norm);
    v("feed_forward", feed_forward);
    v("output_norm", output_norm);
  }

  /// x: [rows, H], given up. Returns [rows, H].
  template <class T>
  constexpr auto operator()(T x, const LayerContext& c) const noexcept {
    auto a = attention(x, c);
    a = dropout(std::move(a), attention_output_dropout);
    a = residual_norm(std::move(a), x, attention_norm);
    x.reset();
    auto f = feed_forward(a);
    f = dropout(std::move(f), dropout_rate);
    return residual_norm(std::move(f), a, output_norm);
  }
};

/// Pre-norm: y = x + f(norm(x)).
template <Index H = dyn, Index F = dyn, class Attention = SelfAttention<H>, class Inner = FeedForward<H, F>>
struct PreNormLayer {
  LayerNorm<H> attention_norm;
  Attention attention;
  LayerNorm<H> feed_forward_norm;
  Inner feed_forward;
  double attention_output_dropout = 0;
  double dropout_rate = 0;  ///< after the feed-forward

  constexpr void visit(auto&& v) {
    v("attention_norm", attention_norm);
    v("attention", attention);
    v("feed_forward_norm", feed_forward_norm);
    v("feed_forward", feed_forward);
  }

  /// x: [rows, H], given up. Returns [rows, H].
  template <class T>
  constexpr auto operator()(T x, const LayerContext& c) const noexcept {
    auto n = attention_norm(x.borrow());
    auto a = attention(n, c);
    n.reset();
    a = dropout(std::move(a), attention_output_dropout);
    a = add(std::move(a), x);
    x.reset();
    auto m = feed_forward_norm(a.borrow());
    auto f = feed_forward(m);
    m.reset();
    f = dropout(std::move(f), dropout_rate);
    return add(std::move(f), a);
  }
};

}  // namespace tessera
