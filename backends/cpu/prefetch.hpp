// Fetching weights ahead of a product: into which cache.
#pragma once

#include "tessera/tensor/view.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace tessera::inline TESSERA_ISA::cpu {

/// Whether weights that a product reads next are fetched into the second-level cache and not into the first.
///
/// What passes through a first-level cache of 32 kB drives out what the product is reading, and the few buffers of that
/// cache limit how much is on its way: 16 rows of BERT base take 29.8 ms on a Zen 4 with the first, 25.7 with the
/// second. On a Zen 5 (48 kB, more buffers) it is the other way round: 12.7 ms and 13.5.
inline bool fetches_to_second_level() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  static const bool second = [] {
    // The description of the first data cache: leaf 4 of Intel's, 0x8000001D of AMD's processors, in the same form.
    constexpr unsigned leaves[] = {4, 0x8000001D};
    for (const unsigned leaf : leaves) {
      unsigned a = 0, b = 0, c = 0, d = 0;
      if (__get_cpuid_count(leaf, 0, &a, &b, &c, &d) == 0 || (a & 0x1fU) != 1) continue;
      const unsigned ways = (b >> 22U) + 1, partitions = ((b >> 12U) & 0x3ffU) + 1, line = (b & 0xfffU) + 1;
      return ways * partitions * line * (c + 1) <= 32768;
    }
    return false;
  }();
  return second;
#else
  return false;
#endif
}

/// Lines of 64 bytes to ask for at a time, into the one cache or the other.
struct LinesAhead {
  Index first_level = 0;
  Index second_level = 0;

  static LinesAhead of(Index lines) noexcept {
    return fetches_to_second_level() ? LinesAhead{0, lines} : LinesAhead{lines, 0};
  }
};

/// The tiles of a product as threads take them: each a part in one piece (ThreadPool). For hints alone; a host that
/// spreads tiles in another way gets the same results.
struct TileParts {
  Index tiles;
  Index threads;

  /// Where the thread that ends its part with `tile` begins in a product with as many tiles; -1: its part goes on.
  constexpr Index next_start(Index tile) const noexcept {
    const Index part = ((tile + 1) * threads - 1) / tiles;
    return tile + 1 == tiles * (part + 1) / threads ? tiles * part / threads : -1;
  }
};

/// What one block of rows asks for as it reads its weights, each of them once: a stream in the order of the memory.
///
/// With few rows the product waits for memory alone, and the processor's own prefetching follows a stream best where
/// nobody interferes: on a Zen 4, a row of GPT-2's linears reads 36 GB/s of bf16 and int8 without hints and 28 with
/// them, 4 rows of f32 35 and 29. With more rows, hints are as fast from memory and faster from the caches.
struct StreamAhead {
  static constexpr Index bytes = 4096;  ///< between what is read and what is asked for
  static constexpr Index most_rows_without = 4;

  static constexpr LinesAhead of(Index rows, Index lines) noexcept {
    return rows <= most_rows_without ? LinesAhead{} : LinesAhead{lines, 0};
  }
};

}  // namespace tessera::cpu
