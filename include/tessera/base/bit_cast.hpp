// bit_cast as std::bit_cast, for standard libraries of C++20 that lack it still (libc++ 13, which Emscripten 3.1 has).
#pragma once

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA {

/// The bytes of `from` read as a To of the same size; both are plain data.
template <class To, class From>
constexpr To bit_cast(const From& from) noexcept {
  static_assert(sizeof(To) == sizeof(From), "bit_cast: both types must have the same size");
  return __builtin_bit_cast(To, from);
}

}  // namespace tessera
