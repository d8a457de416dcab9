// shortest: the fewest digits of a floating number that read back as the same number.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA::io {

inline constexpr std::size_t shortest_room = 40;

/// Writes a finite number to `text`, of `shortest_room` bytes, and returns the end. Scientific: 1.5e-07; else whichever
/// form is shorter. The C locale's decimal point.
template <class T>
char* shortest(char* text, T value, bool scientific = false) noexcept {
#if !defined(_LIBCPP_VERSION) || _LIBCPP_VERSION >= 14000
  char* const end = text + shortest_room;
  return scientific ? std::to_chars(text, end, value, std::chars_format::scientific).ptr
                    : std::to_chars(text, end, value).ptr;
#else
  // A standard library without floating to_chars: one digit more until it reads back.
  const auto number = static_cast<double>(value);
  int size = 0;
  for (int digits = 1; digits <= std::numeric_limits<T>::max_digits10; ++digits) {
    size = scientific ? std::snprintf(text, shortest_room, "%.*e", digits - 1, number)
                      : std::snprintf(text, shortest_room, "%.*g", digits, number);
    const T back = sizeof(T) == sizeof(float) ? static_cast<T>(std::strtof(text, nullptr))
                                              : static_cast<T>(std::strtod(text, nullptr));
    if (back == value) break;
  }
  return text + size;
#endif
}

}  // namespace tessera::io
