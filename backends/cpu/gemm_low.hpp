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
  void* scratch = nullptr;  ///< PreparedRows::bytes, aligned to 64
};

/// The rows of a as the tiles read them, in scratch: groups, and for int8 the scale and the zero of each row.
struct PreparedRows {
  std::uint8_t* groups = nullptr;
  Index row_bytes = 0;
  float* scale = nullptr;
  std::int32_t* zero = nullptr;

  /// A row starts on a cache line of its own, and two rows never 4 kB apart, where they would share lines of the
  /// first-level cache.
  static constexpr Index bytes_of_row(std::uint8_t form, Index inner) noexcept {
    const Index bytes = round_up(4 * group_count(form, inner), 64);
    return bytes % 1024 == 0 ? bytes + 64 : bytes;
  }
  static constexpr std::size_t bytes(std::uint8_t form, Index rows, Index inner) noexcept {
    const Index numbers = form == int8_panels ? 2 * round_up(4 * rows, 64) : 0;
    return static_cast<std::size_t>(rows * bytes_of_row(form, inner) + numbers);
  }
  static PreparedRows in(void* scratch, std::uint8_t form, Index rows, Index inner) noexcept {
    PreparedRows p;
    p.groups = static_cast<std::uint8_t*>(scratch);
    p.row_bytes = bytes_of_row(form, inner);
    if (form == int8_panels) {
      std::uint8_t* const end = p.groups + rows * p.row_bytes;
      p.scale = reinterpret_cast<float*>(end);
      p.zero = reinterpret_cast<std::int32_t*>(end + round_up(4 * rows, 64));
    }
    return p;
  }
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
  int next_lines;            ///< cache lines of it to fetch for each 4 groups
};

using LowTileFunction = void (*)(const LowTile&);
/// Rows [row, row_end) of a into groups.
using PrepareFunction = void (*)(const LowGemm&, const PreparedRows&, Index row, Index row_end);

/// The code around one dot-product instruction; tile[rows - 1][vectors - 1].
struct LowTiles {
  PrepareFunction prepare;
  static constexpr int rows = 8;
  static constexpr int vectors = 3;
  static constexpr int lanes = 16;
  LowTileFunction tile[rows][vectors];
};

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
  Index each = next == nullptr ? 0 : (next_bytes / 64 + steps * blocks - 1) / (steps * blocks);
  t.next = next;
  if (blocks == 1 && next != nullptr) {
    // One block of rows reads the weights as a stream: 4 kB ahead were best (8 rows: 1.1 times as fast).
    t.next = t.b + 4096;
    each = t.b_row / 16;
  }
  for (Index block = 0; block < blocks; ++block) {
    const Index first = rows * block / blocks;  // balanced: never one row beside full blocks
    const int count = static_cast<int>(rows * (block + 1) / blocks - first);
    t.a = start.a + first * start.a_row;
    t.c = start.c + first * start.c_row;
    t.row_scale = start.row_scale == nullptr ? nullptr : start.row_scale + first;
    t.row_zero = start.row_zero == nullptr ? nullptr : start.row_zero + first;
    t.next_lines = t.next < end ? static_cast<int>(each) : 0;
    tiles.tile[count - 1][vectors - 1](t);
    if (t.next_lines > 0) t.next += steps * each * 64;
  }
}

/// Rows [row, row_end) times panels [panel, panel_end).
inline void multiply_panels(const LowTiles& tiles, const LowGemm& g, const PreparedRows& a, Index row, Index row_end,
                            Index panel, Index panel_end) noexcept {
  const Index groups = group_count(g.form, g.inner);
  const Index panels = panel_count(g.columns);
  const Index blocks = (groups + low_block - 1) / low_block;
  const auto start_of = [&](Index k) { return groups * k / blocks; };
  const auto chunk = [&](Index p, Index k) {
    return g.b + 4 * (p * panel_width * groups + start_of(k) * width_of_panel(g.columns, p));
  };
  const std::uint8_t* const behind = g.b + 4 * groups * padded_columns(g.columns);
  for (Index k = 0; k < blocks; ++k) {
    for (Index p = panel; p < panel_end; ++p) {
      // What comes after this chunk; after the last one, most likely the panel that follows.
      Index next_p = p + 1;
      Index next_k = k;
      if (next_p == panel_end && k + 1 < blocks) {
        next_p = panel;
        next_k = k + 1;
      } else if (next_p == panel_end) {
        next_k = 0;
      }
      const bool more = next_p < panels;
      const Index column = p * panel_width;
      const Index left = g.columns - column;
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
      t.c = g.c + row * g.c_row + column;
      t.c_row = g.c_row;
      multiply_block(tiles, t, row_end - row, left < panel_width ? left : panel_width,
                     more ? chunk(next_p, next_k) : nullptr,
                     more ? 4 * (start_of(next_k + 1) - start_of(next_k)) * width_of_panel(g.columns, next_p) : 0);
    }
  }
}
}  // namespace detail

/// How a product is cut into tiles for threads: by its shape alone.
struct LowCut {
  Index row_tiles = 0;
  Index column_tiles = 0;
  bool split = false;  ///< worth more than one thread

  /// `groups`: steps along inner. Work is counted in multiply-adds of f32, which is what a group takes; a group that
  /// comes from memory costs as much as 14 of them.
  static constexpr LowCut of(Index rows, Index columns, Index groups) noexcept {
    LowCut cut;
    const Index panels = panel_count(columns);
    cut.row_tiles = (rows + 127) / 128;
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

/// The product by dot-product instructions; inner > 0.
inline void run_low(const LowTiles& tiles, const LowGemm& g, const Executor& executor) noexcept {
  const PreparedRows a = PreparedRows::in(g.scratch, g.form, g.rows, g.inner);
  // About a microsecond of work each.
  const Index parts = (g.rows * g.inner + 16383) / 16384;
  const auto prepare = [&](std::int64_t i) { tiles.prepare(g, a, g.rows * i / parts, g.rows * (i + 1) / parts); };
  if (parts < 4) {
    for (Index i = 0; i < parts; ++i) prepare(i);
  } else {
    executor.parallel_for(parts, prepare);
  }
  const LowCut cut = LowCut::of(g.rows, g.columns, group_count(g.form, g.inner));
  const Index panels = panel_count(g.columns);
  const auto body = [&](std::int64_t index) {
    const Index row_tile = index / cut.column_tiles;
    const Index column_tile = index % cut.column_tiles;
    detail::multiply_panels(tiles, g, a, g.rows * row_tile / cut.row_tiles, g.rows * (row_tile + 1) / cut.row_tiles,
                            panels * column_tile / cut.column_tiles, panels * (column_tile + 1) / cut.column_tiles);
  };
  const Index count = cut.row_tiles * cut.column_tiles;
  if (!cut.split) {
    for (Index i = 0; i < count; ++i) body(i);
  } else {
    executor.parallel_for(count, body);
  }
}

}  // namespace tessera::cpu
