// CRC-32 as ZIP has it: reflected polynomial 0xedb88320, all bits flipped before and after (ISO 3309, ITU-T V.42).
//
// Eight tables, so that a step takes eight bytes (Kounavis and Berry, "A Systematic Approach to Building High
// Performance, Software-based, CRC Generators", 2005).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tessera/io/bytes.hpp"

namespace tessera::inline TESSERA_ISA::io {

namespace detail {

inline constexpr std::size_t crc_step = 8;
using CrcTables = std::array<std::array<std::uint32_t, 256>, crc_step>;

/// [0]: what one byte does; [k]: what it does k bytes further on.
constexpr CrcTables make_crc_tables() noexcept {
  CrcTables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc % 2 != 0 ? 0xedb88320U : 0U);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < crc_step; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] % 256];
  return tables;
}
inline constexpr CrcTables crc_tables = make_crc_tables();

}  // namespace detail

/// The checksum of `data` that follows on bytes whose checksum is `before`.
constexpr std::uint32_t crc32(Bytes data, std::uint32_t before = 0) noexcept {
  const detail::CrcTables& tables = detail::crc_tables;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(data[i]); };
  std::uint32_t crc = ~before;
  std::size_t i = 0;
  for (; i + detail::crc_step <= data.size(); i += detail::crc_step) {
    crc ^= byte(i) | byte(i + 1) << 8 | byte(i + 2) << 16 | byte(i + 3) << 24;
    crc = tables[7][crc & 255] ^ tables[6][crc >> 8 & 255] ^ tables[5][crc >> 16 & 255] ^ tables[4][crc >> 24] ^
          tables[3][byte(i + 4)] ^ tables[2][byte(i + 5)] ^ tables[1][byte(i + 6)] ^ tables[0][byte(i + 7)];
  }
  for (; i < data.size(); ++i) crc = (crc >> 8) ^ tables[0][(crc ^ byte(i)) & 255];
  return ~crc;
}

}  // namespace tessera::io
