// FeedForward: two dense layers with an activation between, for each position alone.
//
// Source: Vaswani et al., "Attention Is All You Need" (2017), equation 2.
#pragma once

#include "tessera/blocks/linear.hpp"
#include "tessera/ops/dropout.hpp"

namespace tessera::inline TESSERA_ISA {

/// H: width of the model, F: inner width; L: Linear, or Conv1D.
template <Index H = dyn, Index F = dyn, template <Index, Index> class L = Linear>
struct FeedForward {
  L<H, F> intermediate;
  L<F, H> output;
  Activation activation = Activation::gelu;
  double dropout_rate = 0;  ///< after the activation

  constexpr FeedForward() = default;
  constexpr FeedForward(Index width, Index inner, Activation kind)
      : intermediate(width, inner), output(inner, width), activation(kind) {}

  constexpr void visit(auto&& v) {
    v("intermediate", intermediate);
    v("output", output);
  }

  /// x: [rows, H]. Returns [rows, H].
  constexpr auto operator()(const auto& x) const noexcept {
    if constexpr (std::remove_cvref_t<decltype(x)>::context_type::training) {
      if (dropout_rate > 0) {
        auto inner = intermediate(x);
        inner = activate(std::move(inner), activation);
        inner = dropout(std::move(inner), dropout_rate);
        return output(inner);
      }
    }
    return feed_forward(x, intermediate, output, activation);
  }
};

}  // namespace tessera
