// View: an erased tensor, as kernels see it. No ownership, no context, no constant sizes.
//
// The last dimension is contiguous; consecutive rows of it are `row_stride` elements apart; the dimensions before are
// laid out over rows without gaps. A view of rank 0 stands for an input that was not given.
#pragma once

#include <cstddef>

#include "tessera/base/dtype.hpp"
#include "tessera/tensor/extents.hpp"

namespace tessera::inline TESSERA_ISA {

struct View {
  static constexpr int max_rank = 5;

  void* data = nullptr;  ///< null while planning
  Index dim[max_rank] = {0, 0, 0, 0, 0};
  Index row_stride = 0;  ///< in elements
  int rank = 0;
  DType type = DType::f32;
  /// A layout of the backend's own (packed weights); its kernels know which. 0: as described above.
  std::uint8_t packing = 0;

  constexpr View() noexcept = default;
  /// A contiguous view: View::of(data, DType::f32, rows, columns).
  template <class... I>
  static constexpr View of(void* memory, DType element_type, I... sizes) noexcept {
    static_assert(sizeof...(I) >= 1 && sizeof...(I) <= max_rank, "view: an array has one to five dimensions");
    View v;
    v.data = memory;
    v.type = element_type;
    v.rank = static_cast<int>(sizeof...(I));
    const Index given[] = {static_cast<Index>(sizes)...};
    for (int i = 0; i < v.rank; ++i) v.dim[i] = given[i];
    v.row_stride = v.columns();
    return v;
  }
  template <Index... N>
  static constexpr View of(void* memory, DType element_type, const Extents<N...>& extents) noexcept {
    View v;
    v.data = memory;
    v.type = element_type;
    v.rank = Extents<N...>::rank;
    for (int i = 0; i < v.rank; ++i) v.dim[i] = extents[i];
    v.row_stride = v.columns();
    return v;
  }
  /// A read-only host array as an input: the library never writes through it.
  template <class... I>
  static View of_const(const void* memory, DType element_type, I... sizes) noexcept {
    return of(const_cast<void*>(memory), element_type, sizes...);
  }

  constexpr bool present() const noexcept { return rank > 0; }
  constexpr Index columns() const noexcept { return rank > 0 ? dim[rank - 1] : 0; }
  constexpr Index rows() const noexcept {
    Index n = rank > 0 ? 1 : 0;
    for (int i = 0; i + 1 < rank; ++i) n = saturating_product(n, dim[i]);
    return n;
  }
  constexpr Index count() const noexcept { return saturating_product(rows(), columns()); }
  /// Of the elements without gaps between rows.
  constexpr std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(saturating_product(count(), static_cast<Index>(size_of(type))));
  }
  constexpr bool contiguous() const noexcept { return row_stride == columns() || rows() <= 1; }

  template <class T>
  T* as() const noexcept {
    return static_cast<T*>(data);
  }
  /// First element of row r.
  template <class T>
  T* row(Index r) const noexcept {
    return static_cast<T*>(data) + r * row_stride;
  }
};

constexpr bool same_shape(const View& a, const View& b) noexcept {
  if (a.rank != b.rank) return false;
  for (int i = 0; i < a.rank; ++i)
    if (a.dim[i] != b.dim[i]) return false;
  return true;
}

}  // namespace tessera
