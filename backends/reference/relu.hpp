// relu, reference: NaN stays NaN, forward and backward.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/relu.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void relu(const Call& call) noexcept {
  map<T>(call, [](double x) { return x <= 0 ? 0.0 : x; });
}

template <class T>
void relu_vjp(const VjpCall& call) noexcept {
  map_vjp<T>(call, call.out, [](double y) { return y <= 0 ? 0.0 : 1.0; });
}

}  // namespace tessera::reference
