// UTF-8 to code points and back, with the error handling of Python's bytes.decode: 'replace' and 'ignore'.
//
// Texts are sequences of code points everywhere in text/. Outside input may be any bytes and is repaired once, at the
// border; behind it all strings are well formed, save that a lone surrogate may stand as its three-byte form (Python
// strings can hold those, and some tokenizers have an opinion about them). Source: The Unicode Standard 14.0, table
// 3-7 (well-formed byte sequences) and section 3.9 (substitution of maximal subparts).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA::text::utf8 {

inline constexpr char32_t replacement = 0xFFFD;

enum class OnError : unsigned char {
  replace,  ///< one U+FFFD for each maximal valid prefix
  ignore,   ///< such a prefix is dropped
};

enum class Surrogates : unsigned char { reject, accept };

/// What stands at the start of a byte range. An invalid one has the length of the maximal valid prefix, at least 1.
struct Step {
  char32_t code_point;
  std::uint8_t length;
  bool valid;
};

/// Decodes the first code point of [first, last), which must not be empty. Reads nothing at or behind `last`.
constexpr Step decode_one(const char* first, const char* last, Surrogates surrogates = Surrogates::reject) noexcept {
  const auto byte = [first](std::size_t i) { return static_cast<std::uint8_t>(first[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  if (lead < 0xC2 || lead > 0xF4) return {replacement, 1, false};
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  const auto available = static_cast<std::size_t>(last - first);

  // Only the second byte has bounds that depend on the lead: they exclude overlong forms, surrogates and values
  // above U+10FFFF.
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED && surrogates == Surrogates::reject) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;

  char32_t value = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= available || byte(i) < low || byte(i) > high) return {replacement, static_cast<std::uint8_t>(i), false};
    value = (value << 6) | (byte(i) & 0x3FU);
    low = 0x80;
    high = 0xBF;
  }
  return {value, static_cast<std::uint8_t>(length), true};
}

/// Bytes of a code point in UTF-8.
constexpr std::size_t length_of(char32_t c) noexcept { return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4; }

/// Appends the bytes of `c` to a string. A surrogate is written as three bytes; above U+10FFFF stands U+FFFD.
inline void append(std::string& out, char32_t c) {
  if (c > 0x10FFFF) c = replacement;
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
    return;
  }
  const std::size_t length = length_of(c);
  constexpr std::uint8_t lead_marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
  char bytes[4];
  for (std::size_t i = length - 1; i > 0; --i, c >>= 6) bytes[i] = static_cast<char>(0x80U | (c & 0x3FU));
  bytes[0] = static_cast<char>(lead_marks[length] | c);
  out.append(bytes, length);
}

inline std::string encode(std::u32string_view code_points) {
  std::string out;
  out.reserve(code_points.size());
  for (const char32_t c : code_points) append(out, c);
  return out;
}

/// Bytes before the first one that is not ASCII; eight at a time, since most texts are ASCII for long stretches.
inline std::size_t ascii_prefix(std::string_view s) noexcept {
  std::size_t i = 0;
  for (; i + 8 <= s.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, s.data() + i, 8);
    if ((word & 0x8080808080808080U) != 0) break;
  }
  while (i < s.size() && static_cast<std::uint8_t>(s[i]) < 0x80) ++i;
  return i;
}

/// Where the first invalid sequence begins; s.size() when there is none.
inline std::size_t find_invalid(std::string_view s, Surrogates surrogates = Surrogates::reject) noexcept {
  const char* const last = s.data() + s.size();
  std::size_t i = 0;
  while (true) {
    i += ascii_prefix(s.substr(i));
    if (i == s.size()) return i;
    const Step step = decode_one(s.data() + i, last, surrogates);
    if (!step.valid) return i;
    i += step.length;
  }
}

inline bool is_valid(std::string_view s) noexcept { return find_invalid(s) == s.size(); }

/// Calls f(code point) for each code point of any bytes.
template <class F>
constexpr void for_each(std::string_view s, OnError on_error, Surrogates surrogates, F&& f) {
  const char* at = s.data();
  const char* const last = at + s.size();
  while (at != last) {
    const Step step = decode_one(at, last, surrogates);
    if (step.valid || on_error == OnError::replace) f(step.code_point);
    at += step.length;
  }
}

/// Appends the code points of any bytes to `out`.
inline void decode_into(std::string_view s, std::u32string& out, OnError on_error = OnError::replace,
                        Surrogates surrogates = Surrogates::reject) {
  for_each(s, on_error, surrogates, [&out](char32_t c) { out.push_back(c); });
}

inline std::u32string decode(std::string_view s, OnError on_error = OnError::replace) {
  std::u32string out;
  out.reserve(s.size());
  decode_into(s, out, on_error);
  return out;
}

/// Any bytes made well formed: bytes.decode('utf-8', errors).encode('utf-8').
inline std::string repair(std::string_view s, OnError on_error = OnError::replace) {
  std::string out;
  out.reserve(s.size());
  for_each(s, on_error, Surrogates::reject, [&out](char32_t c) { append(out, c); });
  return out;
}

/// Code points in a well-formed string: the bytes that do not continue one.
constexpr std::size_t count(std::string_view s) noexcept {
  std::size_t n = 0;
  for (const char c : s) n += (static_cast<std::uint8_t>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return n;
}

}  // namespace tessera::text::utf8
