// Attention of one head in bf16: queries, keys, values and probabilities are rounded to bf16, sums and the softmax are
// f32.
//
// Keys are packed as panels of 16 keys, each [depth / 2, 16] pairs along depth; values as panels of 16 columns, each
// [keys / 2, 16] pairs of neighbouring keys. 16 queries at a time: their scores stay on the stack from one product over
// the softmax to the other, and probabilities are written over them. More than `low_keys_at_once` keys are taken in
// chunks with a running maximum and sum, as in attention-inl.hpp. The products are a policy: dot-product instructions
// (below), or matrix instructions (attention_amx.hpp), to which a panel is a row of tiles where it lies.
#pragma once

#include <limits>

#include "tessera/backends/cpu/gemm_low_x86.hpp"
#include "tessera/tensor/sequence.hpp"

namespace tessera::inline TESSERA_ISA::cpu {

/// One head of one text.
struct LowHead {
  Index queries = 0, keys = 0, depth = 0;
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  float* out = nullptr;
  Index q_row = 0, k_row = 0, v_row = 0, out_row = 0;
  std::uint8_t* packed = nullptr;  ///< bytes(keys, depth), aligned to 64
  const float* keep = nullptr;     ///< null: all
  Index keep_row = 0;              ///< from one query to the next; 0: the same for all
  float scale = 1, factor = 1;

  static constexpr Index padded_depth(Index depth) noexcept { return round_up(depth, 32); }
  static constexpr Index padded_keys(Index keys) noexcept { return round_up(keys, 32); }
  /// A key and its value.
  static constexpr Index bytes_of_key(Index depth) noexcept { return 2 * (padded_depth(depth) + round_up(depth, 16)); }
  static constexpr Index bytes(Index keys, Index depth) noexcept { return padded_keys(keys) * bytes_of_key(depth); }
  /// Deeper heads are left to f32.
  static constexpr Index most_depth = 128;
};

/// The fill of hidden keys (softmax-inl.hpp).
using FillHidden = void (*)(float* s, const float* keep, Index seen, Index keys, Fill fill, float value);

}  // namespace tessera::cpu

#if defined(TESSERA_CPU_HAS_DOT_TILES)
namespace tessera::inline TESSERA_ISA::cpu::x86 {

inline constexpr Index low_keys_at_once = 512;
inline constexpr Index queries_at_once = 16;
inline constexpr Index value_panels = 4;  ///< of 16 columns, at a time

/// Products by vdpbf16ps.
struct DotProducts {
  struct State {};

  /// to[rows, 16 count] = rows of pairs times `count` panels, at most four and `panel_bytes` apart, over `inner`
  /// numbers, a multiple of 32. Both sides have room for `queries_at_once` rows.
  TESSERA_DOT_TARGET static void multiply(const std::uint8_t* rows, Index row_bytes, Index row_count,
                                          const std::uint8_t* panels, Index panel_bytes, Index inner, Index count,
                                          float* to, Index to_row) {
    for (Index r = 0; r < row_count; r += rows_at_once, rows += rows_at_once * row_bytes, to += rows_at_once * to_row) {
      switch (count) {
        case 1: block<1>(rows, row_bytes, panels, panel_bytes, inner, to, to_row); break;
        case 2: block<2>(rows, row_bytes, panels, panel_bytes, inner, to, to_row); break;
        case 3: block<3>(rows, row_bytes, panels, panel_bytes, inner, to, to_row); break;
        default: block<4>(rows, row_bytes, panels, panel_bytes, inner, to, to_row); break;
      }
    }
  }

 private:
  static constexpr int rows_at_once = 4;

  template <int Panels>
  TESSERA_DOT_INLINE static void block(const std::uint8_t* rows, Index row_bytes, const std::uint8_t* panels,
                                       Index panel_bytes, Index inner, float* to, Index to_row) {
    __m512 sum[rows_at_once][Panels];
    TESSERA_DOT_UNROLL
    for (int r = 0; r < rows_at_once; ++r) {
      TESSERA_DOT_UNROLL
      for (int p = 0; p < Panels; ++p) sum[r][p] = _mm512_setzero_ps();
    }
    for (Index pair = 0; pair < inner / 2; ++pair) {
      __m512i right[Panels];
      TESSERA_DOT_UNROLL
      for (int p = 0; p < Panels; ++p) right[p] = _mm512_load_si512(panels + p * panel_bytes + 64 * pair);
      TESSERA_DOT_UNROLL
      for (int r = 0; r < rows_at_once; ++r) {
        std::int32_t bits;
        std::memcpy(&bits, rows + r * row_bytes + 4 * pair, sizeof bits);
        const __m512i left = _mm512_set1_epi32(bits);
        TESSERA_DOT_UNROLL
        for (int p = 0; p < Panels; ++p) sum[r][p] = DotBf16::add(sum[r][p], left, right[p]);
      }
    }
    TESSERA_DOT_UNROLL
    for (int r = 0; r < rows_at_once; ++r) {
      TESSERA_DOT_UNROLL
      for (int p = 0; p < Panels; ++p) _mm512_store_ps(to + r * to_row + 16 * p, sum[r][p]);
    }
  }
};

/// 16 numbers to bf16, in the lower halves of 32 bits.
TESSERA_DOT_INLINE __m512i rounded_low(__m512 x) {
  const __m256bh rounded = _mm512_cvtneps_pbh(x);
  __m256i bits;
  std::memcpy(&bits, &rounded, sizeof bits);
  return _mm512_maskz_cvtepu16_epi32(0xffff, bits);
}

/// 32 numbers of a row, `count` of them there, to 16 pairs; times `scale`.
TESSERA_DOT_INLINE __m512i pairs_of(const float* x, Index count, __m512 scale) {
  const __m512 low = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes_left(count > 0 ? count : 0), x), scale);
  const __m512 high = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes_left(count > 16 ? count - 16 : 0), x + 16), scale);
  const __m512bh both = _mm512_cvtne2ps_pbh(high, low);
  __m512i bits;
  std::memcpy(&bits, &both, sizeof bits);
  return bits;
}

/// Rows and columns of 16 x 16 numbers of 32 bits, exchanged.
TESSERA_DOT_INLINE void turn_16(__m512i (&r)[16]) {
  __m512i t[16];
  TESSERA_DOT_UNROLL
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_maskz_unpacklo_epi32(0xffff, r[i], r[i + 1]);
    t[i + 1] = _mm512_maskz_unpackhi_epi32(0xffff, r[i], r[i + 1]);
  }
  TESSERA_DOT_UNROLL
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_maskz_unpacklo_epi64(0xff, t[i], t[i + 2]);
    r[i + 1] = _mm512_maskz_unpackhi_epi64(0xff, t[i], t[i + 2]);
    r[i + 2] = _mm512_maskz_unpacklo_epi64(0xff, t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_maskz_unpackhi_epi64(0xff, t[i + 1], t[i + 3]);
  }
  TESSERA_DOT_UNROLL
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_maskz_shuffle_i32x4(0xffff, r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_maskz_shuffle_i32x4(0xffff, r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_maskz_shuffle_i32x4(0xffff, r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_maskz_shuffle_i32x4(0xffff, r[i + 8], r[i + 12], 0xdd);
  }
  TESSERA_DOT_UNROLL
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_maskz_shuffle_i32x4(0xffff, t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_maskz_shuffle_i32x4(0xffff, t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_maskz_shuffle_i32x4(0xffff, t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_maskz_shuffle_i32x4(0xffff, t[i + 4], t[i + 12], 0xdd);
  }
}

/// Keys and values of a head into `packed`, zeros behind them.
TESSERA_DOT_TARGET __attribute__((noinline)) inline void pack_head(const LowHead& h) {
  const Index depth = LowHead::padded_depth(h.depth), keys = LowHead::padded_keys(h.keys);
  for (Index key = 0; key < keys; key += 16) {
    std::uint8_t* const panel = h.packed + 2 * key * depth;
    for (Index d = 0; d < depth; d += 32) {
      __m512i block[16];
      for (Index i = 0; i < 16; ++i)
        block[i] = key + i < h.keys ? pairs_of(h.k + (key + i) * h.k_row + d, h.depth - d, _mm512_set1_ps(1.0F))
                                    : _mm512_setzero_si512();
      turn_16(block);
      for (Index i = 0; i < 16; ++i) _mm512_store_si512(panel + (d / 2 + i) * 64, block[i]);
    }
  }
  std::uint8_t* const values = h.packed + 2 * keys * depth;
  for (Index key = 0; key < keys; key += 2) {
    for (Index d = 0; d < h.depth; d += 16) {
      const __mmask16 lanes = lanes_left(h.depth - d);
      const __m512 first = _mm512_maskz_loadu_ps(key < h.keys ? lanes : 0, h.v + key * h.v_row + d);
      const __m512 second = _mm512_maskz_loadu_ps(key + 1 < h.keys ? lanes : 0, h.v + (key + 1) * h.v_row + d);
      const __m512i pairs =
          _mm512_or_si512(rounded_low(first), _mm512_maskz_slli_epi32(0xffff, rounded_low(second), 16));
      _mm512_store_si512(values + 2 * keys * d + key / 2 * 64, pairs);
    }
  }
}

/// e^x for x <= 0, as good as bf16 needs: a relative error below 1.1e-4; 0 where that is below the normal numbers.
TESSERA_DOT_INLINE __m512 exp_for_bf16(__m512 x) {
  const __m512 y = _mm512_mul_ps(x, _mm512_set1_ps(1.44269504F));
  const __m512 n = _mm512_maskz_roundscale_ps(0xffff, y, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 f = _mm512_sub_ps(y, n);
  __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.0550089329F), f, _mm512_set1_ps(0.242210954F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.693282902F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0F));
  return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(x, _mm512_set1_ps(-87.0F), _CMP_NLT_UQ), p, n);
}

/// The largest of a row of whole vectors.
TESSERA_DOT_INLINE float largest(const float* s, Index count) {
  __m512 m0 = _mm512_set1_ps(-__builtin_huge_valf()), m1 = m0;
  for (Index j = 0; j < count; j += 32) {
    m0 = _mm512_maskz_max_ps(0xffff, m0, _mm512_load_ps(s + j));
    m1 = _mm512_maskz_max_ps(0xffff, m1, _mm512_load_ps(s + j + 16));
  }
  return reduce<MaxOf>(_mm512_maskz_max_ps(0xffff, m0, m1));
}

/// Probabilities in bf16 over the scores, and their sum before rounding.
TESSERA_DOT_INLINE float probabilities(float* s, Index count, float top) {
  const __m512 most = _mm512_set1_ps(top);
  __m512 t0 = _mm512_setzero_ps(), t1 = t0;
  for (Index j = 0; j < count; j += 32) {
    const __m512 e0 = exp_for_bf16(_mm512_sub_ps(_mm512_load_ps(s + j), most));
    const __m512 e1 = exp_for_bf16(_mm512_sub_ps(_mm512_load_ps(s + j + 16), most));
    t0 = _mm512_add_ps(t0, e0);
    t1 = _mm512_add_ps(t1, e1);
    const __m512bh both = _mm512_cvtne2ps_pbh(e1, e0);
    std::memcpy(reinterpret_cast<std::uint8_t*>(s) + 2 * j, &both, sizeof both);
  }
  return reduce<SumOf>(_mm512_add_ps(t0, t1));
}

/// Query `i` of a head towards the caches, and the key and value of the same number.
TESSERA_DOT_INLINE void fetch_row(const LowHead& h, Index i) {
  for (Index d = 0; d < h.depth; d += 16) {
    _mm_prefetch(reinterpret_cast<const char*>(h.k + i * h.k_row + d), _MM_HINT_T1);
    _mm_prefetch(reinterpret_cast<const char*>(h.v + i * h.v_row + d), _MM_HINT_T1);
    _mm_prefetch(reinterpret_cast<const char*>(h.q + i * h.q_row + d), _MM_HINT_T1);
  }
}

/// Queries [first, end), at most `queries_at_once`, over keys [0, limit). The largest score of each is left in `tops`.
/// Meanwhile the same rows of head `after` are fetched, when there is one.
template <class Products>
TESSERA_DOT_TARGET __attribute__((noinline)) inline void attend_rows(const LowHead& h, const Visibility& visibility,
                                                                     FillHidden fill, Index first, Index end,
                                                                     Index limit, float* tops, const LowHead* after) {
  alignas(64) float scores[queries_at_once * low_keys_at_once];
  alignas(64) float mixed[queries_at_once * 16 * value_panels];
  alignas(64) std::uint8_t q[queries_at_once * 2 * LowHead::most_depth];
  constexpr float lowest = -(std::numeric_limits<float>::max)();
  float sums[queries_at_once] = {};
  const Index depth = LowHead::padded_depth(h.depth), all_keys = LowHead::padded_keys(h.keys);
  const Index queries = end - first;
  const __m512 scale = _mm512_set1_ps(h.scale);
  for (Index i = 0; i < queries_at_once; ++i)
    for (Index d = 0; d < depth; d += 32)
      _mm512_store_si512(q + 2 * (i * depth + d), i < queries
                                                      ? pairs_of(h.q + (first + i) * h.q_row + d, h.depth - d, scale)
                                                      : _mm512_setzero_si512());
  const std::uint8_t* const values = h.packed + 2 * all_keys * depth;
  const bool fills = h.keep != nullptr || visibility.causal;
  for (Index key = 0; key < limit; key += low_keys_at_once) {
    const Index keys = limit - key < low_keys_at_once ? limit - key : low_keys_at_once;
    const Index padded = LowHead::padded_keys(keys);
    for (Index j = 0; j < padded; j += 64)
      Products::multiply(q, 2 * depth, queries, h.packed + 2 * (key + j) * depth, 32 * depth, depth,
                         padded - j < 64 ? (padded - j) / 16 : 4, scores + j, padded);
    float shrink[queries_at_once];
    for (Index i = 0; i < queries; ++i) {
      float* const s = scores + i * padded;
      if (after != nullptr && key == 0 && first + i < after->queries) fetch_row(*after, first + i);
      if (fills) {
        const float* const keep = h.keep == nullptr ? nullptr : h.keep + (first + i) * h.keep_row + key;
        const Index seen = visibility.causal ? first + i + 1 + h.keys - h.queries - key : keys;
        fill(s, keep, seen, keys, visibility.fill, static_cast<float>(visibility.value));
      }
      for (Index j = keys; j < padded; ++j) s[j] = -__builtin_huge_valf();
      // A chunk of hidden keys alone must not make NaN of what the others give.
      float top = largest(s, padded);
      if (top < lowest) top = lowest;
      shrink[i] = 1;
      if (key > 0) {
        if (tops[i] > top) top = tops[i];
        shrink[i] = std::exp(tops[i] - top);
      }
      tops[i] = top;
      sums[i] = sums[i] * shrink[i] + probabilities(s, padded, top);
    }
    const bool last = key + low_keys_at_once >= limit;
    for (Index d = 0; d < h.depth; d += 16 * value_panels) {
      const Index left = h.depth - d < 16 * value_panels ? h.depth - d : 16 * value_panels;
      Products::multiply(reinterpret_cast<const std::uint8_t*>(scores), 4 * padded, queries,
                         values + 2 * all_keys * d + 32 * key, 32 * all_keys, padded, (left + 15) / 16, mixed,
                         16 * value_panels);
      for (Index i = 0; i < queries; ++i) {
        const __m512 before = _mm512_set1_ps(shrink[i]);
        const __m512 finish = _mm512_set1_ps(last ? h.factor / sums[i] : 1.0F);
        float* const out = h.out + (first + i) * h.out_row + d;
        for (Index j = 0; j < left; j += 16) {
          const __mmask16 lanes = lanes_left(left - j);
          __m512 y = _mm512_load_ps(mixed + i * 16 * value_panels + j);
          if (key > 0) y = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(lanes, out + j), before, y);
          _mm512_mask_storeu_ps(out + j, lanes, _mm512_mul_ps(y, finish));
        }
      }
    }
  }
}

/// All queries of a head, whose keys and values are packed here. `after`: the head that follows, or null.
template <class Products>
TESSERA_DOT_TARGET inline void attend_head(const LowHead& h, const Visibility& visibility, FillHidden fill,
                                           const LowHead* after) {
  pack_head(h);
  [[maybe_unused]] const typename Products::State state;
  float tops[queries_at_once];
  for (Index first = 0; first < h.queries; first += queries_at_once) {
    const Index end = first + queries_at_once < h.queries ? first + queries_at_once : h.queries;
    Index limit = h.keys;
    if (visibility.causal && visibility.fill != Fill::add) {
      limit = round_up(end + h.keys - h.queries, 32);
      if (limit > h.keys) limit = h.keys;
    }
    attend_rows<Products>(h, visibility, fill, first, end, limit, tops, after);
    // Keys past the limit count where the fill leaves them something; e^-87 is nothing here.
    bool complete = true;
    for (Index i = 0; i < end - first; ++i)
      complete = complete && (limit == h.keys || tops[i] - static_cast<float>(visibility.value) > 88.0F);
    if (!complete) attend_rows<Products>(h, visibility, fill, first, end, h.keys, tops, nullptr);
  }
}

}  // namespace tessera::cpu::x86
#endif
