// Register tiles of the dot-product instructions of x86: vdpbf16ps (AVX512_BF16) and vpdpbusd (AVX512_VNNI).
//
// Highway 1.0 has neither, so these are intrinsics, in functions that carry their instruction set themselves; which of
// them a machine can run is asked at run time. 32 registers hold 24 sums, 3 vectors of b and 1 group of a.
#pragma once

#include "tessera/backends/cpu/gemm_low.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#define TESSERA_CPU_HAS_DOT_TILES 1

#include <immintrin.h>

#include <cmath>
#include <cstring>
#include <limits>

// The compiler makes no dot products by itself: with one list of sets a bf16 tile holds no vpdpbusd and the reverse.
#define TESSERA_DOT_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16")))
#define TESSERA_DOT_INLINE TESSERA_DOT_TARGET __attribute__((always_inline)) inline
#if defined(__clang__)
#define TESSERA_DOT_UNROLL _Pragma("clang loop unroll(full)")
#else
#define TESSERA_DOT_UNROLL _Pragma("GCC unroll 16")
#endif

namespace tessera::inline TESSERA_ISA::cpu::x86 {

// The products are written as instructions: of the intrinsics g++ 12 makes copies of sums, and spills some (int8 lost
// a tenth of its speed).
TESSERA_DOT_TARGET void prepare_bf16(const LowGemm& g, const PreparedRows& p, Index row, Index row_end);
TESSERA_DOT_TARGET void prepare_int8(const LowGemm& g, const PreparedRows& p, Index row, Index row_end);

struct DotBf16 {
  static constexpr PrepareFunction prepare = &prepare_bf16;
  using Sum = __m512;
  TESSERA_DOT_INLINE static Sum add(Sum sum, __m512i a, __m512i b) {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
  }
  TESSERA_DOT_INLINE static Sum load(const float* c, __mmask16 lanes) { return _mm512_maskz_loadu_ps(lanes, c); }
  TESSERA_DOT_INLINE static void store(float* c, __mmask16 lanes, Sum sum) { _mm512_mask_storeu_ps(c, lanes, sum); }
  TESSERA_DOT_INLINE static Sum first(const LowTile& t, int, int v, __mmask16 lanes) {
    return t.bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(lanes, t.bias + 16 * v);
  }
  TESSERA_DOT_INLINE static __m512 last(const LowTile&, int, int, __mmask16, Sum sum) { return sum; }
};

struct DotInt8 {
  static constexpr PrepareFunction prepare = &prepare_int8;
  using Sum = __m512i;
  TESSERA_DOT_INLINE static Sum add(Sum sum, __m512i a, __m512i b) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
  }
  TESSERA_DOT_INLINE static Sum load(const float* c, __mmask16 lanes) { return _mm512_maskz_loadu_epi32(lanes, c); }
  TESSERA_DOT_INLINE static void store(float* c, __mmask16 lanes, Sum sum) { _mm512_mask_storeu_epi32(c, lanes, sum); }
  /// Sums of q_a * q_b hold zero * q_b too much.
  TESSERA_DOT_INLINE static Sum first(const LowTile& t, int r, int v, __mmask16) {
    return _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_mullo_epi32(_mm512_loadu_si512(t.column_sum + 16 * v),
                                                                       _mm512_set1_epi32(t.row_zero[r])));
  }
  TESSERA_DOT_INLINE static __m512 last(const LowTile& t, int r, int v, __mmask16 lanes, Sum sum) {
    const __m512 scale = _mm512_mul_ps(_mm512_set1_ps(t.row_scale[r]), _mm512_loadu_ps(t.column_scale + 16 * v));
    const __m512 bias = t.bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(lanes, t.bias + 16 * v);
    return _mm512_fmadd_ps(_mm512_maskz_cvtepi32_ps(0xffff, sum), scale, bias);
  }
};

/// One group along inner. Two base pointers and two strides reach eight rows of a.
template <class Dot, int Rows, int Vectors>
TESSERA_DOT_INLINE void dot_step(const std::uint8_t* low, const std::uint8_t* high, Index row, Index row3,
                                 const std::uint8_t* b, typename Dot::Sum (&sum)[Rows][Vectors]) {
  __m512i right[Vectors];
  TESSERA_DOT_UNROLL
  for (int v = 0; v < Vectors; ++v) right[v] = _mm512_loadu_si512(b + 64 * v);
  TESSERA_DOT_UNROLL
  for (int r = 0; r < Rows; ++r) {
    const std::uint8_t* const base = r < 4 ? low : high;
    const int q = r % 4;
    const std::uint8_t* const group = q == 0 ? base : q == 1 ? base + row : q == 2 ? base + 2 * row : base + row3;
    std::int32_t bits;
    std::memcpy(&bits, group, sizeof bits);
    const __m512i left = _mm512_set1_epi32(bits);
    TESSERA_DOT_UNROLL
    for (int v = 0; v < Vectors; ++v) sum[r][v] = Dot::add(sum[r][v], left, right[v]);
  }
}

template <class Dot, int Rows, int Vectors>
TESSERA_DOT_TARGET __attribute__((noinline)) inline void dot_tile(const LowTile& t) {
  for (int r = 0; r < Rows; ++r)
    for (int v = 0; v < Vectors; ++v)
      _mm_prefetch(reinterpret_cast<const char*>(t.c + r * t.c_row + 16 * v), _MM_HINT_T0);
  const auto lanes_of = [&](int v) { return static_cast<__mmask16>(v + 1 < Vectors ? 0xffffU : t.last_lanes); };

  typename Dot::Sum sum[Rows][Vectors];
  TESSERA_DOT_UNROLL
  for (int r = 0; r < Rows; ++r) {
    TESSERA_DOT_UNROLL
    for (int v = 0; v < Vectors; ++v)
      sum[r][v] = t.first ? Dot::first(t, r, v, lanes_of(v)) : Dot::load(t.c + r * t.c_row + 16 * v, lanes_of(v));
  }

  const Index row = t.a_row;
  const Index row3 = 3 * t.a_row;
  const Index b_row = t.b_row;
  const std::uint8_t* low = t.a;
  const std::uint8_t* high = Rows > 4 ? t.a + 4 * t.a_row : t.a;
  const std::uint8_t* b = t.b;
  const std::uint8_t* next = t.next;
  const LinesAhead ahead = t.ahead;
  Index k = t.groups;
  for (; k >= 4; k -= 4) {
    for (Index i = 0; i < ahead.first_level; ++i, next += 64)
      _mm_prefetch(reinterpret_cast<const char*>(next), _MM_HINT_T0);
    for (Index i = 0; i < ahead.second_level; ++i, next += 64)
      _mm_prefetch(reinterpret_cast<const char*>(next), _MM_HINT_T1);
    TESSERA_DOT_UNROLL
    for (int u = 0; u < 4; ++u) {
      dot_step<Dot, Rows, Vectors>(low, high, row, row3, b, sum);
      low += 4;
      high += 4;
      b += b_row;
    }
  }
  for (; k > 0; --k) {
    dot_step<Dot, Rows, Vectors>(low, high, row, row3, b, sum);
    low += 4;
    high += 4;
    b += b_row;
  }

  TESSERA_DOT_UNROLL
  for (int r = 0; r < Rows; ++r) {
    TESSERA_DOT_UNROLL
    for (int v = 0; v < Vectors; ++v) {
      float* const c = t.c + r * t.c_row + 16 * v;
      if (t.last) {
        _mm512_mask_storeu_ps(c, lanes_of(v), Dot::last(t, r, v, lanes_of(v), sum[r][v]));
      } else {
        Dot::store(c, lanes_of(v), sum[r][v]);
      }
    }
  }
}

/// The first `n` lanes; all of them when there are more.
TESSERA_DOT_INLINE __mmask16 lanes_left(Index n) { return static_cast<__mmask16>(n >= 16 ? 0xffffU : (1U << n) - 1); }

/// Rows [row, row_end) of a to bf16, to nearest; NaN stays NaN, and what is smaller than normal numbers becomes zero.
TESSERA_DOT_TARGET __attribute__((noinline)) inline void prepare_bf16(const LowGemm& g, const PreparedRows& p,
                                                                      Index row, Index row_end) {
  for (Index r = row; r < row_end; ++r) {
    const float* const x = g.a + r * g.a_row;
    auto* const to = reinterpret_cast<std::uint16_t*>(p.groups + r * p.row_bytes);
    for (Index k = 0; k < g.inner; k += 16) {
      const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(lanes_left(g.inner - k), x + k));
      __m256i bits;
      std::memcpy(&bits, &rounded, sizeof bits);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + k), bits);  // rows have room up to 64 bytes
    }
  }
}

TESSERA_DOT_TARGET __attribute__((noinline)) inline void narrow_block(const float* from, Index from_row, Index rows,
                                                                      Index columns, std::uint8_t* to, Index to_bytes) {
  for (Index r = 0; r < rows; ++r) {
    for (Index j = 0; j < columns; j += 16) {
      const __m256bh rounded =
          _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(lanes_left(columns - j), from + r * from_row + j));
      std::memcpy(to + r * to_bytes + 2 * j, &rounded, sizeof rounded);
    }
  }
}

struct MinOf {
  TESSERA_DOT_INLINE static __m128 of(__m128 a, __m128 b) { return _mm_min_ps(a, b); }
};
struct MaxOf {
  TESSERA_DOT_INLINE static __m128 of(__m128 a, __m128 b) { return _mm_max_ps(a, b); }
};
struct SumOf {
  TESSERA_DOT_INLINE static __m128 of(__m128 a, __m128 b) { return _mm_add_ps(a, b); }
};
template <class Op>
TESSERA_DOT_INLINE float reduce(__m512 v) {  // g++ 12 warns of its own _mm512_reduce_min_ps
  __m128 quarter[4];
  std::memcpy(quarter, &v, sizeof v);
  const __m128 four = Op::of(Op::of(quarter[0], quarter[1]), Op::of(quarter[2], quarter[3]));
  const __m128 two = Op::of(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(Op::of(two, _mm_movehdup_ps(two)));
}

/// 128 numbers of a row, rotated (`rotation_block`).
TESSERA_DOT_INLINE void load_rotated(const float* x, __m512 (&v)[8]) {
  TESSERA_DOT_UNROLL
  for (int i = 0; i < 8; ++i) v[i] = _mm512_loadu_ps(x + 16 * i);
  TESSERA_DOT_UNROLL
  for (int apart = 1; apart < 8; apart *= 2) {
    TESSERA_DOT_UNROLL
    for (int i = 0; i < 8; ++i) {
      if ((i & apart) != 0) continue;
      const __m512 a = v[i];
      const __m512 b = v[i + apart];
      v[i] = _mm512_add_ps(a, b);
      v[i + apart] = _mm512_sub_ps(a, b);
    }
  }
}

/// Numbers of a row that stay rotated from one pass to the next.
inline constexpr Index kept_rotated = 4096;

/// The smallest and the largest of a rotated row and 0; `poison` is 0, or NaN where a number is not finite. `kept`:
/// whole blocks of the rotated row, as far as it has room.
struct RowRange {
  float low, high, poison;
};
TESSERA_DOT_INLINE RowRange range_of_rotated(const float* x, Index n, float* kept) {
  __m512 low[2], high[2];
  TESSERA_DOT_UNROLL
  for (int u = 0; u < 2; ++u) low[u] = high[u] = _mm512_setzero_ps();
  __m512 poison = _mm512_setzero_ps();
  const auto take = [&](__m512 v, int u) TESSERA_DOT_TARGET {
    low[u] = _mm512_maskz_min_ps(0xffff, low[u], v);
    high[u] = _mm512_maskz_max_ps(0xffff, high[u], v);
  };
  const auto look = [&](__m512 v) TESSERA_DOT_TARGET { poison = _mm512_fmadd_ps(v, _mm512_setzero_ps(), poison); };
  Index k = 0;
  for (; k + rotation_block <= n; k += rotation_block) {
    __m512 v[8];
    load_rotated(x + k, v);
    TESSERA_DOT_UNROLL
    for (int i = 0; i < 8; ++i) take(v[i], i % 2);
    for (int i = 0; k < kept_rotated && i < 8; ++i) _mm512_store_ps(kept + k + 16 * i, v[i]);
    look(v[0]);  // the sum of all: not finite when one of them is not
  }
  for (; k < n; k += 16) {
    const __m512 v = _mm512_maskz_loadu_ps(lanes_left(n - k), x + k);
    take(v, 0);
    look(v);
  }
  const bool finite = _mm512_cmp_ps_mask(poison, poison, _CMP_UNORD_Q) == 0;
  return {reduce<MinOf>(_mm512_maskz_min_ps(0xffff, low[0], low[1])),
          reduce<MaxOf>(_mm512_maskz_max_ps(0xffff, high[0], high[1])),
          finite ? 0.0F : std::numeric_limits<float>::quiet_NaN()};
}

/// Rotated rows to unsigned bytes by their range. A row with a number, or a sum of eight, that is not finite gets a
/// scale that is none.
///
/// 254 steps over the range and a zero that is rounded up leave every quotient within [0, 255], so none is clamped:
/// 3 * 2^22 is added, and the lowest byte of the sum is the quotient, rounded to nearest.
TESSERA_DOT_TARGET __attribute__((noinline)) inline void prepare_int8(const LowGemm& g, const PreparedRows& p,
                                                                      Index row, Index row_end) {
  alignas(64) float kept[kept_rotated];
  const __m512i low_byte = _mm512_set1_epi32(0xff);
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  for (Index r = row; r < row_end; ++r) {
    const float* const x = g.a + r * g.a_row;
    const RowRange range = range_of_rotated(x, g.inner, kept);
    const float size = range.high - range.low;
    const bool zeros = size < least_range;
    const float inverse = zeros ? 0.0F : 254.0F / size;
    const float below = -range.low * inverse;  // steps under zero: NaN in a row that is not finite
    const std::int32_t zero = (below < 256.0F ? static_cast<std::int32_t>(below) : 0) + 1;
    p.scale[r] = (zeros ? 0.0F : size / 254.0F) + range.poison;
    p.zero[r] = zero;

    const __m512 factor = _mm512_set1_ps(inverse);
    const __m512 offset = _mm512_set1_ps(12582912.0F + static_cast<float>(zero));
    const auto quotients = [&](__m512 v) TESSERA_DOT_TARGET {
      return _mm512_and_si512(_mm512_castps_si512(_mm512_fmadd_ps(v, factor, offset)), low_byte);
    };
    std::uint8_t* const to = p.groups + r * p.row_bytes;
    Index k = 0;
    for (; k + rotation_block <= g.inner; k += rotation_block) {
      __m512 v[8];
      if (k < kept_rotated) {
        TESSERA_DOT_UNROLL
        for (int i = 0; i < 8; ++i) v[i] = _mm512_load_ps(kept + k + 16 * i);
      } else {
        load_rotated(x + k, v);
      }
      TESSERA_DOT_UNROLL
      for (int i = 0; i < 8; i += 4) {
        // Packing works within quarters of a vector.
        const __m512i bytes = _mm512_packus_epi16(_mm512_packus_epi32(quotients(v[i]), quotients(v[i + 1])),
                                                  _mm512_packus_epi32(quotients(v[i + 2]), quotients(v[i + 3])));
        _mm512_storeu_si512(to + k + 16 * i, _mm512_maskz_permutexvar_epi32(0xffff, order, bytes));
      }
    }
    for (; k < g.inner; k += 16)  // rows have room up to 64 bytes
      _mm_storeu_si128(
          reinterpret_cast<__m128i*>(to + k),
          _mm512_maskz_cvtepi32_epi8(0xffff, quotients(_mm512_maskz_loadu_ps(lanes_left(g.inner - k), x + k))));
  }
}

template <class Dot>
inline constexpr LowTiles dot_tiles = {Dot::prepare,
                                       &narrow_block,
                                       {
                                           {&dot_tile<Dot, 1, 1>, &dot_tile<Dot, 1, 2>, &dot_tile<Dot, 1, 3>},
                                           {&dot_tile<Dot, 2, 1>, &dot_tile<Dot, 2, 2>, &dot_tile<Dot, 2, 3>},
                                           {&dot_tile<Dot, 3, 1>, &dot_tile<Dot, 3, 2>, &dot_tile<Dot, 3, 3>},
                                           {&dot_tile<Dot, 4, 1>, &dot_tile<Dot, 4, 2>, &dot_tile<Dot, 4, 3>},
                                           {&dot_tile<Dot, 5, 1>, &dot_tile<Dot, 5, 2>, &dot_tile<Dot, 5, 3>},
                                           {&dot_tile<Dot, 6, 1>, &dot_tile<Dot, 6, 2>, &dot_tile<Dot, 6, 3>},
                                           {&dot_tile<Dot, 7, 1>, &dot_tile<Dot, 7, 2>, &dot_tile<Dot, 7, 3>},
                                           {&dot_tile<Dot, 8, 1>, &dot_tile<Dot, 8, 2>, &dot_tile<Dot, 8, 3>},
                                       }};

/// The tiles for a packed form, or null where this machine has no instruction for it.
inline const LowTiles* tiles_for(std::uint8_t form) noexcept {
  const bool wide = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                    __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  if (wide && form == bf16_panels && __builtin_cpu_supports("avx512bf16") != 0) return &dot_tiles<DotBf16>;
  if (wide && form == int8_panels && __builtin_cpu_supports("avx512vnni") != 0) return &dot_tiles<DotInt8>;
  return nullptr;
}

}  // namespace tessera::cpu::x86

#endif
