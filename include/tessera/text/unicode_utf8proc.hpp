// Properties and normal forms from utf8proc: the functions that unicode.hpp asks. Nothing else touches that library.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <utf8proc.h>

#include "tessera/text/unicode_category.hpp"

namespace tessera::inline TESSERA_ISA::text::unicode::from_utf8proc {

static_assert(UTF8PROC_CATEGORY_CN == 0 && UTF8PROC_CATEGORY_LU == 1 && UTF8PROC_CATEGORY_MN == 6 &&
                  UTF8PROC_CATEGORY_PO == 18 && UTF8PROC_CATEGORY_ZS == 23 && UTF8PROC_CATEGORY_CO == 29,
              "Category repeats the numbering of utf8proc");

inline const utf8proc_property_t& property(char32_t c) noexcept {
  return *utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
}

/// The category in the library's own Unicode version.
inline Category category(char32_t c) noexcept { return static_cast<Category>(property(c).category); }

inline std::uint8_t combining_class(char32_t c) noexcept {
  return static_cast<std::uint8_t>(property(c).combining_class);
}

inline char32_t simple_lower(char32_t c) noexcept {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

/// Writes the full decomposition of one code point and returns its length.
inline std::size_t decompose(char32_t c, bool compatibility, std::array<char32_t, max_decomposition>& out) noexcept {
  std::array<utf8proc_int32_t, max_decomposition> buffer{};
  int unused = 0;
  const int options = UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0);
  const utf8proc_ssize_t n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), buffer.data(),
                                                     static_cast<utf8proc_ssize_t>(buffer.size()),
                                                     static_cast<utf8proc_option_t>(options), &unused);
  if (n <= 0 || static_cast<std::size_t>(n) > buffer.size()) {
    out[0] = c;
    return 1;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) out[i] = static_cast<char32_t>(buffer[i]);
  return static_cast<std::size_t>(n);
}

/// Composes a decomposed and ordered string in place and returns its new length.
inline std::size_t compose(char32_t* text, std::size_t length) noexcept {
  static_assert(sizeof(char32_t) == sizeof(utf8proc_int32_t));
  const utf8proc_ssize_t n =
      utf8proc_normalize_utf32(reinterpret_cast<utf8proc_int32_t*>(text), static_cast<utf8proc_ssize_t>(length),
                               static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  return n < 0 ? length : static_cast<std::size_t>(n);
}

}  // namespace tessera::text::unicode::from_utf8proc
