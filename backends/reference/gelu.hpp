// gelu, reference: Phi through erfc, which stays exact where 1 + erf would cancel.
#pragma once

#include <cmath>

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/gelu.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// The distribution function of the normal distribution.
inline double normal_cdf(double x) noexcept { return 0.5 * std::erfc(-x * 0.70710678118654752440); }

template <class T>
void gelu(const Call& call) noexcept {
  map<T>(call, [](double x) { return x * normal_cdf(x); });
}

/// d/dx = Phi(x) + x phi(x)
template <class T>
void gelu_vjp(const VjpCall& call) noexcept {
  map_vjp<T>(call, call.in[op::gelu::x], [](double x) {
    const double density = 0.39894228040143267794 * std::exp(-0.5 * x * x);
    return normal_cdf(x) + x * density;
  });
}

}  // namespace tessera::reference
