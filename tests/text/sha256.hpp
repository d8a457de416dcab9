// SHA-256, for comparing long tables with their digests in the golden files. Source: FIPS 180-4.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace golden {

inline std::string sha256(std::string_view message) {
  // The constants are the fractional parts of roots of primes: square roots for the state, cube roots for the rounds.
  // They are computed in 128-bit integers, by bisection, so that no table has to be trusted.
  __extension__ using Wide = unsigned __int128;
  const auto fraction = [](std::uint64_t prime, int power) {
    std::uint64_t low = 0;
    std::uint64_t high = std::uint64_t{1} << 40;
    while (high - low > 1) {  // the largest r with (r / 2^32)^power <= prime
      const std::uint64_t middle = low + (high - low) / 2;
      const Wide m = middle;
      const bool below = power == 2 ? m * m <= (Wide{prime} << 64) : m * m * m <= (Wide{prime} << 96);
      (below ? low : high) = middle;
    }
    return static_cast<std::uint32_t>(low);
  };
  std::array<std::uint32_t, 64> k{};
  std::array<std::uint32_t, 8> state{};
  std::size_t found = 0;
  for (std::uint64_t n = 2; found < 64; ++n) {
    bool prime = true;
    for (std::uint64_t d = 2; d * d <= n; ++d) prime = prime && n % d != 0;
    if (!prime) continue;
    if (found < 8) state[found] = fraction(n, 2);
    k[found++] = fraction(n, 3);
  }

  std::string padded(message);
  padded.push_back(static_cast<char>(0x80));
  while (padded.size() % 64 != 56) padded.push_back('\0');
  const std::uint64_t bits = std::uint64_t{message.size()} * 8;
  for (int shift = 56; shift >= 0; shift -= 8) padded.push_back(static_cast<char>((bits >> shift) & 0xFFU));

  for (std::size_t block = 0; block < padded.size(); block += 64) {
    std::array<std::uint32_t, 64> w{};
    for (std::size_t i = 0; i < 16; ++i) {
      for (std::size_t b = 0; b < 4; ++b) w[i] = (w[i] << 8) | static_cast<std::uint8_t>(padded[block + i * 4 + b]);
    }
    for (std::size_t i = 16; i < 64; ++i) {
      const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
      const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (std::size_t i = 0; i < 64; ++i) {
      const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + k[i] + w[i];
      const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    const std::array<std::uint32_t, 8> sum{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state[i] += sum[i];
  }

  std::string out;
  for (const std::uint32_t word : state) {
    for (int shift = 28; shift >= 0; shift -= 4) out.push_back("0123456789abcdef"[(word >> shift) & 0xFU]);
  }
  return out;
}

}  // namespace golden
