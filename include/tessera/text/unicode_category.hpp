// The general categories of code points; the order is free, the names are Unicode's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA::text::unicode {

enum class Category : std::uint8_t {
  Cn,
  Lu,
  Ll,
  Lt,
  Lm,
  Lo,
  Mn,
  Mc,
  Me,
  Nd,
  Nl,
  No,
  Pc,
  Pd,
  Ps,
  Pe,
  Pi,
  Pf,
  Po,
  Sm,
  Sc,
  Sk,
  So,
  Zs,
  Zl,
  Zp,
  Cc,
  Cf,
  Cs,
  Co
};

/// The longest full decomposition of one code point is U+FDFA's, 18 code points.
inline constexpr std::size_t max_decomposition = 18;

}  // namespace tessera::text::unicode
