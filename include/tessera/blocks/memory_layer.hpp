// MemoryLayer: attention over a memory and the segment, then a feed-forward, each with a residual and a norm.
//
// Source: Dai et al., "Transformer-XL" (2019), section 3.2; figure of the layer: Vaswani et al. (2017), figure 1,
// right, without the middle part.
#pragma once

#include "tessera/blocks/feed_forward.hpp"
#include "tessera/blocks/memory.hpp"
#include "tessera/blocks/norm.hpp"
#include "tessera/blocks/relative_attention.hpp"

namespace tessera::inline TESSERA_ISA {

/// Where a layer's norms stand.
enum class NormPlace : std::uint8_t {
  after,   ///< y = norm(x + f(x))
  before,  ///< y = x + f(norm(x))
};

/// H: width of the model; F: inner width; Attention: attention(all, x, positions, projected, context) with the rows of
/// the memory and the segment, then those of the segment alone.
template <class Attention, Index H = dyn, Index F = dyn>
struct MemoryLayer {
  Attention attention;
  LayerNorm<H> attention_norm;
  FeedForward<H, F> feed_forward;
  LayerNorm<H> output_norm;
  NormPlace norm_place = NormPlace::after;
  double dropout_rate = 0;

  constexpr void visit(auto&& v) {
    v("attention", attention);
    v("attention_norm", attention_norm);
    v("feed_forward", feed_forward);
    v("output_norm", output_norm);
  }

  /// x: [texts * queries, H], given up; hidden: a memory of hidden states, [texts * M, H], or absent; projected: one of
  /// keys and values; positions: what the attention takes. Returns as x.
  template <class T>
  constexpr T operator()(T x, const Operand& hidden, const ProjectedMemory& projected, const auto& positions,
                         const RelativeContext& c) const noexcept {
    auto all = x.borrow();
    if (hidden.present()) all = concat_texts(hidden, x, c.texts);
    all = before(std::move(all), attention_norm);
    auto a = attention(all, x, positions, projected, c);
    all.reset();
    a = dropout(std::move(a), dropout_rate);
    a = join(std::move(a), x, attention_norm);
    x.reset();

    auto n = before(a.borrow(), output_norm);
    auto y = feed_forward(n);
    n.reset();
    y = dropout(std::move(y), dropout_rate);
    return join(std::move(y), a, output_norm);
  }

 private:
  template <class T>
  constexpr T before(T x, const LayerNorm<H>& norm) const noexcept {
    if (norm_place == NormPlace::after) return x;
    return norm(std::move(x));
  }
  template <class T>
  constexpr T join(T y, const auto& x, const LayerNorm<H>& norm) const noexcept {
    if (norm_place == NormPlace::before) return add(std::move(y), x);
    return residual_norm(std::move(y), x, norm);
  }
};

}  // namespace tessera
