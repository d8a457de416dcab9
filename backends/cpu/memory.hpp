// Memory of the cpu backend: host memory whose large blocks lie in huge pages, where the system has them.
//
// Packed weights are read in long strides, and each page of 4 kB costs a walk of the page tables: with pages of 2 MB
// 16 rows times weights that come from memory are 4 to 9 % faster, 128 rows 2 to 3 %, and the first touch of the block
// takes a third of the time.
#pragma once

#include <cstddef>
#include <new>

#include "tessera/context/backend.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tessera::inline TESSERA_ISA::cpu {

namespace detail {
inline constexpr std::size_t huge_page = std::size_t{2} << 20;

/// The same for allocating and releasing a block.
inline std::align_val_t alignment_for(std::size_t bytes) noexcept {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (bytes >= 2 * huge_page) return std::align_val_t{huge_page};
#endif
  (void)bytes;
  return std::align_val_t{64};
}

inline void* allocate(std::size_t bytes) noexcept {
  const std::align_val_t alignment = alignment_for(bytes);
  void* const memory = ::operator new(bytes, alignment, std::nothrow);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  // A hint: a system without huge pages gives small ones.
  if (memory != nullptr && alignment == std::align_val_t{huge_page})
    (void)::madvise(memory, bytes / huge_page * huge_page, MADV_HUGEPAGE);
#endif
  return memory;
}

inline void release(void* memory, std::size_t bytes) noexcept { ::operator delete(memory, alignment_for(bytes)); }
}  // namespace detail

/// Host memory, with the pages above.
inline const Memory& memory() noexcept {
  static constexpr Memory table{&detail::allocate, &detail::release};
  return table;
}

}  // namespace tessera::cpu
