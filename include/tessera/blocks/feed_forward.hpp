// FeedForward: two dense layers with an activation between, for each position alone.
//
// Source: Vaswani et al., "Attention Is All You Need" (2017), equation 2.
#pragma once

#include "tessera/blocks/activation.hpp"
#include "tessera/blocks/linear.hpp"

namespace tessera::inline TESSERA_ISA {

/// H: width of the model, F: inner width; L: Linear, or Conv1D.
template <Index H = dyn, Index F = dyn, template <Index, Index> class L = Linear>
struct FeedForward {
  L<H, F> intermediate;
  L<F, H> output;
  Activation activation = Activation::gelu;

  constexpr FeedForward() = default;
  constexpr FeedForward(Index width, Index inner, Activation kind)
      : intermediate(width, inner), output(inner, width), activation(kind) {}

  constexpr void visit(auto&& v) {
    v("intermediate", intermediate);
    v("output", output);
  }

  /// x: [rows, H]. Returns [rows, H].
  constexpr auto operator()(const auto& x) const noexcept {
    auto inner = intermediate(x);
    inner = activate(std::move(inner), activation);
    return output(inner);
  }
};

}  // namespace tessera
