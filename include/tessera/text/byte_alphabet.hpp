// The alphabet of byte-level vocabularies: each byte as one printable character, and back.
//
// The 188 printable bytes of Latin-1 stand for themselves; the other 68 have U+0100 and up, in their order, so that a
// space is "Ġ" (U+0120). Source: Radford et al. 2019 (openai/gpt-2, encoder.py).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tessera/text/utf8.hpp"

namespace tessera::inline TESSERA_ISA::text::byte_alphabet {

/// Characters above this are not in the alphabet.
inline constexpr char32_t last = 0x143;
inline constexpr int no_byte = -1;

namespace detail {

constexpr bool is_printable(std::size_t byte) noexcept {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

inline constexpr std::array<char32_t, 256> characters = [] {
  std::array<char32_t, 256> out{};
  char32_t next = 0x100;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    out[byte] = is_printable(byte) ? static_cast<char32_t>(byte) : next++;
  }
  return out;
}();

inline constexpr std::array<std::int16_t, last + 1> bytes = [] {
  std::array<std::int16_t, last + 1> out{};
  for (std::int16_t& byte : out) byte = no_byte;
  for (std::size_t byte = 0; byte < 256; ++byte) out[characters[byte]] = static_cast<std::int16_t>(byte);
  return out;
}();

}  // namespace detail

/// The character of a byte.
constexpr char32_t character(std::uint8_t byte) noexcept { return detail::characters[byte]; }
/// The byte of a character, or no_byte.
constexpr int byte(char32_t character) noexcept { return character <= last ? detail::bytes[character] : no_byte; }

}  // namespace tessera::text::byte_alphabet
