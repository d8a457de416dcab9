// Activation: the nonlinearity that a config names.
#pragma once

#include "tessera/ops/gelu.hpp"
#include "tessera/ops/gelu_tanh.hpp"
#include "tessera/ops/relu.hpp"
#include "tessera/ops/swish.hpp"
#include "tessera/ops/tanh.hpp"

namespace tessera::inline TESSERA_ISA {

enum class Activation : std::uint8_t { gelu, gelu_tanh, relu, swish, tanh };

/// x is given up.
template <class T>
constexpr T activate(T x, Activation activation) noexcept {
  switch (activation) {
    case Activation::gelu: return gelu(std::move(x));
    case Activation::gelu_tanh: return gelu_tanh(std::move(x));
    case Activation::relu: return relu(std::move(x));
    case Activation::swish: return swish(std::move(x));
    case Activation::tanh: return tanh(std::move(x));
  }
  return x;
}

}  // namespace tessera
