// Properties, lower-casing and normal forms of code points, as of Unicode 14.0.
//
// Everything that text/ knows about characters is asked here. The facts come from utf8proc (unicode_utf8proc.hpp) or,
// with TESSERA_UNICODE_TABLES, from generated tables (unicode_generated.hpp): a program has one or the other in all its
// units. utf8proc's release may know later Unicode versions: what 14.0 leaves unassigned is unassigned here, has no
// decomposition and no class.
// Source: Unicode Character Database 14.0; The Unicode Standard, sections 3.11 (normal forms), 3.12 (Hangul), 3.13
// (final sigma).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tessera/text/unassigned.hpp"
#include "tessera/text/unicode_category.hpp"

#if defined(TESSERA_UNICODE_TABLES)
#include "tessera/text/unicode_generated.hpp"
#else
#include "tessera/text/unicode_utf8proc.hpp"
#endif

namespace tessera::inline TESSERA_ISA::text::unicode {

namespace tables {

#if defined(TESSERA_UNICODE_TABLES)
using namespace generated;
#else
using namespace from_utf8proc;
#endif

/// Lowercase or uppercase by the properties Other_Lowercase and Other_Uppercase, not by category.
inline constexpr Range other_cased[] = {
    {0x00AA, 0x00AA},   {0x00BA, 0x00BA},   {0x02B0, 0x02B8},   {0x02C0, 0x02C1},   {0x02E0, 0x02E4},
    {0x0345, 0x0345},   {0x037A, 0x037A},   {0x1D2C, 0x1D6A},   {0x1D78, 0x1D78},   {0x1D9B, 0x1DBF},
    {0x2071, 0x2071},   {0x207F, 0x207F},   {0x2090, 0x209C},   {0x2160, 0x217F},   {0x24B6, 0x24E9},
    {0x2C7C, 0x2C7D},   {0xA69C, 0xA69D},   {0xA770, 0xA770},   {0xA7F8, 0xA7F9},   {0xAB5C, 0xAB5F},
    {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA}, {0x1F130, 0x1F149},
    {0x1F150, 0x1F169}, {0x1F170, 0x1F189},
};

/// Case-ignorable by word break property (MidLetter, MidNumLet, Single_Quote), not by category.
inline constexpr Range other_case_ignorable[] = {
    {0x0027, 0x0027}, {0x002E, 0x002E}, {0x003A, 0x003A}, {0x00B7, 0x00B7}, {0x0387, 0x0387}, {0x055F, 0x055F},
    {0x05F4, 0x05F4}, {0x2018, 0x2019}, {0x2024, 0x2024}, {0x2027, 0x2027}, {0xFE13, 0xFE13}, {0xFE52, 0xFE52},
    {0xFE55, 0xFE55}, {0xFF07, 0xFF07}, {0xFF0E, 0xFF0E}, {0xFF1A, 0xFF1A},
};

}  // namespace tables

inline Category category(char32_t c) noexcept {
  const Category found = tables::category(c);
  if (found == Category::Cn || c < unassigned_in_14[0].first) return found;
  return contains(unassigned_in_14, c) ? Category::Cn : found;
}

inline std::uint8_t combining_class(char32_t c) noexcept {
  if (c < 0x300) return 0;
  const std::uint8_t found = tables::combining_class(c);
  return found != 0 && contains(unassigned_in_14, c) ? std::uint8_t{0} : found;
}

constexpr bool is_in_group(Category c, Category first, Category last) noexcept { return c >= first && c <= last; }
constexpr bool is_letter(Category c) noexcept { return is_in_group(c, Category::Lu, Category::Lo); }
constexpr bool is_mark(Category c) noexcept { return is_in_group(c, Category::Mn, Category::Me); }
constexpr bool is_number(Category c) noexcept { return is_in_group(c, Category::Nd, Category::No); }
constexpr bool is_punctuation(Category c) noexcept { return is_in_group(c, Category::Pc, Category::Po); }
/// Cc, Cf, Cs, Co and Cn.
constexpr bool is_other(Category c) noexcept { return c == Category::Cn || is_in_group(c, Category::Cc, Category::Co); }

/// Python's str.isspace, by which its strip and split work.
constexpr bool is_python_space(char32_t c) noexcept {
  if (c <= 0x20) return (c >= 0x09 && c <= 0x0D) || c >= 0x1C;
  if (c < 0x85) return false;
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

/// Unicode's White_Space, the \s of most regular expressions: as Python's, without U+001C to U+001F.
constexpr bool is_unicode_space(char32_t c) noexcept { return is_python_space(c) && !(c >= 0x1C && c <= 0x1F); }

inline bool is_cased(char32_t c) noexcept {
  const Category k = category(c);
  return is_in_group(k, Category::Lu, Category::Lt) || contains(tables::other_cased, c);
}

inline bool is_case_ignorable(char32_t c) noexcept {
  const Category k = category(c);
  return k == Category::Mn || k == Category::Me || k == Category::Cf || k == Category::Lm || k == Category::Sk ||
         contains(tables::other_case_ignorable, c);
}

/// The one-to-one lower case of a code point.
inline char32_t simple_lower(char32_t c) noexcept {
  if (c < 0x80) return c >= U'A' && c <= U'Z' ? c + 0x20 : c;
  const char32_t lower = tables::simple_lower(c);
  return lower != c && contains(unassigned_in_14, c) ? c : lower;
}

/// True if the capital sigma at `position` stands at the end of a word: a cased letter before it and none behind it.
inline bool is_final_sigma(std::u32string_view text, std::size_t position) noexcept {
  std::size_t before = position;
  while (before > 0 && is_case_ignorable(text[before - 1])) --before;
  if (before == 0 || !is_cased(text[before - 1])) return false;
  std::size_t behind = position + 1;
  while (behind < text.size() && is_case_ignorable(text[behind])) ++behind;
  return behind == text.size() || !is_cased(text[behind]);
}

/// Appends str.lower() of `text`: the full mapping, with U+0130 as two code points and the final sigma by context.
inline void lower_into(std::u32string_view text, std::u32string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c == 0x130) {
      out.push_back(U'i');
      out.push_back(0x307);
    } else if (c == 0x3A3) {
      out.push_back(is_final_sigma(text, i) ? char32_t{0x3C2} : char32_t{0x3C3});
    } else {
      out.push_back(simple_lower(c));
    }
  }
}

inline std::u32string lower(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  lower_into(text, out);
  return out;
}

enum class Form : std::uint8_t { nfd, nfkd, nfc, nfkc };

namespace detail {

inline void append_decomposed(char32_t c, bool compatibility, std::u32string& out) {
  if (c < 0xA0) {
    out.push_back(c);
    return;
  }
  std::array<char32_t, max_decomposition> parts;
  const std::size_t n = tables::decompose(c, compatibility, parts);
  if ((n > 1 || parts[0] != c) && contains(unassigned_in_14, c)) {
    out.push_back(c);
  } else {
    out.append(parts.data(), n);
  }
}

/// Puts each run of marks in the order of their classes, equal ones as they were. Runs are nearly always of one or two
/// marks; a hostile text may hold long ones, which must not take quadratic time.
inline void order_marks(char32_t* first, char32_t* last) {
  const auto by_class = [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); };
  while (first != last) {
    if (combining_class(*first) == 0) {
      ++first;
      continue;
    }
    char32_t* const end = std::find_if(first, last, [](char32_t c) { return combining_class(c) == 0; });
    if (!std::is_sorted(first, end, by_class)) std::stable_sort(first, end, by_class);
    first = end;
  }
}

}  // namespace detail

/// Appends the normal form of `text` to `out`, whose present content stays as it is.
inline void normalize_into(std::u32string_view text, Form form, std::u32string& out) {
  const bool compatibility = form == Form::nfkd || form == Form::nfkc;
  const std::size_t floor = out.size();
  for (const char32_t c : text) detail::append_decomposed(c, compatibility, out);
  detail::order_marks(out.data() + floor, out.data() + out.size());
  if (form == Form::nfc || form == Form::nfkc) {
    out.resize(floor + tables::compose(out.data() + floor, out.size() - floor));
  }
}

inline std::u32string normalize(std::u32string_view text, Form form) {
  std::u32string out;
  out.reserve(text.size());
  normalize_into(text, form, out);
  return out;
}

}  // namespace tessera::text::unicode
