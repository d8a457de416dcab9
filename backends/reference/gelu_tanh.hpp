// gelu_tanh, reference.
#pragma once

#include <cmath>

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/gelu_tanh.hpp"

namespace tessera::inline TESSERA_ISA::reference {

inline constexpr double gelu_tanh_scale = 0.79788456080286535588;  // sqrt(2 / pi)
inline constexpr double gelu_tanh_cubic = 0.044715;

template <class T>
void gelu_tanh(const Call& call) noexcept {
  map<T>(call, [](double x) { return 0.5 * x * (1 + std::tanh(gelu_tanh_scale * (x + gelu_tanh_cubic * x * x * x))); });
}

/// With t the tanh: d/dx = (1 + t) / 2 + x / 2 (1 - t^2) sqrt(2 / pi) (1 + 3 * 0.044715 x^2)
template <class T>
void gelu_tanh_vjp(const VjpCall& call) noexcept {
  map_vjp<T>(call, call.in[op::gelu_tanh::x], [](double x) {
    const double t = std::tanh(gelu_tanh_scale * (x + gelu_tanh_cubic * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * gelu_tanh_scale * (1 + 3 * gelu_tanh_cubic * x * x);
  });
}

}  // namespace tessera::reference
