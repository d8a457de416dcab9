// GatedFeedForward: a feed-forward whose inner layer is gated by a second one, (f(x W) * x V) U. With swish: SwiGLU.
//
// Source: Shazeer, "GLU Variants Improve Transformer" (2020), equation 6; as there, no linear has a bias.
#pragma once

#include "tessera/blocks/linear.hpp"
#include "tessera/ops/activation.hpp"
#include "tessera/ops/multiply.hpp"

namespace tessera::inline TESSERA_ISA {

/// H: width of the model, F: inner width.
template <Index H = dyn, Index F = dyn>
struct GatedFeedForward {
  Projection<H, F> gate, value;
  Projection<F, H> output;
  Activation activation = Activation::swish;

  constexpr GatedFeedForward() = default;
  constexpr GatedFeedForward(Index width, Index inner, Activation kind = Activation::swish)
      : gate(width, inner), value(width, inner), output(inner, width), activation(kind) {}

  constexpr void visit(auto&& v) {
    v("gate", gate);
    v("value", value);
    v("output", output);
  }

  /// x: [rows, H]. Returns [rows, H].
  constexpr auto operator()(const auto& x) const noexcept {
    auto g = gate(x);
    g = activate(std::move(g), activation);
    auto v = value(x);
    g = multiply(std::move(g), v);
    v.reset();
    return output(g);
  }
};

}  // namespace tessera
