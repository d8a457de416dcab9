// Extents: the sizes of a tensor, each a constant of the type or known at run time only (`dyn`).
//
// The same block source serves both: where both sizes of a check are constants it is a static_assert, else a value.
#pragma once

#include <cstdint>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA {

using Index = std::int64_t;

/// A size that is known at run time only.
inline constexpr Index dyn = -1;

/// True when the two sizes may be equal: at least one is unknown, or both are the same.
constexpr bool may_equal(Index a, Index b) noexcept { return a == dyn || b == dyn || a == b; }

/// The product of two sizes that are not negative; the largest Index when it does not fit. Sizes come from configs and
/// callers: what saturates is refused where memory is taken.
constexpr Index saturating_product(Index a, Index b) noexcept {
  Index result = 0;
  return __builtin_mul_overflow(a, b, &result) ? INT64_MAX : result;
}
constexpr Index saturating_sum(Index a, Index b) noexcept {
  Index result = 0;
  return __builtin_add_overflow(a, b, &result) ? INT64_MAX : result;
}

/// The product of two sizes, unknown when one of them is.
constexpr Index product(Index a, Index b) noexcept { return a == dyn || b == dyn ? dyn : a * b; }

template <Index... N>
struct Extents {
  static constexpr int rank = static_cast<int>(sizeof...(N));
  static_assert(rank >= 1 && rank <= 5, "extents: a tensor has one to five dimensions");
  static constexpr Index constant[rank] = {N...};

  Index size[rank] = {N...};

  constexpr Extents() noexcept = default;
  /// All sizes; those that are constants of the type must be passed as they are.
  template <class... I>
  requires(sizeof...(I) == sizeof...(N)) constexpr explicit Extents(I... sizes) noexcept
      : size{static_cast<Index>(sizes)...} {}

  constexpr Index operator[](int i) const noexcept { return size[i]; }
};

}  // namespace tessera
