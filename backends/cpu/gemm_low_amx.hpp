// Products in bf16 and int8 by the matrix instructions of x86 (AMX): tdpbf16ps and tdpbusd.
//
// A tile register holds 16 rows of 64 bytes. Rows of a lie as they are prepared, 16 groups to a tile; a panel of b, 16
// groups of 16 columns to a tile, is read where it lies, so packed weights are those of the vector instructions. Six
// registers hold the sums of 32 rows by 48 columns, one holds b and one a: a is read twice for each step of 16 groups,
// b once, in an order in which neighbours share it. The whole of `inner` passes before sums are stored, through the
// stack, where scales, bias and activation meet them. Fewer rows than `least_rows` are left to the vector instructions.
//
// The state of the tiles is the thread's: each call sets it and gives it up again.
#pragma once

#include "tessera/backends/cpu/gemm_low_x86.hpp"

#if defined(TESSERA_CPU_HAS_DOT_TILES) && defined(__linux__)
#define TESSERA_CPU_HAS_MATRIX_TILES 1

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TESSERA_TILE_TARGET \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,amx-tile,amx-bf16,amx-int8")))
#define TESSERA_TILE_INLINE TESSERA_TILE_TARGET __attribute__((always_inline)) inline

namespace tessera::inline TESSERA_ISA::cpu::amx {

inline constexpr Index tile_rows = 16;
inline constexpr Index tile_groups = 16;  ///< along inner
inline constexpr Index tile_columns = 16;
inline constexpr Index stream_ahead = 4096;  ///< bytes

/// Whether the machine has the instructions and the system lets this process use them.
inline bool available() noexcept {
  static const bool there = [] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
    constexpr unsigned needed = (1U << 22) | (1U << 24) | (1U << 25);  // AMX-BF16, AMX-TILE, AMX-INT8
    if ((d & needed) != needed) return false;
    constexpr long request_permission = 0x1023;  // ARCH_REQ_XCOMP_PERM
    constexpr long tile_data = 18;
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }();
  return there;
}

/// Every tile 16 rows of 64 bytes, for as long as it lives.
class TileState {
 public:
  TESSERA_TILE_INLINE TileState() {
    alignas(64) std::uint8_t config[64] = {};
    config[0] = 1;  // the palette
    for (int i = 0; i < 8; ++i) {
      config[16 + 2 * i] = 64;
      config[48 + i] = 16;
    }
    asm volatile("ldtilecfg %0" ::"m"(config));
  }
  TESSERA_TILE_INLINE ~TileState() { asm volatile("tilerelease" ::); }
  TileState(const TileState&) = delete;
  TileState& operator=(const TileState&) = delete;
};

// Tiles are named by number, which has to stand in the instruction.
#define TESSERA_TILE_ZERO(t) asm volatile("tilezero %%tmm" #t ::)
#define TESSERA_TILE_LOAD(t, from, stride) \
  asm volatile("tileloadd (%0,%1,1), %%tmm" #t ::"r"(from), "r"(static_cast<Index>(stride)) : "memory")
#define TESSERA_TILE_STORE(t, to, stride) \
  asm volatile("tilestored %%tmm" #t ", (%0,%1,1)" ::"r"(to), "r"(static_cast<Index>(stride)) : "memory")

#define TESSERA_TILE_DOT(op, c, a, b) asm volatile(op " %%tmm" #b ", %%tmm" #a ", %%tmm" #c ::)

struct Bf16 {
  static constexpr std::uint8_t form = bf16_panels;
  /// All: the dot products add up in another order, and a text has the same numbers alone as in a batch.
  static constexpr Index least_rows = 1;
  static constexpr PrepareFunction prepare = &x86::prepare_bf16;
  /// Two tiles of rows (0 to 2, 3 to 5 are their sums) or one, times tile v of the columns, which lies in 6.
#define TESSERA_TILE_MULTIPLY(v, w)            \
  TESSERA_TILE_INLINE static void upper##v() { \
    if constexpr (form == bf16_panels)         \
      TESSERA_TILE_DOT("tdpbf16ps", v, 7, 6);  \
    else                                       \
      TESSERA_TILE_DOT("tdpbusd", v, 7, 6);    \
  }                                            \
  TESSERA_TILE_INLINE static void lower##v() { \
    if constexpr (form == bf16_panels)         \
      TESSERA_TILE_DOT("tdpbf16ps", w, 7, 6);  \
    else                                       \
      TESSERA_TILE_DOT("tdpbusd", w, 7, 6);    \
  }
  TESSERA_TILE_MULTIPLY(0, 3)
  TESSERA_TILE_MULTIPLY(1, 4)
  TESSERA_TILE_MULTIPLY(2, 5)
  /// Sums of one row and tile: [16] f32.
  TESSERA_TILE_INLINE static __m512 finished(const float* sums, const LowTile&, Index, Index, __m512 bias) {
    return _mm512_add_ps(_mm512_load_ps(sums), bias);
  }
};

struct Int8 {
  static constexpr std::uint8_t form = int8_panels;
  /// Sums of integers are the same either way, and few rows leave a tile mostly empty.
  static constexpr Index least_rows = 8;
  static constexpr PrepareFunction prepare = &x86::prepare_int8;
  TESSERA_TILE_MULTIPLY(0, 3)
  TESSERA_TILE_MULTIPLY(1, 4)
  TESSERA_TILE_MULTIPLY(2, 5)
#undef TESSERA_TILE_MULTIPLY
  /// Sums of q_a * q_b hold zero * q_b too much.
  TESSERA_TILE_INLINE static __m512 finished(const float* sums, const LowTile& t, Index row, Index column,
                                             __m512 bias) {
    const __m512i zero = _mm512_set1_epi32(t.row_zero[row]);
    const __m512i sum =
        _mm512_sub_epi32(_mm512_load_si512(sums), _mm512_mullo_epi32(_mm512_loadu_si512(t.column_sum + column), zero));
    const __m512 scale = _mm512_mul_ps(_mm512_set1_ps(t.row_scale[row]), _mm512_loadu_ps(t.column_scale + column));
    return _mm512_fmadd_ps(_mm512_maskz_cvtepi32_ps(0xffff, sum), scale, bias);
  }
};

inline constexpr Index sums_row = panel_width;
inline constexpr Index most_rows = 2 * tile_rows;

/// 16 groups along inner.
template <class Dot, int RowTiles, int ColumnTiles>
TESSERA_TILE_INLINE void step(const std::uint8_t* a, Index a_row, const std::uint8_t* b, Index b_row) {
  const std::uint8_t* const low = a + tile_rows * a_row;
  TESSERA_TILE_LOAD(6, b, b_row);
  TESSERA_TILE_LOAD(7, a, a_row);
  Dot::upper0();
  if constexpr (RowTiles == 1) {
    if constexpr (ColumnTiles > 1) {
      TESSERA_TILE_LOAD(6, b + 64, b_row);
      Dot::upper1();
    }
    if constexpr (ColumnTiles > 2) {
      TESSERA_TILE_LOAD(6, b + 128, b_row);
      Dot::upper2();
    }
  } else {
    TESSERA_TILE_LOAD(7, low, a_row);
    Dot::lower0();
    if constexpr (ColumnTiles > 1) {
      TESSERA_TILE_LOAD(6, b + 64, b_row);
      Dot::lower1();
      TESSERA_TILE_LOAD(7, a, a_row);
      Dot::upper1();
    }
    if constexpr (ColumnTiles > 2) {
      TESSERA_TILE_LOAD(6, b + 128, b_row);
      Dot::upper2();
      TESSERA_TILE_LOAD(7, low, a_row);
      Dot::lower2();
    }
  }
}

/// Sums over t.groups into `sums`, [RowTiles * 16, 48].
template <class Dot, int RowTiles, int ColumnTiles>
TESSERA_TILE_TARGET __attribute__((noinline)) inline void sum_block(const LowTile& t, float* sums) {
  TESSERA_TILE_ZERO(0);
  if constexpr (ColumnTiles > 1) TESSERA_TILE_ZERO(1);
  if constexpr (ColumnTiles > 2) TESSERA_TILE_ZERO(2);
  if constexpr (RowTiles > 1) TESSERA_TILE_ZERO(3);
  if constexpr (RowTiles > 1 && ColumnTiles > 1) TESSERA_TILE_ZERO(4);
  if constexpr (RowTiles > 1 && ColumnTiles > 2) TESSERA_TILE_ZERO(5);
  const std::uint8_t* a = t.a;
  const std::uint8_t* b = t.b;
  const std::uint8_t* next = t.next;
  Index left = t.groups;
  for (; left >= tile_groups; left -= tile_groups) {
    for (int i = 0; i < t.next_lines; ++i, next += 64) _mm_prefetch(reinterpret_cast<const char*>(next), _MM_HINT_T0);
    step<Dot, RowTiles, ColumnTiles>(a, t.a_row, b, t.b_row);
    a += 4 * tile_groups;
    b += tile_groups * t.b_row;
  }
  if (left > 0) {
    // Behind the last group of a row may stand anything, and behind that of a panel nothing.
    alignas(64) std::uint8_t last_a[most_rows * 64] = {};
    alignas(64) std::uint8_t last_b[tile_groups * 4 * panel_width] = {};
    for (Index r = 0; r < RowTiles * tile_rows; ++r)
      std::memcpy(last_a + 64 * r, a + r * t.a_row, static_cast<std::size_t>(4 * left));
    std::memcpy(last_b, b, static_cast<std::size_t>(left * t.b_row));
    step<Dot, RowTiles, ColumnTiles>(last_a, 64, last_b, t.b_row);
  }
  constexpr Index row = 4 * sums_row;
  float* const low = sums + tile_rows * sums_row;
  TESSERA_TILE_STORE(0, sums, row);
  if constexpr (ColumnTiles > 1) TESSERA_TILE_STORE(1, sums + 16, row);
  if constexpr (ColumnTiles > 2) TESSERA_TILE_STORE(2, sums + 32, row);
  if constexpr (RowTiles > 1) TESSERA_TILE_STORE(3, low, row);
  if constexpr (RowTiles > 1 && ColumnTiles > 1) TESSERA_TILE_STORE(4, low + 16, row);
  if constexpr (RowTiles > 1 && ColumnTiles > 2) TESSERA_TILE_STORE(5, low + 32, row);
}

template <class Dot>
inline constexpr void (*sum_blocks[2][3])(const LowTile&, float*) = {
    {&sum_block<Dot, 1, 1>, &sum_block<Dot, 1, 2>, &sum_block<Dot, 1, 3>},
    {&sum_block<Dot, 2, 1>, &sum_block<Dot, 2, 2>, &sum_block<Dot, 2, 3>}};

/// From sums to c: scales and bias, the activation, and the form in which c is wanted.
template <class Dot>
TESSERA_TILE_TARGET __attribute__((noinline)) inline void finish_block(const LowGemm& g, const LowTile& t, float* sums,
                                                                       Index row, Index column, Index rows,
                                                                       Index columns) {
  const auto lanes_of = [&](Index v) TESSERA_TILE_TARGET { return x86::lanes_left(columns - 16 * v); };
  const Index vectors = (columns + 15) / 16;
  const bool direct = !g.staged();
  for (Index v = 0; v < vectors; ++v) {
    const __mmask16 lanes = lanes_of(v);
    const __m512 bias = t.bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(lanes, t.bias + 16 * v);
    for (Index r = 0; r < rows; ++r) {
      float* const sum = sums + r * sums_row + 16 * v;
      const __m512 y = Dot::finished(sum, t, r, 16 * v, bias);
      if (direct)
        _mm512_mask_storeu_ps(t.c + r * t.c_row + 16 * v, lanes, y);
      else
        _mm512_store_ps(sum, y);
    }
  }
  if (direct) return;
  if (g.activate != nullptr) g.activate(sums, sums_row, rows, columns);
  if (g.low.groups != nullptr)
    return x86::narrow_block(sums, sums_row, rows, columns, g.low.groups + row * g.low.row_bytes + 2 * column,
                             g.low.row_bytes);
  for (Index r = 0; r < rows; ++r)
    for (Index v = 0; v < vectors; ++v)
      _mm512_mask_storeu_ps(t.c + r * t.c_row + 16 * v, lanes_of(v), _mm512_load_ps(sums + r * sums_row + 16 * v));
}

/// Rows [row, row_end) times panels [panel, panel_end); row is a multiple of 16.
template <class Dot>
TESSERA_TILE_TARGET __attribute__((noinline)) inline void multiply_panels(const LowGemm& g, const PreparedRows& a,
                                                                          Index row, Index row_end, Index panel,
                                                                          Index panel_end) {
  alignas(64) float sums[most_rows * sums_row];
  const TileState state;
  const Index groups = group_count(g.form, g.inner);
  const Index panels = panel_count(g.columns);
  const std::uint8_t* const behind = g.b + 4 * groups * padded_columns(g.columns);
  const Index blocks = (row_end - row + most_rows - 1) / most_rows;
  const Index steps = groups / tile_groups > 0 ? groups / tile_groups : 1;
  for (Index p = panel; p < panel_end; ++p) {
    const Index column = p * panel_width;
    const Index columns = g.columns - column < panel_width ? g.columns - column : panel_width;
    const Index width = width_of_panel(g.columns, p);
    LowTile t{};
    t.groups = groups;
    t.a_row = a.row_bytes;
    t.b = g.b + 4 * column * groups;
    t.b_row = 4 * width;
    t.bias = g.bias == nullptr ? nullptr : g.bias + column;
    if (g.form == int8_panels) {
      t.column_scale = reinterpret_cast<const float*>(behind) + column;
      t.column_sum = reinterpret_cast<const std::int32_t*>(behind) + padded_columns(g.columns) + column;
    }
    t.c_row = g.c_row;
    // What follows: this panel itself, some steps on, when one block reads it as a stream; else the next panel.
    const Index bytes = groups * t.b_row;
    const bool stream = blocks == 1;
    const std::uint8_t* const next = t.b + (stream ? stream_ahead : bytes);
    const std::uint8_t* const next_end = p + 1 < panels ? next + bytes : stream ? t.b + bytes : next;
    const Index lines = (bytes / 64 + steps * blocks - 1) / (steps * blocks);
    t.next = next;
    for (Index block = 0; block < blocks; ++block) {
      const Index first = row + block * most_rows;
      const Index rows = row_end - first < most_rows ? row_end - first : most_rows;
      t.a = a.groups + first * a.row_bytes;
      t.c = g.c == nullptr ? nullptr : g.c + first * g.c_row + column;
      t.row_scale = a.scale == nullptr ? nullptr : a.scale + first;
      t.row_zero = a.zero == nullptr ? nullptr : a.zero + first;
      t.next_lines = t.next < next_end ? static_cast<int>(lines) : 0;
      sum_blocks<Dot>[rows > tile_rows ? 1 : 0][(width / 16) - 1](t, sums);
      t.next += steps * t.next_lines * 64;
      finish_block<Dot>(g, t, sums, first, column, rows, columns);
    }
  }
}

/// How a product is cut for threads: rows whose groups fill half of the second-level cache, and panels for them. By its
/// shape alone.
inline LowCut cut_of(const LowGemm& g) noexcept {
  LowCut cut;
  const Index row_bytes = PreparedRows::bytes_of_row(g.form, g.inner);
  Index rows = (Index{1} << 20) / row_bytes / most_rows * most_rows;
  if (rows < 64) rows = 64;
  if (rows > 512) rows = 512;
  cut.rows_each = rows;
  cut.row_tiles = (g.rows + rows - 1) / rows;
  const Index panels = panel_count(g.columns);
  const Index filled = g.rows < rows ? round_up(g.rows, tile_rows) : rows;
  // In steps of one tile product, 16 cycles; a panel that comes from memory costs as much as 3 blocks of rows.
  const Index blocks = filled / tile_rows > 6 ? filled / tile_rows : 6;
  const Index panel_work = 3 * (group_count(g.form, g.inner) + 15) / 16 * blocks;
  const Index total = panel_work * panels * cut.row_tiles;
  constexpr Index least = 400;  // about 2 microseconds
  constexpr Index most = 4000;
  const Index wanted = total / 16 < least ? least : total / 16 > most ? most : total / 16;
  Index each = (wanted + panel_work - 1) / panel_work;
  if (each > panels) each = panels;
  cut.column_tiles = (panels + each - 1) / each;
  cut.split = total >= 2 * least;
  return cut;
}

template <class Dot>
inline constexpr LowMatrix matrix = {Dot::prepare, &multiply_panels<Dot>, &cut_of, Dot::least_rows};

/// The product for a packed form, or null where the machine has no such instruction.
inline const LowMatrix* matrix_for(std::uint8_t form) noexcept {
  if (!available()) return nullptr;
  return form == bf16_panels ? &matrix<Bf16> : form == int8_panels ? &matrix<Int8> : nullptr;
}

}  // namespace tessera::cpu::amx
#endif
