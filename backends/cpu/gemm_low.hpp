// The matrix product of linears in bf16 and int8: how packed weights and prepared rows lie, the register tiles, and the
// loops that cut a product into tiles for threads.
//
// Both precisions work in groups: 32 bits that hold two bf16 or four int8 neighbours along `inner`. A dot-product
// instruction (vdpbf16ps, vpdpbusd) multiplies a group of a with a group of b and adds all of it to one 32-bit sum, so
// one tile serves both, and its shape is that of the f32 tile (gemm-inl.hpp): 8 rows by 3 vectors.
//
// bf16: a and b are rounded to nearest, products and sums are f32.
// int8: column j of b is scale[j] * q, q in [-127, 127]; row r of a is scale[r] * (q - zero[r]), q in [0, 255], by the
// smallest and largest number of the row. The sum of (q_a - zero) * q_b is exact in 32 bits. Before, both are rotated
// by the same Hadamard matrix, which leaves their product as it is and spreads a number that is far larger than its
// neighbours, as LayerNorms make them, over eight: the range of a row shrinks (Ashkboos et al., "QuaRot", 2024). On
// all-MiniLM-L6-v2 the smallest cosine to f32 over 200 texts is 0.992 without that.
#pragma once

#include <cstdint>

#include "tessera/backends/cpu/gemm.hpp"
#include "tessera/backends/cpu/prefetch.hpp"

namespace tessera::inline TESSERA_ISA::cpu {

/// Packed forms 2 and 3: panels of 48 columns like form 1, each [groups, width] of 32-bit groups; zeros behind `inner`
/// and behind the last column. int8 is followed by the scale (f32) and the sum of q (i32) of each column.
inline constexpr std::uint8_t bf16_panels = 2;
inline constexpr std::uint8_t int8_panels = 3;

constexpr Index group_size(std::uint8_t form) noexcept { return form == bf16_panels ? 2 : 4; }
constexpr Index group_count(std::uint8_t form, Index inner) noexcept {
  return (inner + group_size(form) - 1) / group_size(form);
}
constexpr Index padded_columns(Index columns) noexcept { return round_up(columns, 16); }
/// Bytes of the packed weight.
constexpr std::size_t packed_bytes_low(std::uint8_t form, Index inner, Index columns) noexcept {
  const Index each = group_count(form, inner) + (form == int8_panels ? 2 : 0);
  return static_cast<std::size_t>(each * padded_columns(columns)) * 4;
}
/// Longer sums of int8 products might leave 32 bits.
inline constexpr Index longest_int8_sum = 0x7fffffff / (255 * 127);
/// int8: within each whole block of 128 steps along inner, step 16 i + l becomes the sum over j of h(i, j) * step
/// 16 j + l, where h(i, j) is 1 or -1 (the number of bits that i and j share; i, j < 8). Rotating twice gives 8 times
/// the numbers: b is divided by 8. Behind the last whole block steps stay as they are.
inline constexpr Index rotation_block = 128;
/// Rows and columns with a smaller range count as zeros.
inline constexpr float least_range = 1e-30F;

/// The rows of a as the tiles read them, in scratch: groups, and for int8 the scale and the zero of each row.
struct PreparedRows {
  std::uint8_t* groups = nullptr;
  Index row_bytes = 0;
  float* scale = nullptr;
  std::int32_t* zero = nullptr;

  /// A row starts on a cache line of its own, and rows lie an odd multiple of 64 apart where they would share the lines
  /// of the first-level cache.
  static constexpr Index bytes_of_row(std::uint8_t form, Index inner) noexcept {
    const Index bytes = round_up(4 * group_count(form, inner), 64);
    return bytes % 512 == 0 ? bytes + 64 : bytes;
  }
  /// Matrix instructions read whole tiles of 16 rows.
  static constexpr Index room(Index rows) noexcept { return round_up(rows, 16); }
  static constexpr std::size_t bytes(std::uint8_t form, Index rows, Index inner) noexcept {
    const Index numbers = form == int8_panels ? 2 * round_up(4 * rows, 64) : 0;
    return static_cast<std::size_t>(room(rows) * bytes_of_row(form, inner) + numbers);
  }
  static PreparedRows in(void* scratch, std::uint8_t form, Index rows, Index inner) noexcept {
    PreparedRows p;
    p.groups = static_cast<std::uint8_t*>(scratch);
    p.row_bytes = bytes_of_row(form, inner);
    if (form == int8_panels) {
      std::uint8_t* const end = p.groups + room(rows) * p.row_bytes;
      p.scale = reinterpret_cast<float*>(end);
      p.zero = reinterpret_cast<std::int32_t*>(end + round_up(4 * rows, 64));
    }
    return p;
  }
};

/// A linear: c = a b + bias; a: [rows, inner] f32, b packed, c: [rows, columns] f32.
struct LowGemm {
  std::uint8_t form = bf16_panels;
  Index rows = 0;
  Index columns = 0;
  Index inner = 0;
  const float* a = nullptr;
  Index a_row = 0;
  const std::uint8_t* b = nullptr;
  const float* bias = nullptr;  ///< [columns] or null
  float* c = nullptr;
  Index c_row = 0;
  Activate activate = nullptr;  ///< of what is finished, while it is in the cache
  PreparedRows low;             ///< where c goes instead, in bf16: rows of the product that follows

  bool staged() const noexcept { return activate != nullptr || low.groups != nullptr; }
};

/// One register tile over a block of groups.
struct LowTile {
  Index groups;
  const std::uint8_t* a;
  Index a_row;  ///< in bytes
  const std::uint8_t* b;
  Index b_row;       ///< in bytes, from one group to the next
  bool first, last;  ///< blocks along inner; between them c holds the sums, for int8 as integers
  const float* bias;
  const float* row_scale;  ///< int8, as the next three
  const std::int32_t* row_zero;
  const float* column_scale;
  const std::int32_t* column_sum;
  float* c;
  Index c_row;
  std::uint32_t last_lanes;  ///< columns of the last vector, as a mask
  const std::uint8_t* next;  ///< what is needed after this tile
  LinesAhead ahead;          ///< how much of it to fetch for each 4 groups
};

using LowTileFunction = void (*)(const LowTile&);
/// Rows [row, row_end) of a into groups.
using PrepareFunction = void (*)(const LowGemm&, const PreparedRows&, Index row, Index row_end);

/// [rows, columns] of `from` to bf16 in rows `to_bytes` apart; zeros behind, up to a multiple of 16.
using NarrowFunction = void (*)(const float* from, Index from_row, Index rows, Index columns, std::uint8_t* to,
                                Index to_bytes);

/// The code around one dot-product instruction; tile[rows - 1][vectors - 1].
struct LowTiles {
  PrepareFunction prepare;
  NarrowFunction narrow;
  static constexpr int rows = 8;
  static constexpr int vectors = 3;
  static constexpr int lanes = 16;
  LowTileFunction tile[rows][vectors];
};

/// Rows of a tile for threads.
inline constexpr Index low_rows_each = 128;
/// 768 groups of a panel are 147 kB, as in the f32 product.
inline constexpr Index low_block = 768;

namespace detail {
/// Rows of a times one block of one panel, read once for each block of rows; meanwhile `next` is fetched.
inline void multiply_block(const LowTiles& tiles, LowTile t, Index rows, Index columns, const std::uint8_t* next,
                           Index next_bytes) noexcept {
  const Index blocks = (rows + LowTiles::rows - 1) / LowTiles::rows;
  const int vectors = static_cast<int>((columns + LowTiles::lanes - 1) / LowTiles::lanes);
  const Index tail = columns - (vectors - 1) * LowTiles::lanes;
  t.last_lanes = (1U << tail) - 1;
  const LowTile start = t;
  const Index steps = t.groups / 4 > 0 ? t.groups / 4 : 1;
  const std::uint8_t* const end = next + next_bytes;
  const Index each = (next_bytes / 64 + steps * blocks - 1) / (steps * blocks);
  LinesAhead ahead = LinesAhead::of(each);
  t.next = next;
  if (blocks == 1) {
    t.next = t.b + StreamAhead::bytes;
    ahead = StreamAhead::of(rows, t.b_row / 16);
  }
  for (Index block = 0; block < blocks; ++block) {
    const Index first = rows * block / blocks;  // balanced: never one row beside full blocks
    const int count = static_cast<int>(rows * (block + 1) / blocks - first);
    t.a = start.a + first * start.a_row;
    t.c = start.c + first * start.c_row;
    t.row_scale = start.row_scale == nullptr ? nullptr : start.row_scale + first;
    t.row_zero = start.row_zero == nullptr ? nullptr : start.row_zero + first;
    t.ahead = t.next < end ? ahead : LinesAhead{};
    tiles.tile[count - 1][vectors - 1](t);
    t.next += steps * (t.ahead.first_level + t.ahead.second_level) * 64;
  }
}

/// Rows [row, row_end) times panels [panel, panel_end). `after`: the panel that is likely to come then, counted on into
/// the weight that was packed behind this one.
inline void multiply_panels(const LowTiles& tiles, const LowGemm& g, const PreparedRows& a, Index row, Index row_end,
                            Index panel, Index panel_end, Index after) noexcept {
  const Index groups = group_count(g.form, g.inner);
  const Index panels = panel_count(g.columns);
  const Index blocks = (groups + low_block - 1) / low_block;
  const auto start_of = [&](Index k) { return groups * k / blocks; };
  const auto chunk = [&](Index p, Index k) {
    const std::uint8_t* b = g.b;
    if (p >= panels) {
      b += round_up(static_cast<Index>(packed_bytes_low(g.form, g.inner, g.columns)), 64);
      p -= panels;
    }
    return b + 4 * (p * panel_width * groups + start_of(k) * width_of_panel(g.columns, p));
  };
  const auto columns_of = [&](Index p) {
    const Index left = g.columns - p * panel_width;
    return left < panel_width ? left : panel_width;
  };
  const std::uint8_t* const behind = g.b + 4 * groups * padded_columns(g.columns);
  /// Block k of panel p to c; meanwhile block next_k of next_p is fetched.
  const auto multiply = [&](Index p, Index k, float* c, Index c_row, Index next_p, Index next_k) {
    const Index column = p * panel_width;
    LowTile t{};
    t.groups = start_of(k + 1) - start_of(k);
    t.a = a.groups + row * a.row_bytes + 4 * start_of(k);
    t.a_row = a.row_bytes;
    t.b = chunk(p, k);
    t.b_row = 4 * width_of_panel(g.columns, p);
    t.first = k == 0;
    t.last = k + 1 == blocks;
    t.bias = g.bias == nullptr ? nullptr : g.bias + column;
    if (g.form == int8_panels) {
      t.row_scale = a.scale + row;
      t.row_zero = a.zero + row;
      t.column_scale = reinterpret_cast<const float*>(behind) + column;
      t.column_sum = reinterpret_cast<const std::int32_t*>(behind) + padded_columns(g.columns) + column;
    }
    t.c = c;
    t.c_row = c_row;
    multiply_block(tiles, t, row_end - row, columns_of(p), chunk(next_p, next_k),
                   4 * (start_of(next_k + 1) - start_of(next_k)) * width_of_panel(g.columns, next_p % panels));
  };
  if (g.low.groups == nullptr) {
    for (Index k = 0; k < blocks; ++k) {
      for (Index p = panel; p < panel_end; ++p) {
        float* const c = g.c + row * g.c_row + p * panel_width;
        if (p + 1 < panel_end)
          multiply(p, k, c, g.c_row, p + 1, k);
        else if (k + 1 < blocks)
          multiply(p, k, c, g.c_row, panel, k + 1);
        else
          multiply(p, k, c, g.c_row, after, 0);
        if (k + 1 == blocks && g.activate != nullptr) g.activate(c, g.c_row, row_end - row, columns_of(p));
      }
    }
    return;
  }
  // Sums on the stack, until they are rounded.
  alignas(64) float staged[low_rows_each * panel_width];
  for (Index p = panel; p < panel_end; ++p) {
    for (Index k = 0; k < blocks; ++k)
      multiply(p, k, staged, panel_width,
               k + 1 < blocks      ? p
               : p + 1 < panel_end ? p + 1
                                   : after,
               k + 1 < blocks ? k + 1 : 0);
    if (g.activate != nullptr) g.activate(staged, panel_width, row_end - row, columns_of(p));
    tiles.narrow(staged, panel_width, row_end - row, columns_of(p),
                 g.low.groups + row * g.low.row_bytes + 2 * p * panel_width, g.low.row_bytes);
  }
}
}  // namespace detail

/// How a product is cut into tiles for threads: by its shape alone.
struct LowCut {
  Index rows_each = 0;  ///< of a tile; 0: as equal as can be
  Index row_tiles = 0;
  Index column_tiles = 0;
  bool split = false;  ///< worth more than one thread

  /// `groups`: steps along inner. Work is counted in multiply-adds of f32, which is what a group takes; a group that
  /// comes from memory costs as much as 14 of them.
  static constexpr LowCut of(Index rows, Index columns, Index groups) noexcept {
    LowCut cut;
    const Index panels = panel_count(columns);
    cut.row_tiles = (rows + low_rows_each - 1) / low_rows_each;
    const Index each_rows = (rows + cut.row_tiles - 1) / cut.row_tiles;
    const Index panel_work = panel_width * groups * (each_rows > 14 ? each_rows : 14);
    const Index total = panel_work * panels * cut.row_tiles;
    constexpr Index least = 100'000;
    constexpr Index most = 500'000;
    const Index wanted = total / 16 < least ? least : total / 16 > most ? most : total / 16;
    Index each = (wanted + panel_work - 1) / panel_work;
    if (groups > low_block && each_rows >= 32 && each < 2) each = 2;
    if (each > panels) each = panels;
    cut.column_tiles = (panels + each - 1) / each;
    cut.split = total >= 2 * least;
    return cut;
  }
};

/// The code around one matrix instruction (gemm_low_amx.hpp).
struct LowMatrix {
  PrepareFunction prepare;
  /// Rows [row, row_end) times panels [panel, panel_end); row is a multiple of 16.
  void (*multiply)(const LowGemm&, const PreparedRows&, Index row, Index row_end, Index panel, Index panel_end);
  LowCut (*cut)(const LowGemm&);
  Index least_rows;  ///< fewer are faster by dot products
  Index longest;     ///< inner
};

/// What a machine has for a form.
struct LowCode {
  const LowTiles* tiles = nullptr;    ///< null: none of this
  const LowMatrix* matrix = nullptr;  ///< null: no matrix instruction
};

/// Calls body(i) for i < count, on all threads when that is worth it.
template <class F>
void for_each_part(const Executor& executor, Index count, bool split, const F& body) noexcept {
  if (split)
    executor.parallel_for(count, body);
  else
    for (Index i = 0; i < count; ++i) body(i);
}

/// The rows of g.a into p.
inline void prepare_rows(const LowCode& code, const LowGemm& g, const PreparedRows& p,
                         const Executor& executor) noexcept {
  // About a microsecond of work each.
  const Index parts = (g.rows * g.inner + 16383) / 16384;
  for_each_part(executor, parts, parts >= 4,
                [&](std::int64_t i) { code.tiles->prepare(g, p, g.rows * i / parts, g.rows * (i + 1) / parts); });
}

/// The product of rows that are prepared; inner > 0.
inline void multiply_prepared(const LowCode& code, const LowGemm& g, const PreparedRows& a,
                              const Executor& executor) noexcept {
  const bool matrix = code.matrix != nullptr && g.rows >= code.matrix->least_rows && g.inner <= code.matrix->longest;
  const LowCut cut = matrix ? code.matrix->cut(g) : LowCut::of(g.rows, g.columns, group_count(g.form, g.inner));
  const Index panels = panel_count(g.columns);
  const TileParts parts{cut.row_tiles * cut.column_tiles, cut.split ? executor.threads() : 1};
  for_each_part(executor, cut.row_tiles * cut.column_tiles, cut.split, [&](std::int64_t index) {
    const Index row_tile = index / cut.column_tiles;
    const Index column_tile = index % cut.column_tiles;
    const Index panel = panels * column_tile / cut.column_tiles;
    const Index panel_end = panels * (column_tile + 1) / cut.column_tiles;
    if (matrix) {
      const Index row = row_tile * cut.rows_each;
      code.matrix->multiply(g, a, row, row + cut.rows_each < g.rows ? row + cut.rows_each : g.rows, panel, panel_end);
    } else {
      // A thread goes on with its next panel, or with its part of the next weight, if that has the same size.
      const Index start = cut.row_tiles == 1 ? parts.next_start(index) : -1;
      detail::multiply_panels(*code.tiles, g, a, g.rows * row_tile / cut.row_tiles,
                              g.rows * (row_tile + 1) / cut.row_tiles, panel, panel_end,
                              start < 0 ? panel_end : panels + panels * start / cut.column_tiles);
    }
  });
}

/// Many rows times a weight that leaves most of the second-level cache free: each tile rounds its own, and they are
/// still there when it multiplies them (1024 x 384 x 384: 1.25 times as fast).
inline constexpr Index rows_of_own = 128;
inline constexpr std::size_t small_weight = std::size_t{512} << 10;

/// The product of rows that are rounded to `p` first; inner > 0.
inline void multiply_rows(const LowCode& code, const LowGemm& g, const PreparedRows& p,
                          const Executor& executor) noexcept {
  const bool matrix = code.matrix != nullptr && g.inner <= code.matrix->longest;
  if (!matrix || g.rows < 4 * rows_of_own || packed_bytes_low(g.form, g.inner, g.columns) > small_weight) {
    prepare_rows(code, g, p, executor);
    multiply_prepared(code, g, p, executor);
    return;
  }
  executor.parallel_for((g.rows + rows_of_own - 1) / rows_of_own, [&](std::int64_t index) {
    const Index row = index * rows_of_own;
    const Index row_end = row + rows_of_own < g.rows ? row + rows_of_own : g.rows;
    code.tiles->prepare(g, p, row, row_end);
    code.matrix->multiply(g, p, row, row_end, 0, panel_count(g.columns));
  });
}

}  // namespace tessera::cpu
