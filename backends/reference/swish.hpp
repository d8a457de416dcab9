// swish, reference.
#pragma once

#include <cmath>

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/swish.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void swish(const Call& call) noexcept {
  map<T>(call, [](double x) { return x / (1 + std::exp(-x)); });
}

/// With s = sigmoid(x): d/dx = s (1 + x (1 - s))
template <class T>
void swish_vjp(const VjpCall& call) noexcept {
  map_vjp<T>(call, call.in[op::swish::x], [](double x) {
    const double s = 1 / (1 + std::exp(-x));
    return s * (1 + x * (1 - s));
  });
}

}  // namespace tessera::reference
