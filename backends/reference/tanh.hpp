// tanh, reference.
#pragma once

#include <cmath>

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/tanh.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void tanh(const Call& call) noexcept {
  map<T>(call, [](double x) { return std::tanh(x); });
}

template <class T>
void tanh_vjp(const VjpCall& call) noexcept {
  map_vjp<T>(call, call.out, [](double y) { return 1 - y * y; });
}

}  // namespace tessera::reference
