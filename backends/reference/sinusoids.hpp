// sinusoids, reference: each angle is a product of doubles.
#pragma once

#include <cmath>

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/sinusoids.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// Frequency i of `half` of them.
template <class T>
double frequency_of(const View& given, Index i, Index half) noexcept {
  if (given.present()) return static_cast<double>(at<T>(given, i));
  return std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half));
}

template <class T>
void sinusoids(const Call& call) noexcept {
  const View& positions = call.in[op::sinusoids::positions];
  const Index half = call.out.columns() / 2;
  for (Index i = 0; i < half; ++i) {
    const double frequency = frequency_of<T>(call.in[op::sinusoids::frequencies], i, half);
    for (Index r = 0; r < call.out.rows(); ++r) {
      const double angle = static_cast<double>(at<std::int32_t>(positions, r)) * frequency;
      call.out.row<T>(r)[i] = static_cast<T>(std::sin(angle));
      call.out.row<T>(r)[half + i] = static_cast<T>(std::cos(angle));
    }
  }
}

}  // namespace tessera::reference
