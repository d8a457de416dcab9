// normal: a counter-based normal distribution, for initial weights.
#pragma once

#include <cmath>

#include "tessera/base/philox.hpp"

namespace tessera::inline TESSERA_ISA {

/// Number i of the stream `seed`: normal with mean 0 and variance 1 (Box, Muller 1958, on Philox).
inline float normal(std::uint64_t seed, std::uint64_t i) noexcept {
  const Philox random = Philox::at(seed, i, 0);
  const double u = 1.0 - static_cast<double>(uniform(random.value[0]));
  const double v = static_cast<double>(uniform(random.value[1]));
  return static_cast<float>(std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v));
}

}  // namespace tessera
