// Letters, numbers and white space as regular expressions see them: \p{L}, \p{N} and \s of Python's `regex` module.
//
// GPT-2's pre-tokenizer is defined by them. The module's tables are newer than Unicode 14.0, which the rest of text/
// follows, so that what later versions added stands here as ranges. Marks are none of these classes.
// Source: Unicode Character Database; the ranges are those of regex 2026.11.15, which the recorded goldens come from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tessera/text/unassigned.hpp"
#include "tessera/text/unicode.hpp"

namespace tessera::inline TESSERA_ISA::text::letters {

enum class Kind : std::uint8_t { other, letter, number, space };

namespace detail {

/// Letters that Unicode 14.0 does not have.
inline constexpr unicode::Range later_letters[] = {
    {0x0558, 0x0558},   {0x058B, 0x058C},   {0x088F, 0x088F},   {0x0C5C, 0x0C5C},   {0x0CDC, 0x0CDC},
    {0x1C89, 0x1C8A},   {0x208F, 0x208F},   {0x209D, 0x209F},   {0xA7CB, 0xA7CF},   {0xA7D2, 0xA7D2},
    {0xA7D4, 0xA7D4},   {0xA7DA, 0xA7DD},   {0xA7E2, 0xA7E2},   {0xA7F1, 0xA7F1},   {0xAB6C, 0xAB6D},
    {0x105C0, 0x105F3}, {0x107BB, 0x107BF}, {0x10940, 0x10959}, {0x10D4A, 0x10D65}, {0x10D6F, 0x10D85},
    {0x10EC2, 0x10EC7}, {0x10ED9, 0x10EEE}, {0x1123F, 0x11240}, {0x11380, 0x11389}, {0x1138B, 0x1138B},
    {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113B7}, {0x113D1, 0x113D1}, {0x113D3, 0x113D3},
    {0x11B0A, 0x11B0A}, {0x11BC0, 0x11BE0}, {0x11DB0, 0x11DDB}, {0x11DF1, 0x11DF1}, {0x11F02, 0x11F02},
    {0x11F04, 0x11F10}, {0x11F12, 0x11F33}, {0x1342F, 0x1342F}, {0x13441, 0x13446}, {0x13460, 0x143FA},
    {0x16100, 0x1611D}, {0x16D40, 0x16D6C}, {0x16EA0, 0x16EB8}, {0x16EBB, 0x16ED3}, {0x16FF2, 0x16FF3},
    {0x187F8, 0x187FF}, {0x18CD6, 0x18CDA}, {0x18CFF, 0x18CFF}, {0x18D09, 0x18D20}, {0x18D80, 0x18DF2},
    {0x18E00, 0x19191}, {0x191A0, 0x191D2}, {0x1B123, 0x1B128}, {0x1B132, 0x1B132}, {0x1B155, 0x1B155},
    {0x1B168, 0x1B168}, {0x1D6A6, 0x1D6A6}, {0x1DF1F, 0x1DF81}, {0x1DF90, 0x1DF96}, {0x1DFCD, 0x1DFFF},
    {0x1E030, 0x1E06D}, {0x1E4D0, 0x1E4EB}, {0x1E5D0, 0x1E5ED}, {0x1E5F0, 0x1E5F0}, {0x1E6C0, 0x1E6DE},
    {0x1E6E0, 0x1E6E2}, {0x1E6E4, 0x1E6E5}, {0x1E6E7, 0x1E6ED}, {0x1E6F0, 0x1E6F4}, {0x1E6FE, 0x1E6FF},
    {0x2B739, 0x2B73F}, {0x2B81E, 0x2B81E}, {0x2CEA2, 0x2CEAD}, {0x2EBF0, 0x2EE5D}, {0x31350, 0x33479},
    {0x3D000, 0x3FC3F},
};

/// Numbers that Unicode 14.0 does not have.
inline constexpr unicode::Range later_numbers[] = {
    {0x10D40, 0x10D49}, {0x116D0, 0x116E3}, {0x11BF0, 0x11BF9}, {0x11DE0, 0x11DE9}, {0x11F50, 0x11F59},
    {0x1246F, 0x1246F}, {0x12475, 0x1247F}, {0x12550, 0x12686}, {0x16130, 0x16139}, {0x16D70, 0x16D79},
    {0x16FF4, 0x16FF6}, {0x1CCF0, 0x1CCF9}, {0x1D2C0, 0x1D2D3}, {0x1E4F0, 0x1E4F9}, {0x1E5F1, 0x1E5FA},
};

inline Kind search(char32_t c) noexcept {
  if (unicode::is_unicode_space(c)) return Kind::space;
  const unicode::Category category = unicode::category(c);
  if (unicode::is_letter(category)) return Kind::letter;
  if (unicode::is_number(category)) return Kind::number;
  if (category != unicode::Category::Cn) return Kind::other;
  if (unicode::contains(later_letters, c)) return Kind::letter;
  return unicode::contains(later_numbers, c) ? Kind::number : Kind::other;
}

/// Two bits for each code point of the first plane, where nearly all text is; the searches above are ten times slower.
class FirstPlane {
 public:
  static constexpr char32_t size = 0x10000;

  FirstPlane() noexcept {
    for (char32_t c = 0; c < size; ++c) {
      bits_[c / 4] = static_cast<std::uint8_t>(bits_[c / 4] | (static_cast<unsigned>(search(c)) << (c % 4 * 2)));
    }
  }
  Kind operator[](char32_t c) const noexcept { return static_cast<Kind>((bits_[c / 4] >> (c % 4 * 2)) & 3U); }

 private:
  std::array<std::uint8_t, size / 4> bits_{};
};

}  // namespace detail

inline Kind kind_of(char32_t c) noexcept {
  static const detail::FirstPlane first_plane;
  return c < detail::FirstPlane::size ? first_plane[c] : detail::search(c);
}

}  // namespace tessera::text::letters
