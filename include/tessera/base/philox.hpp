// Philox4x32-10: a counter-based random generator, a pure function of (key, counter).
//
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
// Dropout and sampling key it by seed, number of the draw and element, so that the stream is the same for any number of
// threads, any order of evaluation, and when a checkpointed block is run again.
#pragma once

#include <cstdint>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA {

struct Philox {
  std::uint32_t value[4];

  /// Four random words for a 64-bit key and a 128-bit counter (low and high half).
  static constexpr Philox at(std::uint64_t key, std::uint64_t low, std::uint64_t high) noexcept {
    std::uint32_t k0 = static_cast<std::uint32_t>(key);
    std::uint32_t k1 = static_cast<std::uint32_t>(key >> 32);
    std::uint32_t c0 = static_cast<std::uint32_t>(low);
    std::uint32_t c1 = static_cast<std::uint32_t>(low >> 32);
    std::uint32_t c2 = static_cast<std::uint32_t>(high);
    std::uint32_t c3 = static_cast<std::uint32_t>(high >> 32);
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53U} * c0;
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57U} * c2;
      const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
      const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c1 = static_cast<std::uint32_t>(p1);
      c3 = static_cast<std::uint32_t>(p0);
      c0 = n0;
      c2 = n2;
      k0 += 0x9E3779B9U;
      k1 += 0xBB67AE85U;
    }
    return {{c0, c1, c2, c3}};
  }
};

/// A uniform number in [0, 1) with 24 bits, exact in float.
constexpr float uniform(std::uint32_t word) noexcept { return static_cast<float>(word >> 8) * 0x1p-24F; }

/// A uniform number in [0, 1) with 53 bits.
constexpr double uniform_double(const Philox& random) noexcept {
  const std::uint64_t bits = (std::uint64_t{random.value[0]} << 21) ^ (random.value[1] >> 11);
  return static_cast<double>(bits) * 0x1p-53;
}

}  // namespace tessera
