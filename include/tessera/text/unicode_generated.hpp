// Properties and normal forms from generated tables, for builds without utf8proc: the functions that unicode.hpp asks.
//
// Constant expressions, all of them. Source: The Unicode Standard 14.0, sections 3.11 (composition) and 3.12 (Hangul).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "tessera/text/unicode_category.hpp"
#include "tessera/text/unicode_data.hpp"

namespace tessera::inline TESSERA_ISA::text::unicode::generated {

constexpr const data::Property& property(char32_t c) noexcept {
  const std::uint32_t code = c <= 0x10FFFF ? static_cast<std::uint32_t>(c) : 0x10FFFF;  // the last one is unassigned
  const std::uint32_t block = data::block_of[code / data::block_size];
  return data::properties[data::blocks[block * data::block_size + code % data::block_size]];
}

constexpr Category category(char32_t c) noexcept { return static_cast<Category>(property(c).category); }
constexpr std::uint8_t combining_class(char32_t c) noexcept { return property(c).combining_class; }
constexpr char32_t simple_lower(char32_t c) noexcept {
  return static_cast<char32_t>(static_cast<std::int64_t>(c) + property(c).lower);
}

namespace hangul {
inline constexpr std::uint32_t syllables = 0xAC00;
inline constexpr std::uint32_t leading = 0x1100;
inline constexpr std::uint32_t vowels = 0x1161;
inline constexpr std::uint32_t trailing = 0x11A7;  // one before the first
inline constexpr std::uint32_t vowel_count = 21;
inline constexpr std::uint32_t trailing_count = 28;
inline constexpr std::uint32_t leading_count = 19;
inline constexpr std::uint32_t syllable_count = leading_count * vowel_count * trailing_count;
}  // namespace hangul

/// Writes the full decomposition of one code point and returns its length.
constexpr std::size_t decompose(char32_t c, bool compatibility, std::array<char32_t, max_decomposition>& out) noexcept {
  const auto code = static_cast<std::uint32_t>(c);
  if (code - hangul::syllables < hangul::syllable_count) {
    const std::uint32_t s = code - hangul::syllables;
    out[0] = hangul::leading + s / (hangul::vowel_count * hangul::trailing_count);
    out[1] = hangul::vowels + s / hangul::trailing_count % hangul::vowel_count;
    if (s % hangul::trailing_count == 0) return 2;
    out[2] = hangul::trailing + s % hangul::trailing_count;
    return 3;
  }
  out[0] = c;
  if ((property(c).decomposes & (compatibility ? 2U : 1U)) == 0) return 1;
  const data::Decomposition* const first = compatibility ? std::begin(data::compatible) : std::begin(data::canonical);
  const data::Decomposition* const last = compatibility ? std::end(data::compatible) : std::end(data::canonical);
  const data::Decomposition* const found =
      std::partition_point(first, last, [code](const data::Decomposition& d) { return d.code_point < code; });
  for (std::size_t i = 0; i < found->length; ++i) out[i] = data::pool[found->offset + i];
  return found->length;
}

/// What two code points compose to; 0 if they do not.
constexpr char32_t composed(char32_t first, char32_t second) noexcept {
  const auto a = static_cast<std::uint32_t>(first);
  const auto b = static_cast<std::uint32_t>(second);
  if (a - hangul::leading < hangul::leading_count && b - hangul::vowels < hangul::vowel_count) {
    return hangul::syllables +
           ((a - hangul::leading) * hangul::vowel_count + (b - hangul::vowels)) * hangul::trailing_count;
  }
  if (a - hangul::syllables < hangul::syllable_count && (a - hangul::syllables) % hangul::trailing_count == 0 &&
      b - hangul::trailing - 1 < hangul::trailing_count - 1) {
    return a + (b - hangul::trailing);
  }
  const auto* const found = std::partition_point(
      std::begin(data::compositions), std::end(data::compositions),
      [a, b](const data::Composition& c) { return c.first < a || (c.first == a && c.second < b); });
  return found != std::end(data::compositions) && found->first == a && found->second == b ? char32_t{found->composed}
                                                                                          : char32_t{0};
}

/// Composes a decomposed and ordered string in place and returns its new length.
constexpr std::size_t compose(char32_t* text, std::size_t length) noexcept {
  constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::size_t starter = none;  // the last one with class 0
  std::size_t to = 0;
  int before = 0;  // class of what stands before, behind the starter; -1 right behind it
  for (std::size_t i = 0; i < length; ++i) {
    const int own = combining_class(text[i]);
    // Only what is not blocked: nothing of the same or a higher class, and no starter, stands between.
    if (starter != none && before < own) {
      if (const char32_t both = composed(text[starter], text[i]); both != 0) {
        text[starter] = both;
        continue;
      }
    }
    if (own == 0) {
      starter = to;
      before = -1;
    } else {
      before = own;
    }
    text[to++] = text[i];
  }
  return to;
}

}  // namespace tessera::text::unicode::generated
