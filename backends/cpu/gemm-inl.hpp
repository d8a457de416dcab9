// The matrix product: a register tile of 8 rows by 3 vectors (4 by 3 where there are 16 registers), packed panels of b,
// and the loops that cut a product into tiles for threads.
//
// Sums run in f32 along `inner` in one fixed order, whatever the threads and the cut. What decided, on Zen 5:
// prefetching the next chunk of weights inside the tile (16 rows: 1.6 times as fast), prefetching c, and no packing of
// a.
#if defined(TESSERA_CPU_GEMM_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_GEMM_INL
#undef TESSERA_CPU_GEMM_INL
#else
#define TESSERA_CPU_GEMM_INL
#endif

#include "tessera/backends/cpu/gemm.hpp"
#include "tessera/backends/cpu/vector-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

using cpu::Gemm;
using cpu::panel_width;

// 32 vector registers hold 24 sums, 3 vectors of b and 1 of a; 16 hold 12, 3 and 1.
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON
inline constexpr int tile_rows = 8;
#else
inline constexpr int tile_rows = 4;
#endif
inline constexpr int tile_vectors = 3;

/// One register tile: c = init + a b over `inner`.
struct TileCall {
  Index inner;
  const float* a;
  Index a_row;
  Index a_step;
  const float* b;
  Index b_row;
  const float* init;  ///< null: zeros
  Index init_row;     ///< 0: the same for each row
  float* c;
  Index c_row;
  const float* next;  ///< what is needed after this tile
  int next_lines;     ///< cache lines of it to fetch for each 4 steps of inner
};

/// One step along `inner`. Two base pointers and two strides reach eight rows of a: eight pointers would not fit the
/// integer registers.
template <int Rows, int Vectors>
HWY_INLINE void multiply_step(const float* low, const float* high, Index row, Index row3, const float* b,
                              Vec (&sum)[Rows][Vectors]) {
  const F32 d;
  const Index n = lanes();
  Vec right[Vectors];
  TESSERA_UNROLL
  for (int v = 0; v < Vectors; ++v) right[v] = hn::LoadU(d, b + v * n);
  TESSERA_UNROLL
  for (int r = 0; r < Rows; ++r) {
    const float* const base = r < 4 ? low : high;
    const int q = r % 4;
    const Vec left = hn::Set(d, q == 0 ? base[0] : q == 1 ? base[row] : q == 2 ? base[2 * row] : base[row3]);
    TESSERA_UNROLL
    for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::MulAdd(left, right[v], sum[r][v]);
  }
}

template <int Rows, int Vectors>
HWY_NOINLINE inline void tile(const TileCall& t) {
  const F32 d;
  const Index n = lanes();
  for (int r = 0; r < Rows; ++r)
    for (Index j = 0; j < Vectors * n; j += 16) hwy::Prefetch(t.c + r * t.c_row + j);

  Vec sum[Rows][Vectors];
  TESSERA_UNROLL
  for (int r = 0; r < Rows; ++r) {
    TESSERA_UNROLL
    for (int v = 0; v < Vectors; ++v)
      sum[r][v] = t.init == nullptr ? hn::Zero(d) : hn::LoadU(d, t.init + r * t.init_row + v * n);
  }

  const Index row = t.a_row;
  const Index row3 = 3 * t.a_row;
  const Index a_step = t.a_step;
  const Index b_row = t.b_row;
  const float* low = t.a;
  const float* high = Rows > 4 ? t.a + 4 * t.a_row : t.a;
  const float* b = t.b;
  const float* next = t.next;
  const int next_lines = t.next_lines;
  Index k = t.inner;
  for (; k >= 4; k -= 4) {
    for (int i = 0; i < next_lines; ++i, next += 16) hwy::Prefetch(next);
    TESSERA_UNROLL
    for (int u = 0; u < 4; ++u) {
      multiply_step<Rows, Vectors>(low, high, row, row3, b, sum);
      low += a_step;
      high += a_step;
      b += b_row;
    }
  }
  for (; k > 0; --k) {
    multiply_step<Rows, Vectors>(low, high, row, row3, b, sum);
    low += a_step;
    high += a_step;
    b += b_row;
  }

  TESSERA_UNROLL
  for (int r = 0; r < Rows; ++r) {
    TESSERA_UNROLL
    for (int v = 0; v < Vectors; ++v) hn::StoreU(sum[r][v], d, t.c + r * t.c_row + v * n);
  }
}

using Tile = void (*)(const TileCall&);

template <int Rows>
inline Tile tile_of(Index vectors) {
  return vectors == 3 ? &tile<Rows, 3> : vectors == 2 ? &tile<Rows, 2> : &tile<Rows, 1>;
}
inline Tile tile_of(Index rows, Index vectors) {
  switch (rows) {
    case 1: return tile_of<1>(vectors);
    case 2: return tile_of<2>(vectors);
    case 3: return tile_of<3>(vectors);
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON
    case 4: return tile_of<4>(vectors);
    case 5: return tile_of<5>(vectors);
    case 6: return tile_of<6>(vectors);
    case 7: return tile_of<7>(vectors);
#endif
    default: return tile_of<tile_rows>(vectors);
  }
}

/// Rows of a times one chunk of one panel: `columns` of c (at most 48), `t` set for the first row and column but for
/// c's part of `init`. The chunk is read once for each block of rows, and meanwhile `next` is fetched.
HWY_NOINLINE inline void multiply_chunk(TileCall t, Index rows, Index columns, const float* next, Index next_count) {
  const Index n = lanes();
  const Index blocks = (rows + tile_rows - 1) / tile_rows;
  const Index groups = (columns + tile_vectors * n - 1) / (tile_vectors * n);
  // Lines of the next chunk, spread evenly: for each 4 steps in each tile.
  const Index steps = t.inner / 4 > 0 ? t.inner / 4 : 1;
  const Index tiles = blocks * groups;
  const Index lines = next_count / 16;
  const Index each = next == nullptr ? 0 : (lines + steps * tiles - 1) / (steps * tiles);
  const float* const end = next + next_count;
  t.next = next;

  HWY_ALIGN float edge[tile_rows * panel_width];
  const TileCall start = t;
  for (Index group = 0; group < groups; ++group) {
    const Index column = group * tile_vectors * n;
    const Index left = columns - column < tile_vectors * n ? columns - column : tile_vectors * n;
    const Index vectors = (left + n - 1) / n;
    const bool whole = left == vectors * n;
    t.b = start.b + column;
    for (Index block = 0; block < blocks; ++block) {
      const Index first = rows * block / blocks;  // balanced: never a block of one row beside full ones
      const Index count = rows * (block + 1) / blocks - first;
      t.a = start.a + first * start.a_row;
      t.c = start.c + first * start.c_row + column;
      t.c_row = start.c_row;
      t.init = start.init == nullptr ? nullptr : start.init + first * start.init_row + column;
      t.init_row = start.init_row;
      t.next_lines = t.next < end ? static_cast<int>(each) : 0;
      if (whole) {
        tile_of(count, vectors)(t);
      } else {  // c ends inside of a vector: through a tile of our own
        float* const c = t.c;
        for (Index r = 0; t.init != nullptr && r < count; ++r)
          for (Index j = 0; j < vectors * n; ++j)
            edge[r * panel_width + j] = j < left ? t.init[r * t.init_row + j] : 0.0F;
        if (t.init != nullptr) {
          t.init = edge;
          t.init_row = panel_width;
        }
        t.c = edge;
        t.c_row = panel_width;
        tile_of(count, vectors)(t);
        for (Index r = 0; r < count; ++r)
          for (Index j = 0; j < left; ++j) c[r * start.c_row + j] = edge[r * panel_width + j];
      }
      if (t.next_lines > 0) t.next += steps * each * 16;
    }
  }
}

inline TileCall tile_call(const Gemm& g, Index batch, Index row, Index panel, Index k, Index count) {
  const Index column = panel * panel_width;
  TileCall t{};
  t.inner = count;
  t.a = g.a + batch * g.a_batch + row * g.a_row + k * g.a_step;
  t.a_row = g.a_row;
  t.a_step = g.a_step;
  t.c = g.c + batch * g.c_batch + row * g.c_row + column;
  t.c_row = g.c_row;
  if (k > 0 || g.accumulate) {
    t.init = t.c;
    t.init_row = g.c_row;
  } else if (g.bias != nullptr) {
    t.init = g.bias + column;
  }
  return t;
}

/// 768 steps of a panel are 147 kB: they stay in the second-level cache while the rows pass. 192 cost 5 %.
inline constexpr Index packed_block = 768;
/// b that is packed on the way is packed into 48 kB of stack.
inline constexpr Index plain_block = 256;

/// Rows [row, row_end) times panels [panel, panel_end) of packed b.
HWY_NOINLINE inline void multiply_packed(const Gemm& g, Index batch, Index row, Index row_end, Index panel,
                                         Index panel_end) {
  const float* const b = g.b + batch * g.b_batch;
  const Index panels = cpu::panel_count(g.columns);
  const Index blocks = g.inner > 0 ? (g.inner + packed_block - 1) / packed_block : 1;
  const auto start_of = [&](Index k) { return g.inner * k / blocks; };
  const auto chunk = [&](Index p, Index k) {
    return b + p * g.panel_stride + (g.first_step + start_of(k)) * cpu::width_of_panel(g.columns, p);
  };
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
      const Index width = cpu::width_of_panel(g.columns, p);
      TileCall t = tile_call(g, batch, row, p, start_of(k), start_of(k + 1) - start_of(k));
      t.b = chunk(p, k);
      t.b_row = width;
      const Index left = g.columns - p * panel_width;
      multiply_chunk(t, row_end - row, left < panel_width ? left : panel_width, more ? chunk(next_p, next_k) : nullptr,
                     more ? (start_of(next_k + 1) - start_of(next_k)) * cpu::width_of_panel(g.columns, next_p) : 0);
    }
  }
}

/// Four rows of four numbers, turned. `from_row` between the rows of the source, `to_row` between those of the result.
HWY_INLINE void turn_4x4(const float* HWY_RESTRICT from, Index from_row, float* HWY_RESTRICT to, Index to_row,
                         float scale) {
#if HWY_TARGET == HWY_SCALAR
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j < 4; ++j) to[j * to_row + i] = from[i * from_row + j] * scale;
#else
  const hn::FixedTag<float, 4> d;
  const hn::Repartition<std::uint64_t, decltype(d)> pairs;
  const auto factor = hn::Set(d, scale);
  const auto r0 = hn::Mul(hn::LoadU(d, from), factor);
  const auto r1 = hn::Mul(hn::LoadU(d, from + from_row), factor);
  const auto r2 = hn::Mul(hn::LoadU(d, from + 2 * from_row), factor);
  const auto r3 = hn::Mul(hn::LoadU(d, from + 3 * from_row), factor);
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, r0, r1));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, r2, r3));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, r0, r1));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, r2, r3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, to);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, to + to_row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, to + 2 * to_row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, to + 3 * to_row);
#endif
}

/// to[k, j] = scale * from[k * step + j * column] for k < inner, j < columns; zeros up to `width`.
HWY_NOINLINE inline void pack_chunk(const float* from, Index step, Index column, Index inner, Index columns,
                                    float scale, float* to, Index width) {
  Index done = 0;  // columns that are written for all k
  if (step == 1) {
    for (; done + 4 <= columns; done += 4) {
      Index k = 0;
      for (; k + 4 <= inner; k += 4) turn_4x4(from + done * column + k, column, to + k * width + done, width, scale);
      for (; k < inner; ++k)
        for (Index j = done; j < done + 4; ++j) to[k * width + j] = from[j * column + k] * scale;
    }
  } else if (column == 1) {
    const F32 d;
    const Index n = lanes();
    const auto factor = hn::Set(d, scale);
    done = columns / n * n;
    for (Index k = 0; k < inner; ++k)
      for (Index j = 0; j < done; j += n)
        hn::StoreU(hn::Mul(hn::LoadU(d, from + k * step + j), factor), d, to + k * width + j);
  }
  if (done == width) return;
  for (Index k = 0; k < inner; ++k) {
    for (Index j = done; j < columns; ++j) to[k * width + j] = from[k * step + j * column] * scale;
    for (Index j = columns; j < width; ++j) to[k * width + j] = 0;
  }
}

/// Rows [row, row_end) times panels [panel, panel_end) of plain b, packed chunk by chunk.
HWY_NOINLINE inline void multiply_plain(const Gemm& g, Index batch, Index row, Index row_end, Index panel,
                                        Index panel_end) {
  HWY_ALIGN float chunk[plain_block * panel_width];
  const float* const b = g.b + batch * g.b_batch;
  const Index blocks = g.inner > 0 ? (g.inner + plain_block - 1) / plain_block : 1;
  for (Index p = panel; p < panel_end; ++p) {
    const Index left = g.columns - p * panel_width;
    const Index columns = left < panel_width ? left : panel_width;
    const Index width = cpu::width_of_panel(g.columns, p);
    for (Index k = 0; k < blocks; ++k) {
      const Index first = g.inner * k / blocks;
      const Index count = g.inner * (k + 1) / blocks - first;
      pack_chunk(b + first * g.b_step + p * panel_width * g.b_column, g.b_step, g.b_column, count, columns, g.scale,
                 chunk, width);
      TileCall t = tile_call(g, batch, row, p, first, count);
      t.b = chunk;
      t.b_row = width;
      multiply_chunk(t, row_end - row, columns, nullptr, 0);
    }
  }
}

/// Few rows and columns of b along the memory (a tied output layer, one token at a time): dot products, as packing b
/// would cost more than multiplying.
inline constexpr Index dot_rows = 4;

template <int Rows>
HWY_NOINLINE inline void multiply_dots_of(const Gemm& g, Index batch, Index column, Index column_end) {
  const F32 d;
  const Index n = lanes();
  const Index whole = g.inner / (2 * n) * (2 * n);
  const float* const a = g.a + batch * g.a_batch;
  float* const c = g.c + batch * g.c_batch;
  for (Index j = column; j < column_end; j += 2) {
    const int pair = j + 1 < column_end ? 2 : 1;
    const float* HWY_RESTRICT b0 = g.b + batch * g.b_batch + j * g.b_column;
    const float* HWY_RESTRICT b1 = pair == 2 ? b0 + g.b_column : b0;
    // The pair of rows after this one: the hardware stops at the end of each (GPT-2's output: 22 to 26 GB/s).
    const Index ahead = j + 4 <= column_end ? 2 * g.b_column : 0;
    Vec sum[Rows][4];
    TESSERA_UNROLL
    for (int r = 0; r < Rows; ++r) {
      TESSERA_UNROLL
      for (int i = 0; i < 4; ++i) sum[r][i] = hn::Zero(d);
    }
    for (Index k = 0; k < whole; k += 2 * n) {
      hwy::Prefetch(b0 + ahead + k);
      hwy::Prefetch(b0 + ahead + k + n);
      hwy::Prefetch(b1 + ahead + k);
      hwy::Prefetch(b1 + ahead + k + n);
      const Vec b00 = hn::LoadU(d, b0 + k);
      const Vec b01 = hn::LoadU(d, b0 + k + n);
      const Vec b10 = hn::LoadU(d, b1 + k);
      const Vec b11 = hn::LoadU(d, b1 + k + n);
      TESSERA_UNROLL
      for (int r = 0; r < Rows; ++r) {
        const Vec left = hn::LoadU(d, a + r * g.a_row + k);
        const Vec right = hn::LoadU(d, a + r * g.a_row + k + n);
        sum[r][0] = hn::MulAdd(left, b00, sum[r][0]);
        sum[r][1] = hn::MulAdd(right, b01, sum[r][1]);
        sum[r][2] = hn::MulAdd(left, b10, sum[r][2]);
        sum[r][3] = hn::MulAdd(right, b11, sum[r][3]);
      }
    }
    TESSERA_UNROLL
    for (int r = 0; r < Rows; ++r) {
      float total[2] = {hn::GetLane(hn::SumOfLanes(d, hn::Add(sum[r][0], sum[r][1]))),
                        hn::GetLane(hn::SumOfLanes(d, hn::Add(sum[r][2], sum[r][3])))};
      for (Index k = whole; k < g.inner; ++k) {
        total[0] += a[r * g.a_row + k] * b0[k];
        total[1] += a[r * g.a_row + k] * b1[k];
      }
      for (int i = 0; i < pair; ++i) {
        float& y = c[r * g.c_row + j + i];
        const float init = g.accumulate ? y : g.bias != nullptr ? g.bias[j + i] : 0.0F;
        y = init + g.scale * total[i];
      }
    }
  }
}

HWY_NOINLINE inline void multiply_dots(const Gemm& g, Index batch, Index column, Index column_end) {
  switch (g.rows) {
    case 1: return multiply_dots_of<1>(g, batch, column, column_end);
    case 2: return multiply_dots_of<2>(g, batch, column, column_end);
    case 3: return multiply_dots_of<3>(g, batch, column, column_end);
    default: return multiply_dots_of<4>(g, batch, column, column_end);
  }
}

/// The whole product. Tiles depend on the shape alone; each has at least about a microsecond of work, and what is less
/// than two of them is not split: an empty parallel region costs 0.1 microseconds with spinning workers, 25 with
/// sleeping ones.
inline void run_gemm(const Gemm& g, const Executor& executor) {
  if (g.batch == 0 || g.rows == 0 || g.columns == 0) return;
  const Index panels = cpu::panel_count(g.columns);
  const bool dots = !g.packed && g.rows <= dot_rows && g.b_step == 1 && g.a_step == 1;

  // Work in multiply-adds; a weight that comes from memory costs as much as 14 of them.
  // 128 rows of a block of a, and 256 of a plain one, stay in the second-level cache beside a chunk of b.
  const Index rows_each = g.packed ? 128 : 256;
  const Index row_tiles = (g.rows + rows_each - 1) / rows_each;
  const Index rows = (g.rows + row_tiles - 1) / row_tiles;
  const Index panel_work = panel_width * g.inner * (rows > 14 ? rows : 14);
  const Index total = panel_work * panels * row_tiles * g.batch;
  constexpr Index least = 100'000;
  constexpr Index most = 500'000;
  const Index wanted = total / 16 < least ? least : total / 16 > most ? most : total / 16;
  Index panels_each = (wanted + panel_work - 1) / (panel_work > 0 ? panel_work : 1);
  // With several blocks along inner, a is read again for each group of panels: larger groups, as long as the tiles are
  // enough for many threads.
  if (g.packed && g.inner > packed_block && rows >= 32) {
    const Index group = row_tiles * panels >= 64 ? 4 : 2;
    if (panels_each < group) panels_each = group;
  }
  if (panels_each < 1) panels_each = 1;
  if (panels_each > panels) panels_each = panels;
  const Index column_tiles = (panels + panels_each - 1) / panels_each;
  const Index tiles = g.batch * row_tiles * column_tiles;

  const auto body = [&](std::int64_t index) {
    const Index batch = index / (row_tiles * column_tiles);
    const Index rest = index % (row_tiles * column_tiles);
    const Index row_tile = rest / column_tiles;
    const Index column_tile = rest % column_tiles;
    const Index row = g.rows * row_tile / row_tiles;
    const Index row_end = g.rows * (row_tile + 1) / row_tiles;
    const Index panel = panels * column_tile / column_tiles;
    const Index panel_end = panels * (column_tile + 1) / column_tiles;
    if (dots) {
      const Index end = panel_end * panel_width;
      multiply_dots(g, batch, panel * panel_width, end < g.columns ? end : g.columns);
    } else if (g.packed) {
      multiply_packed(g, batch, row, row_end, panel, panel_end);
    } else {
      multiply_plain(g, batch, row, row_end, panel, panel_end);
    }
  };
  if (total < 2 * least) {
    for (Index i = 0; i < tiles; ++i) body(i);
  } else {
    executor.parallel_for(tiles, body);
  }
}

/// All of b into panels.
inline void pack(const float* from, Index step, Index column, Index inner, Index columns, float scale, float* to,
                 Index panel_stride, const Executor& executor) noexcept {
  const Index panels = cpu::panel_count(columns);
  const auto body = [&](std::int64_t p) {
    const Index left = columns - p * panel_width;
    pack_chunk(from + p * panel_width * column, step, column, inner, left < panel_width ? left : panel_width, scale,
               to + p * panel_stride, cpu::width_of_panel(columns, p));
  };
  executor.parallel_for(panels, body);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
