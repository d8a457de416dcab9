// The matrix product: a register tile of 8 rows by 3 vectors (4 by 3 where there are 16 registers), packed panels of b,
// and the loops that cut a product into tiles for threads.
//
// Sums run in f32 along `inner` in one fixed order, whatever the threads and the cut. What decided: prefetching the
// next chunk of weights inside the tile (16 rows: 1.6 times as fast on Zen 5) and into the right cache (prefetch.hpp),
// prefetching c, and no packing of a.
#if defined(TESSERA_CPU_GEMM_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_GEMM_INL
#undef TESSERA_CPU_GEMM_INL
#else
#define TESSERA_CPU_GEMM_INL
#endif

#include "tessera/backends/cpu/gemm.hpp"
#include "tessera/backends/cpu/prefetch.hpp"
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
inline constexpr int wide_vectors = 4;  // six rows by four vectors: as good, for panels of 64
#else
inline constexpr int tile_rows = 4;
inline constexpr int wide_vectors = 3;
#endif
inline constexpr int tile_vectors = 3;
inline constexpr Index wide_panel = 64;

/// Register tiles one below the other: c = init + a b over `inner`, for each.
struct TileCall {
  Index inner;
  const float* a;
  Index a_row;
  Index a_step;
  const float* b;
  Index b_row;
  const float* init;  ///< null: zeros
  Index init_row;     ///< 0: the same for each row
  bool accumulate;    ///< c is added to the product
  float* c;
  Index c_row;
  const float* next;      ///< what is needed after these tiles
  cpu::LinesAhead ahead;  ///< how much of it to fetch for each 4 steps of inner
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

/// `count` tiles of Rows rows; `t` then stands for the rows after them. `Along`: a's numbers lie side by side along
/// `inner`.
template <int Rows, int Vectors, bool Along>
HWY_NOINLINE inline void tiles(TileCall& t, Index count) {
  const F32 d;
  const Index n = lanes();
  const Index row = t.a_row;
  const Index row3 = 3 * t.a_row;
  const Index a_step = Along ? 1 : t.a_step;
  const Index b_row = t.b_row;
  const Index inner = t.inner;
  const cpu::LinesAhead ahead = t.ahead;
  const float* next = t.next;
  const float* init = t.init;
  const Index init_row = t.init_row;
  const float* a = t.a;
  float* c = t.c;
  const Index c_row = t.c_row;
  for (; count > 0; --count) {
    for (int r = 0; r < Rows; ++r)
      for (Index j = 0; j < Vectors * n; j += 16) hwy::Prefetch(c + r * c_row + j);

    Vec sum[Rows][Vectors];
    TESSERA_UNROLL
    for (int r = 0; r < Rows; ++r) {
      TESSERA_UNROLL
      for (int v = 0; v < Vectors; ++v)
        sum[r][v] = init == nullptr ? hn::Zero(d) : hn::LoadU(d, init + r * init_row + v * n);
    }

    const float* low = a;
    const float* high = Rows > 4 ? a + 4 * row : a;
    const float* b = t.b;
    Index k = inner;
    for (; k >= 4; k -= 4) {
      for (Index i = 0; i < ahead.first_level; ++i, next += 16) hwy::Prefetch(next);
      for (Index i = 0; i < ahead.second_level; ++i, next += 16) __builtin_prefetch(next, 0, 2);
      TESSERA_UNROLL
      for (int u = 0; u < 4; ++u) {
        multiply_step<Rows, Vectors>(low + u * a_step, high + u * a_step, row, row3, b, sum);
        b += b_row;
      }
      low += 4 * a_step;
      high += 4 * a_step;
    }
    for (; k > 0; --k) {
      multiply_step<Rows, Vectors>(low, high, row, row3, b, sum);
      low += a_step;
      high += a_step;
      b += b_row;
    }

    if (t.accumulate) {
      TESSERA_UNROLL
      for (int r = 0; r < Rows; ++r) {
        TESSERA_UNROLL
        for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::Add(sum[r][v], hn::LoadU(d, c + r * c_row + v * n));
      }
    }
    TESSERA_UNROLL
    for (int r = 0; r < Rows; ++r) {
      TESSERA_UNROLL
      for (int v = 0; v < Vectors; ++v) hn::StoreU(sum[r][v], d, c + r * c_row + v * n);
    }
    a += Rows * row;
    c += Rows * c_row;
    if (init != nullptr) init += Rows * init_row;
  }
  t.a = a;
  t.c = c;
  t.init = init;
  t.next = next;
}

using Tiles = void (*)(TileCall&, Index);

template <int Rows, bool Along>
inline Tiles tiles_of(Index vectors) {
  if constexpr (wide_vectors == 4 && Along && Rows <= 6)
    if (vectors == 4) return &tiles<Rows, 4, Along>;
  return vectors == 3 ? &tiles<Rows, 3, Along> : vectors == 2 ? &tiles<Rows, 2, Along> : &tiles<Rows, 1, Along>;
}
template <bool Along>
inline Tiles tiles_of(Index rows, Index vectors) {
  switch (rows) {
    case 1: return tiles_of<1, Along>(vectors);
    case 2: return tiles_of<2, Along>(vectors);
    case 3: return tiles_of<3, Along>(vectors);
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON
    // Where a lies across memory (gradients of weights) four rows are as fast, and half the code.
    case 5: return tiles_of < Along ? 5 : 4, Along > (vectors);
    case 6: return tiles_of < Along ? 6 : 4, Along > (vectors);
    case 7: return tiles_of < Along ? 7 : 4, Along > (vectors);
    case 8: return tiles_of < Along ? 8 : 4, Along > (vectors);
#endif
    default: return tiles_of<4, Along>(vectors);
  }
}

/// Rows of a product in the fewest blocks that hold them, and never a block of one row beside full ones: first some
/// with one row more, then the others. Made once for all chunks, as its divisions cost as much as a tile of 8 steps.
class RowBlocks {
 public:
  /// `vectors`: the most that a tile will have.
  RowBlocks(Index rows, Index a_step, Index vectors = tile_vectors) : along_(a_step == 1) {
    const Index most = !along_ ? 4 : vectors > tile_vectors ? 6 : tile_rows;
    count_ = (rows + most - 1) / most;
    each_ = rows / count_;
    larger_ = rows - each_ * count_;
  }
  Index count() const { return count_; }

  void multiply(TileCall& t, Index vectors) const {
    if (larger_ > 0) of(each_ + 1, vectors)(t, larger_);
    of(each_, vectors)(t, count_ - larger_);
  }

 private:
  Tiles of(Index rows, Index vectors) const {
    return along_ ? tiles_of<true>(rows, vectors) : tiles_of<false>(rows, vectors);
  }
  bool along_;
  Index count_, each_, larger_;
};

/// c may end inside of a vector: the last columns through a tile of our own.
HWY_NOINLINE inline void multiply_edge(TileCall& t, Index rows, Index columns, Index vectors) {
  const Index n = lanes();
  HWY_ALIGN float edge[tile_rows * wide_panel];
  for (Index first = 0; first < rows; first += tile_rows) {
    const Index count = rows - first < tile_rows ? rows - first : tile_rows;
    TileCall in_edge = t;
    const float* const before = t.accumulate ? t.c : t.init;
    const Index before_row = t.accumulate ? t.c_row : t.init_row;
    for (Index r = 0; before != nullptr && r < count; ++r)
      for (Index j = 0; j < vectors * n; ++j)
        edge[r * wide_panel + j] = j < columns ? before[r * before_row + j] : 0.0F;
    if (t.init != nullptr) {
      in_edge.init = edge;
      in_edge.init_row = wide_panel;
    }
    in_edge.c = edge;
    in_edge.c_row = wide_panel;
    RowBlocks(count, t.a_step, vectors).multiply(in_edge, vectors);
    t.next = in_edge.next;
    for (Index r = 0; r < count; ++r)
      for (Index j = 0; j < columns; ++j) t.c[r * t.c_row + j] = edge[r * wide_panel + j];
    t.a += count * t.a_row;
    t.c += count * t.c_row;
    if (t.init != nullptr) t.init += count * t.init_row;
  }
}

/// Rows of a times one chunk of one panel: `columns` of c, `t` set for the first row and column; `most` vectors at a
/// time, as `blocks` was told. The chunk is read once for each block of rows; meanwhile what follows is fetched. Of
/// what `t` says, where b, c and init are is not kept. (Copying all of `t` waits for what was just written: 30 ns.)
HWY_INLINE void multiply_chunk(TileCall& t, Index rows, const RowBlocks& blocks, Index columns,
                               Index most = tile_vectors) {
  const Index n = lanes();
  const float* const a = t.a;
  const float* const b = t.b;
  const float* const init = t.init;
  float* const c = t.c;
  for (Index column = 0; column < columns; column += most * n) {
    const Index left = columns - column < most * n ? columns - column : most * n;
    const Index vectors = (left + n - 1) / n;
    t.a = a;
    t.b = b + column;
    t.c = c + column;
    t.init = init == nullptr ? nullptr : init + column;
    if (left == vectors * n)
      blocks.multiply(t, vectors);
    else
      multiply_edge(t, rows, left, vectors);
  }
  t.a = a;
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
  if (g.accumulate) {
    // To what is there a block of a product is added at its end: a sum that starts at a large number loses digits at
    // each step, and gradients pass through many.
    t.accumulate = true;
  } else if (k > 0) {
    t.init = t.c;
    t.init_row = g.c_row;
  } else if (g.bias != nullptr) {
    t.init = g.bias + column;
  }
  return t;
}

/// Rows [row, row_end) and `columns` from `column` on are finished.
inline void finish(const Gemm& g, Index batch, Index row, Index row_end, Index column, Index columns) {
  if (g.activate != nullptr)
    g.activate(g.c + batch * g.c_batch + row * g.c_row + column, g.c_row, row_end - row, columns);
}

/// 768 steps of a panel are 147 kB: they stay in the second-level cache while the rows pass. 192 cost 5 %.
inline constexpr Index packed_block = 768;
/// b that is packed on the way is packed into 48 kB of stack.
inline constexpr Index plain_block = 256;

/// How `inner` is cut: into equal blocks of whole fours, the last one shorter.
struct InnerBlocks {
  Index each;
  Index count;
  InnerBlocks(Index inner, Index most) {
    count = inner > most ? (inner + most - 1) / most : 1;
    each = count == 1 ? inner : cpu::round_up((inner + count - 1) / count, 4);
    if (count > 1) count = (inner + each - 1) / each;
  }
};

/// Rows [row, row_end) times panels [panel, panel_end) of packed b. `after`: the panel that is likely to come then,
/// counted on into the weight that was packed behind this one.
HWY_NOINLINE inline void multiply_packed(const Gemm& g, Index batch, Index row, Index row_end, Index panel,
                                         Index panel_end, Index after) {
  const float* const b = g.b + batch * g.b_batch;
  const InnerBlocks inner(g.inner, packed_block);
  const RowBlocks blocks(row_end - row, g.a_step);
  const Index panels = cpu::panel_count(g.columns);
  const auto chunk = [&](Index p, Index k) {
    if (p >= panels) return b + cpu::packed_count(g.inner, g.columns) + (p - panels) * g.panel_stride;
    return b + p * g.panel_stride + (g.first_step + k * inner.each) * cpu::width_of_panel(g.columns, p);
  };
  // Lines of the next chunk, spread evenly: so many for each 4 steps in each tile.
  const Index quads = inner.each / 4 > 0 ? inner.each / 4 : 1;
  const Index groups = (panel_width + tile_vectors * lanes() - 1) / (tile_vectors * lanes());
  const cpu::LinesAhead ahead = cpu::LinesAhead::of(
      (inner.each * (panel_width / 16) + quads * blocks.count() * groups - 1) / (quads * blocks.count() * groups));
  // One block of rows reads each weight once: it is fetched as a stream.
  const bool streams = blocks.count() == 1 && groups == 1;
  for (Index k = 0; k < inner.count; ++k) {
    const Index first = k * inner.each;
    const Index count = g.inner - first < inner.each ? g.inner - first : inner.each;
    for (Index p = panel; p < panel_end; ++p) {
      TileCall t = tile_call(g, batch, row, p, first, count);
      t.b = chunk(p, k);
      t.b_row = cpu::width_of_panel(g.columns, p);
      if (streams) {
        t.next = t.b + cpu::StreamAhead::bytes / static_cast<Index>(sizeof(float));
        t.ahead = cpu::StreamAhead::of(row_end - row, t.b_row / 4);
      } else {
        // What comes after this chunk.
        t.next = p + 1 < panel_end ? chunk(p + 1, k) : k + 1 < inner.count ? chunk(panel, k + 1) : chunk(after, 0);
        t.ahead = ahead;
      }
      const Index left = g.columns - p * panel_width;
      const Index columns = left < panel_width ? left : panel_width;
      multiply_chunk(t, row_end - row, blocks, columns);
      if (k + 1 == inner.count) finish(g, batch, row, row_end, p * panel_width, columns);
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
  const InnerBlocks inner(g.inner, plain_block);
  const RowBlocks blocks(row_end - row, g.a_step);
  for (Index p = panel; p < panel_end; ++p) {
    const Index left = g.columns - p * panel_width;
    const Index columns = left < panel_width ? left : panel_width;
    const Index width = cpu::width_of_panel(g.columns, p);
    for (Index k = 0; k < inner.count; ++k) {
      const Index first = k * inner.each;
      const Index count = g.inner - first < inner.each ? g.inner - first : inner.each;
      pack_chunk(b + first * g.b_step + p * panel_width * g.b_column, g.b_step, g.b_column, count, columns, g.scale,
                 chunk, width);
      TileCall t = tile_call(g, batch, row, p, first, count);
      t.b = chunk;
      t.b_row = width;
      multiply_chunk(t, row_end - row, blocks, columns);
    }
    finish(g, batch, row, row_end, p * panel_width, columns);
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

  const cpu::TileParts parts{tiles, total < 2 * least ? 1 : executor.threads()};
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
      const Index first = panel * panel_width;
      const Index end = panel_end * panel_width < g.columns ? panel_end * panel_width : g.columns;
      multiply_dots(g, batch, first, end);
      finish(g, batch, 0, g.rows, first, end - first);
    } else if (g.packed) {
      // A thread goes on with its next panel, or with its part of the next weight, if that has the same size.
      const Index start = row_tiles == 1 ? parts.next_start(index) : -1;
      multiply_packed(g, batch, row, row_end, panel, panel_end,
                      start < 0 ? panel_end : panels + panels * start / column_tiles);
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
