// The products of attention_low.hpp by matrix instructions (AMX). Its panels are rows of tiles where they lie.
#pragma once

#include "tessera/backends/cpu/attention_low.hpp"
#include "tessera/backends/cpu/gemm_low_amx.hpp"

#if defined(TESSERA_CPU_HAS_MATRIX_TILES)
namespace tessera::inline TESSERA_ISA::cpu::amx {

/// Tiles 0 to 3, of which `count` are used: zeros, += 16 rows of pairs times as many panels, `panel` bytes apart, and
/// out.
TESSERA_TILE_INLINE void zero_panels() {
  TESSERA_TILE_ZERO(0);
  TESSERA_TILE_ZERO(1);
  TESSERA_TILE_ZERO(2);
  TESSERA_TILE_ZERO(3);
}
TESSERA_TILE_INLINE void add_panels(const std::uint8_t* rows, Index row_bytes, const std::uint8_t* at, Index panel,
                                    Index count) {
  TESSERA_TILE_LOAD(4, rows, row_bytes);
  TESSERA_TILE_LOAD(6, at, 64);
  TESSERA_TILE_DOT("tdpbf16ps", 0, 4, 6);
  if (count > 1) {
    TESSERA_TILE_LOAD(7, at + panel, 64);
    TESSERA_TILE_DOT("tdpbf16ps", 1, 4, 7);
  }
  if (count > 2) {
    TESSERA_TILE_LOAD(6, at + 2 * panel, 64);
    TESSERA_TILE_DOT("tdpbf16ps", 2, 4, 6);
  }
  if (count > 3) {
    TESSERA_TILE_LOAD(7, at + 3 * panel, 64);
    TESSERA_TILE_DOT("tdpbf16ps", 3, 4, 7);
  }
}
TESSERA_TILE_INLINE void store_panels(float* to, Index row_bytes, Index count) {
  TESSERA_TILE_STORE(0, to, row_bytes);
  if (count > 1) TESSERA_TILE_STORE(1, to + 16, row_bytes);
  if (count > 2) TESSERA_TILE_STORE(2, to + 32, row_bytes);
  if (count > 3) TESSERA_TILE_STORE(3, to + 48, row_bytes);
}

/// As x86::DotProducts, all 16 rows at once.
struct TileProducts {
  /// Sets the tiles' form. A function of its own, as its callers do without AMX.
  class State {
   public:
    TESSERA_TILE_TARGET __attribute__((noinline)) State() {}
    TESSERA_TILE_TARGET __attribute__((noinline)) ~State() {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;

   private:
    TileState tiles_;
  };

  TESSERA_TILE_TARGET __attribute__((noinline)) static void multiply(const std::uint8_t* rows, Index row_bytes, Index,
                                                                     const std::uint8_t* panels, Index panel_bytes,
                                                                     Index inner, Index count, float* to,
                                                                     Index to_row) {
    zero_panels();
    for (Index i = 0; i < inner; i += 32) add_panels(rows + 2 * i, row_bytes, panels + 32 * i, panel_bytes, count);
    store_panels(to, 4 * to_row, count);
  }
};

}  // namespace tessera::cpu::amx
#endif
