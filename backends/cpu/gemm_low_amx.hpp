// Products in bf16 and int8 by the matrix instructions of x86 (AMX): tdpbf16ps and tdpbusd.
//
// A tile register holds 16 rows of 64 bytes. Rows of a lie as they are prepared, 16 groups to a tile; a panel of b, 16
// groups of 16 columns to a tile, is read where it lies, so packed weights are those of the vector instructions. Six
// registers hold the sums of 32 rows by 48 columns, one holds b and one a: a is read twice for each step of 16 groups,
// b once, in an order in which neighbours share it. Finished sums of bf16, which start with the bias, are stored where
// they belong; others go through the stack, where scales and activation meet them. Fewer rows than `least_rows` are
// left to the vector instructions.
//
// The state of the tiles is the thread's: each call sets it and gives it up again.
#pragma once

#include "tessera/backends/cpu/gemm_low_x86.hpp"

#if defined(TESSERA_CPU_HAS_DOT_TILES) && defined(__linux__)
#define TESSERA_CPU_HAS_MATRIX_TILES 1

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <limits>

#define TESSERA_TILE_TARGET \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,amx-tile,amx-bf16,amx-int8")))
#define TESSERA_TILE_INLINE TESSERA_TILE_TARGET __attribute__((always_inline)) inline

namespace tessera::inline TESSERA_ISA::cpu::amx {

inline constexpr Index tile_rows = 16;
inline constexpr Index tile_groups = 16;  ///< along inner
inline constexpr Index tile_columns = 16;
inline constexpr Index stream_ahead = 4096;        ///< bytes
inline constexpr Index passing_bytes = 256 << 10;  ///< of the panels that pass a block of rows, one after the other
inline constexpr Index whole_steps = 14;           ///< of a block of rows that fits into the first-level cache: 28 kB
inline constexpr Index piece_steps = 8;            ///< of a block that does not, beside what waits
inline constexpr Index most_waiting = 3;           ///< panels
inline constexpr Index few_blocks = 8;             ///< of rows

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
/// Past the first-level cache, which holds what is read again.
#define TESSERA_TILE_STREAM(t, from, stride) \
  asm volatile("tileloaddt1 (%0,%1,1), %%tmm" #t ::"r"(from), "r"(static_cast<Index>(stride)) : "memory")
#define TESSERA_TILE_STORE(t, to, stride) \
  asm volatile("tilestored %%tmm" #t ", (%0,%1,1)" ::"r"(to), "r"(static_cast<Index>(stride)) : "memory")

#define TESSERA_TILE_DOT(op, c, a, b) asm volatile(op " %%tmm" #b ", %%tmm" #a ", %%tmm" #c ::)

inline constexpr Index sums_row = panel_width;
inline constexpr Index most_rows = 2 * tile_rows;

/// The lanes of each vector of a panel that hold columns.
struct Lanes {
  __mmask16 of[3];
  TESSERA_TILE_INLINE explicit Lanes(Index columns) {
    for (Index v = 0; v < 3; ++v) of[v] = columns > 16 * v ? x86::lanes_left(columns - 16 * v) : __mmask16{0};
  }
};

TESSERA_TILE_INLINE void copy_block(const float* sums, float* to, Index to_row, Index rows, Index columns) {
  const Lanes lanes(columns);
  for (Index r = 0; r < rows; ++r) {
    TESSERA_DOT_UNROLL
    for (int v = 0; v < 3; ++v)
      _mm512_mask_storeu_ps(to + r * to_row + 16 * v, lanes.of[v], _mm512_load_ps(sums + r * sums_row + 16 * v));
  }
}

struct Bf16 {
  static constexpr std::uint8_t form = bf16_panels;
  /// All: the dot products add up in another order, and a text has the same numbers alone as in a batch.
  static constexpr Index least_rows = 1;
  static constexpr Index longest = (std::numeric_limits<Index>::max)();
  static constexpr PrepareFunction prepare = &x86::prepare_bf16;
  /// And are finished when they end.
  static constexpr bool starts_with_bias = true;
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
  TESSERA_TILE_INLINE static void finish(const LowTile&, const float* sums, float* to, Index to_row, Index rows,
                                         Index columns) {
    if (to != sums) copy_block(sums, to, to_row, rows, columns);
  }
};

struct Int8 {
  static constexpr std::uint8_t form = int8_panels;
  /// Sums of integers are the same either way, and few rows leave a tile mostly empty.
  static constexpr Index least_rows = 8;
  static constexpr Index longest = 32768;  ///< for `finish`
  static constexpr PrepareFunction prepare = &x86::prepare_int8;
  static constexpr bool starts_with_bias = false;
  TESSERA_TILE_MULTIPLY(0, 3)
  TESSERA_TILE_MULTIPLY(1, 4)
  TESSERA_TILE_MULTIPLY(2, 5)
#undef TESSERA_TILE_MULTIPLY
  /// Sums of q_a * q_b hold zero * (the sum of q_b) too much. Less than 2^23 and cut in two, the sum is taken away by
  /// one instruction on pairs of 16 bits, where a product of 32 bits and a difference are three.
  TESSERA_TILE_INLINE static void finish(const LowTile& t, const float* sums, float* to, Index to_row, Index rows,
                                         Index columns) {
    const Lanes lanes(columns);
    __m512i sum_pairs[3];
    __m512 scales[3], bias[3];
    TESSERA_DOT_UNROLL
    for (int v = 0; v < 3; ++v) {
      const __m512i sum = _mm512_maskz_loadu_epi32(lanes.of[v], t.column_sum + 16 * v);
      const __m512i high = _mm512_maskz_srai_epi32(0xffff, sum, 7);
      const __m512i low = _mm512_and_si512(sum, _mm512_set1_epi32(127));
      sum_pairs[v] = _mm512_or_si512(_mm512_maskz_slli_epi32(0xffff, high, 16), low);
      scales[v] = _mm512_maskz_loadu_ps(lanes.of[v], t.column_scale + 16 * v);
      bias[v] = t.bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(lanes.of[v], t.bias + 16 * v);
    }
    for (Index r = 0; r < rows; ++r) {
      const std::int32_t zero = t.row_zero[r];  // 1 to 255
      const __m512i pair = _mm512_set1_epi32(-zero * 128 * 65536 + (-zero & 0xffff));
      const __m512 scale = _mm512_set1_ps(t.row_scale[r]);
      TESSERA_DOT_UNROLL
      for (int v = 0; v < 3; ++v) {
        const __m512i sum = _mm512_dpwssd_epi32(_mm512_load_si512(sums + r * sums_row + 16 * v), pair, sum_pairs[v]);
        const __m512 y =
            _mm512_fmadd_ps(_mm512_maskz_cvtepi32_ps(0xffff, sum), _mm512_mul_ps(scale, scales[v]), bias[v]);
        _mm512_mask_storeu_ps(to + r * to_row + 16 * v, lanes.of[v], y);
      }
    }
  }
};

/// 16 groups along inner.
template <class Dot, int RowTiles, int ColumnTiles>
TESSERA_TILE_INLINE void step(const std::uint8_t* a, Index a_row, const std::uint8_t* b, Index b_row) {
  const std::uint8_t* const low = a + tile_rows * a_row;
  TESSERA_TILE_STREAM(6, b, b_row);
  TESSERA_TILE_LOAD(7, a, a_row);
  Dot::upper0();
  if constexpr (RowTiles == 1) {
    if constexpr (ColumnTiles > 1) {
      TESSERA_TILE_STREAM(6, b + 64, b_row);
      Dot::upper1();
    }
    if constexpr (ColumnTiles > 2) {
      TESSERA_TILE_STREAM(6, b + 128, b_row);
      Dot::upper2();
    }
  } else {
    TESSERA_TILE_LOAD(7, low, a_row);
    Dot::lower0();
    if constexpr (ColumnTiles > 1) {
      TESSERA_TILE_STREAM(6, b + 64, b_row);
      Dot::lower1();
      TESSERA_TILE_LOAD(7, a, a_row);
      Dot::upper1();
    }
    if constexpr (ColumnTiles > 2) {
      TESSERA_TILE_STREAM(6, b + 128, b_row);
      Dot::upper2();
      TESSERA_TILE_LOAD(7, low, a_row);
      Dot::lower2();
    }
  }
}

/// Sums over t.groups, beginning with `from` ([RowTiles * 16, 48]; null: zeros), into `to`.
template <class Dot, int RowTiles, int ColumnTiles>
TESSERA_TILE_TARGET __attribute__((noinline)) inline void sum_block(const LowTile& t, const float* from, Index from_row,
                                                                    float* to, Index to_row) {
  if (from == nullptr) {
    TESSERA_TILE_ZERO(0);
    if constexpr (ColumnTiles > 1) TESSERA_TILE_ZERO(1);
    if constexpr (ColumnTiles > 2) TESSERA_TILE_ZERO(2);
    if constexpr (RowTiles > 1) TESSERA_TILE_ZERO(3);
    if constexpr (RowTiles > 1 && ColumnTiles > 1) TESSERA_TILE_ZERO(4);
    if constexpr (RowTiles > 1 && ColumnTiles > 2) TESSERA_TILE_ZERO(5);
  } else {
    const Index row = 4 * from_row;
    const float* const low = from + tile_rows * from_row;
    TESSERA_TILE_LOAD(0, from, row);
    if constexpr (ColumnTiles > 1) TESSERA_TILE_LOAD(1, from + 16, row);
    if constexpr (ColumnTiles > 2) TESSERA_TILE_LOAD(2, from + 32, row);
    if constexpr (RowTiles > 1) TESSERA_TILE_LOAD(3, low, row);
    if constexpr (RowTiles > 1 && ColumnTiles > 1) TESSERA_TILE_LOAD(4, low + 16, row);
    if constexpr (RowTiles > 1 && ColumnTiles > 2) TESSERA_TILE_LOAD(5, low + 32, row);
  }
  const std::uint8_t* a = t.a;
  const std::uint8_t* b = t.b;
  const std::uint8_t* next = t.next;
  Index left = t.groups;
  // Lines of c that are not in the first-level cache hold up the stores behind the last product (a third of the time
  // of 128 x 384 x 384): they are asked for along the way.
  const float* c = t.c;
  const float* const c_end = c == nullptr ? c : c + RowTiles * tile_rows * t.c_row;
  const Index c_rows = RowTiles * tile_rows * tile_groups / t.groups + 1;
  for (; left >= tile_groups; left -= tile_groups) {
    for (Index i = 0; i < t.ahead.second_level; ++i, next += 64)
      _mm_prefetch(reinterpret_cast<const char*>(next), _MM_HINT_T1);
    for (Index i = 0; i < c_rows && c != c_end; ++i, c += t.c_row)
      for (int v = 0; v < ColumnTiles; ++v) asm volatile("prefetchw %0" ::"m"(c[16 * v]));
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
  const Index row = 4 * to_row;
  float* const low = to + tile_rows * to_row;
  TESSERA_TILE_STORE(0, to, row);
  if constexpr (ColumnTiles > 1) TESSERA_TILE_STORE(1, to + 16, row);
  if constexpr (ColumnTiles > 2) TESSERA_TILE_STORE(2, to + 32, row);
  if constexpr (RowTiles > 1) TESSERA_TILE_STORE(3, low, row);
  if constexpr (RowTiles > 1 && ColumnTiles > 1) TESSERA_TILE_STORE(4, low + 16, row);
  if constexpr (RowTiles > 1 && ColumnTiles > 2) TESSERA_TILE_STORE(5, low + 32, row);
}

template <class Dot>
inline constexpr void (*sum_blocks[2][3])(const LowTile&, const float*, Index, float*, Index) = {
    {&sum_block<Dot, 1, 1>, &sum_block<Dot, 1, 2>, &sum_block<Dot, 1, 3>},
    {&sum_block<Dot, 2, 1>, &sum_block<Dot, 2, 2>, &sum_block<Dot, 2, 3>}};

/// From sums to c: scales and bias, the activation, and the form in which c is wanted.
template <class Dot>
TESSERA_TILE_TARGET __attribute__((noinline)) inline void finish_block(const LowGemm& g, const LowTile& t, float* sums,
                                                                       Index row, Index column, Index rows,
                                                                       Index columns) {
  if (!g.staged()) return Dot::finish(t, sums, t.c, t.c_row, rows, columns);
  Dot::finish(t, sums, sums, sums_row, rows, columns);
  if (g.activate != nullptr) g.activate(sums, sums_row, rows, columns);
  if (g.low.groups != nullptr)
    return x86::narrow_block(sums, sums_row, rows, columns, g.low.groups + row * g.low.row_bytes + 2 * column,
                             g.low.row_bytes);
  copy_block(sums, t.c, t.c_row, rows, columns);
}

/// The rows from `row` on and a panel, whole.
inline LowTile tile_of(const LowGemm& g, const PreparedRows& a, Index row, Index panel) noexcept {
  const Index groups = group_count(g.form, g.inner);
  const Index column = panel * panel_width;
  LowTile t{};
  t.groups = groups;
  t.a = a.groups + row * a.row_bytes;
  t.a_row = a.row_bytes;
  t.b = g.b + 4 * column * groups;
  t.b_row = 4 * width_of_panel(g.columns, panel);
  t.bias = g.bias == nullptr ? nullptr : g.bias + column;
  if (g.form == int8_panels) {
    const std::uint8_t* const behind = g.b + 4 * groups * padded_columns(g.columns);
    t.row_scale = a.scale + row;
    t.row_zero = a.zero + row;
    t.column_scale = reinterpret_cast<const float*>(behind) + column;
    t.column_sum = reinterpret_cast<const std::int32_t*>(behind) + padded_columns(g.columns) + column;
  }
  t.c_row = g.c_row;
  return t;
}

/// Rows [row, row_end) times panels [panel, panel_end); row is a multiple of 16.
///
/// A piece of a block of rows stays in the first-level cache while the same piece of some panels passes it; their sums
/// wait on the stack for the next. The panels lie in the second-level cache, and those that follow are fetched
/// meanwhile.
template <class Dot>
TESSERA_TILE_TARGET __attribute__((noinline)) inline void multiply_panels(const LowGemm& g, const PreparedRows& a,
                                                                          Index row, Index row_end, Index panel,
                                                                          Index panel_end) {
  alignas(64) float sums[most_waiting][most_rows * sums_row];
  alignas(64) float bias[panel_width] = {};
  const TileState state;
  const Index groups = group_count(g.form, g.inner);
  const std::uint8_t* const behind = g.b + 4 * groups * padded_columns(g.columns);
  const Index blocks = (row_end - row + most_rows - 1) / most_rows;
  const Index steps = groups / tile_groups > 0 ? groups / tile_groups : 1;
  const Index panel_bytes = 4 * groups * panel_width;
  // One block of rows reads every panel once, as a stream.
  const bool stream = blocks == 1;
  // Few blocks in bf16: one panel after the other, as pieces of several wait longer for memory than they save (BERT
  // base, 128 tokens: 8 %; from 512 rows on they save 2 %).
  const bool alone = stream || (Dot::form == bf16_panels && blocks < few_blocks && steps > whole_steps);
  const bool whole = alone || steps <= whole_steps || most_waiting * panel_bytes > passing_bytes;
  const Index pieces = whole ? 1 : (steps + piece_steps - 1) / piece_steps;
  const Index most = alone ? 1 : whole ? passing_bytes / panel_bytes : most_waiting;
  const Index together = most > 1 ? most : 1;
  const Index lines = (panel_bytes / 64 + steps * blocks - 1) / (steps * blocks);
  const auto start_of = [&](Index piece) { return piece == pieces ? groups : steps * piece / pieces * tile_groups; };
  for (Index from = panel; from < panel_end; from += together) {
    const Index to = from + together < panel_end ? from + together : panel_end;
    // What follows: this panel itself, some steps on, in a stream; else the next panels.
    const std::uint8_t* next = g.b + from * panel_bytes + (stream ? stream_ahead : (to - from) * panel_bytes);
    for (Index first = row; first < row_end; first += most_rows) {
      const Index rows = row_end - first < most_rows ? row_end - first : most_rows;
      for (Index piece = 0; piece < pieces; ++piece) {
        const Index start = start_of(piece);
        for (Index p = from; p < to; ++p) {
          const Index column = p * panel_width;
          const Index columns = g.columns - column < panel_width ? g.columns - column : panel_width;
          const Index width = width_of_panel(g.columns, p);
          const bool last = piece + 1 == pieces;
          LowTile t = tile_of(g, a, first, p);
          t.groups = start_of(piece + 1) - start;
          t.a += 4 * start;
          t.b += start * t.b_row;
          t.c = g.c == nullptr || !last ? nullptr : g.c + first * g.c_row + column;
          t.next = next;
          t.ahead.second_level = next < behind ? lines : 0;
          next += t.groups / tile_groups * t.ahead.second_level * 64;
          float* const waiting = sums[pieces > 1 ? p - from : 0];
          const float* begin = piece == 0 ? nullptr : waiting;
          if (Dot::starts_with_bias && piece == 0 && t.bias != nullptr) {
            for (Index j = 0; j < columns; j += 16)
              _mm512_store_ps(bias + j, _mm512_maskz_loadu_ps(x86::lanes_left(columns - j), t.bias + j));
            begin = bias;
          }
          const Index begin_row = piece == 0 ? 0 : sums_row;
          const auto sum = sum_blocks<Dot>[rows > tile_rows ? 1 : 0][(width / 16) - 1];
          if (Dot::starts_with_bias && last && !g.staged() && columns == width && rows % tile_rows == 0) {
            sum(t, begin, begin_row, t.c, t.c_row);
            continue;
          }
          sum(t, begin, begin_row, waiting, sums_row);
          if (last) finish_block<Dot>(g, t, waiting, first, column, rows, columns);
        }
      }
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
inline constexpr LowMatrix matrix = {Dot::prepare, &multiply_panels<Dot>, &cut_of, Dot::least_rows, Dot::longest};

/// The product for a packed form, or null where the machine has no such instruction.
inline const LowMatrix* matrix_for(std::uint8_t form) noexcept {
  if (!available()) return nullptr;
  return form == bf16_panels ? &matrix<Bf16> : form == int8_panels ? &matrix<Int8> : nullptr;
}

}  // namespace tessera::cpu::amx
#endif
