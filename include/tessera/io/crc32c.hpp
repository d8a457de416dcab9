// CRC-32C (Castagnoli), and the masked form in which TensorFlow and LevelDB store it. Eight bytes at a time, portable.
//
// Source: RFC 3720, appendix B.4 (the polynomial); LevelDB, util/crc32c.h (the mask).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tessera/io/bytes.hpp"

namespace tessera::inline TESSERA_ISA::io {

namespace detail {

/// table[0] goes on by one byte; table[k] by one byte and k zero bytes.
inline constexpr std::array<std::array<std::uint32_t, 256>, 8> crc32c_tables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFFU];
    }
  }
  return tables;
}();

}  // namespace detail

/// The checksum of bytes, behind those whose checksum is `before`.
inline std::uint32_t crc32c(Bytes data, std::uint32_t before = 0) noexcept {
  const auto& t = detail::crc32c_tables;
  std::uint32_t crc = ~before;
  std::size_t i = 0;
  for (; i + 8 <= data.size(); i += 8) {
    const std::uint64_t word = load_le<std::uint64_t>(data.data() + i) ^ crc;
    crc = t[7][word & 0xFFU] ^ t[6][word >> 8 & 0xFFU] ^ t[5][word >> 16 & 0xFFU] ^ t[4][word >> 24 & 0xFFU] ^
          t[3][word >> 32 & 0xFFU] ^ t[2][word >> 40 & 0xFFU] ^ t[1][word >> 48 & 0xFFU] ^ t[0][word >> 56];
  }
  for (; i < data.size(); ++i) crc = (crc >> 8) ^ t[0][(crc ^ static_cast<std::uint32_t>(data[i])) & 0xFFU];
  return ~crc;
}

/// A checksum as it is stored: a checksum of bytes that hold checksums would be a weak one.
constexpr std::uint32_t masked_crc(std::uint32_t crc) noexcept { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U; }

}  // namespace tessera::io
