// attention of a few queries over the keys of a cache: keys and values are read once, as they lie.
//
// One token at a time there is nothing to gain by packing: each key serves one query, and copying it would move more
// bytes than the product reads. So it runs at the speed of memory, where the heads of a key lie side by side: several
// heads go through the keys together, a few rows at a time, and the rows to come are fetched meanwhile. Chunks of keys
// with a running maximum and sum, as in attention-inl.hpp.
#if defined(TESSERA_CPU_DECODE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_DECODE_INL
#undef TESSERA_CPU_DECODE_INL
#else
#define TESSERA_CPU_DECODE_INL
#endif

#include <limits>

#include "tessera/backends/cpu/softmax-inl.hpp"
#include "tessera/ops/attention.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

/// One query of several heads that lie side by side, and their keys and values.
struct DecodeRow {
  const float* q;
  const float* k;
  const float* v;
  float* out;
  Index k_row, v_row, depth, keys;
  const float* keep;  ///< null: all
  Index seen;         ///< keys from here on are hidden
  float scale;
  const float* factors;  ///< of the heads; null: 1

  DecodeRow head(Index i) const {
    DecodeRow r = *this;
    r.q += i * depth;
    r.k += i * depth;
    r.v += i * depth;
    r.out += i * depth;
    return r;
  }
};
/// Whole rows of a cache where they fit: parts of rows are read at three quarters of the speed (GPT-2, 984 keys).
inline constexpr Index heads_at_once = 16;
inline constexpr Index rows_at_once = 16;    ///< of keys or values, from one head to the next
inline constexpr Index rows_in_chunk = 256;  ///< a multiple of 16

/// Rows of the next turn towards the caches.
HWY_INLINE void fetch_rows(const float* rows, Index stride, Index count, Index depth) {
  for (Index j = 0; j < count; ++j)
    for (Index c = 0; c < depth; c += 16) __builtin_prefetch(rows + j * stride + c, 0, 2);
}

/// s[j] = scale * q k_j for `count` keys, four at a time.
HWY_INLINE void scores_of_keys(const DecodeRow& r, const float* k, Index count, float* s) {
  const F32 d;
  const Index step = lanes();
  const Index whole = r.depth / step * step;
  const Index left = r.depth - whole;
  const auto sum = [&](Vec v) HWY_ATTR { return hn::GetLane(hn::SumOfLanes(d, v)) * r.scale; };
  const Vec tail = left > 0 ? load_some(r.q + whole, left) : hn::Zero(d);
  Index j = 0;
  for (; j + 4 <= count; j += 4) {
    const float* const k0 = k + j * r.k_row;
    const float* const k1 = k0 + r.k_row;
    const float* const k2 = k1 + r.k_row;
    const float* const k3 = k2 + r.k_row;
    Vec a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0;
    for (Index c = 0; c < whole; c += step) {
      const Vec q = hn::LoadU(d, r.q + c);
      a0 = hn::MulAdd(q, hn::LoadU(d, k0 + c), a0);
      a1 = hn::MulAdd(q, hn::LoadU(d, k1 + c), a1);
      a2 = hn::MulAdd(q, hn::LoadU(d, k2 + c), a2);
      a3 = hn::MulAdd(q, hn::LoadU(d, k3 + c), a3);
    }
    if (left > 0) {
      a0 = hn::MulAdd(tail, load_some(k0 + whole, left), a0);
      a1 = hn::MulAdd(tail, load_some(k1 + whole, left), a1);
      a2 = hn::MulAdd(tail, load_some(k2 + whole, left), a2);
      a3 = hn::MulAdd(tail, load_some(k3 + whole, left), a3);
    }
    s[j] = sum(a0);
    s[j + 1] = sum(a1);
    s[j + 2] = sum(a2);
    s[j + 3] = sum(a3);
  }
  for (; j < count; ++j) {
    const float* const kj = k + j * r.k_row;
    Vec a = hn::Zero(d);
    for (Index c = 0; c < whole; c += step) a = hn::MulAdd(hn::LoadU(d, r.q + c), hn::LoadU(d, kj + c), a);
    if (left > 0) a = hn::MulAdd(tail, load_some(kj + whole, left), a);
    s[j] = sum(a);
  }
}

/// out = init * out + sum_j p[j] v_j, four vectors of columns at a time.
HWY_INLINE void mix_values(const DecodeRow& r, const float* v, Index count, const float* p, float init) {
  const F32 d;
  const Index step = lanes();
  const Vec before = constant(init);
  Index c = 0;
  for (; c + 4 * step <= r.depth; c += 4 * step) {
    float* const y = r.out + c;
    Vec a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0;
    if (init != 0) {
      a0 = hn::Mul(before, hn::LoadU(d, y));
      a1 = hn::Mul(before, hn::LoadU(d, y + step));
      a2 = hn::Mul(before, hn::LoadU(d, y + 2 * step));
      a3 = hn::Mul(before, hn::LoadU(d, y + 3 * step));
    }
    for (Index j = 0; j < count; ++j) {
      const float* const vj = v + j * r.v_row + c;
      const Vec w = constant(p[j]);
      a0 = hn::MulAdd(w, hn::LoadU(d, vj), a0);
      a1 = hn::MulAdd(w, hn::LoadU(d, vj + step), a1);
      a2 = hn::MulAdd(w, hn::LoadU(d, vj + 2 * step), a2);
      a3 = hn::MulAdd(w, hn::LoadU(d, vj + 3 * step), a3);
    }
    hn::StoreU(a0, d, y);
    hn::StoreU(a1, d, y + step);
    hn::StoreU(a2, d, y + 2 * step);
    hn::StoreU(a3, d, y + 3 * step);
  }
  for (; c < r.depth; c += step) {
    const Index width = r.depth - c < step ? r.depth - c : step;
    const bool whole = width == step;
    float* const y = r.out + c;
    Vec a = hn::Zero(d);
    if (init != 0) a = hn::Mul(before, whole ? hn::LoadU(d, y) : load_some(y, width));
    for (Index j = 0; j < count; ++j) {
      const float* const vj = v + j * r.v_row + c;
      a = hn::MulAdd(constant(p[j]), whole ? hn::LoadU(d, vj) : load_some(vj, width), a);
    }
    if (whole)
      hn::StoreU(a, d, y);
    else
      store_some(a, y, width);
  }
}

/// One query of up to heads_at_once heads over all their keys.
HWY_NOINLINE inline void attend_row(const DecodeRow& row, Index heads, const Visibility& visibility) {
  HWY_ALIGN float scores[heads_at_once * rows_in_chunk];
  float largest[heads_at_once];
  float totals[heads_at_once];
  float shrinks[heads_at_once];
  const float hidden = static_cast<float>(visibility.value);
  constexpr float lowest = -(std::numeric_limits<float>::max)();
  const bool fills = row.keep != nullptr || row.seen < row.keys;
  const auto rows_left = [](Index at, Index end) { return end - at < rows_at_once ? end - at : rows_at_once; };
  for (Index key = 0; key < row.keys; key += rows_in_chunk) {
    const Index count = row.keys - key < rows_in_chunk ? row.keys - key : rows_in_chunk;
    const Index padded = (count + 15) / 16 * 16;
    for (Index j = 0; j < count; j += rows_at_once) {
      const Index rows = rows_left(j, count), coming = rows_left(key + j + rows, row.keys);
      for (Index h = 0; h < heads; ++h) {
        const DecodeRow r = row.head(h);
        const float* const k = r.k + (key + j) * r.k_row;
        fetch_rows(k + rows * r.k_row, r.k_row, coming, r.depth);
        scores_of_keys(r, k, rows, scores + h * rows_in_chunk + j);
      }
    }
    for (Index h = 0; h < heads; ++h) {
      float* const s = scores + h * rows_in_chunk;
      if (fills)
        fill_hidden(s, row.keep == nullptr ? nullptr : row.keep + key, row.seen - key, count, visibility.fill, hidden);
      for (Index j = count; j < padded; ++j) s[j] = -infinity;
      // A chunk of hidden keys alone must not make NaN of what the others give.
      float top = largest_of(s, padded);
      if (top < lowest) top = lowest;
      shrinks[h] = 0;
      if (key > 0) {
        if (largest[h] > top) top = largest[h];
        shrinks[h] = std::exp(largest[h] - top);
        totals[h] *= shrinks[h];
      } else {
        totals[h] = 0;
      }
      totals[h] += exponentials_of(s, padded, top);
      largest[h] = top;
    }
    for (Index j = 0; j < count; j += rows_at_once) {
      const Index rows = rows_left(j, count), coming = rows_left(key + j + rows, row.keys);
      for (Index h = 0; h < heads; ++h) {
        const DecodeRow r = row.head(h);
        const float* const v = r.v + (key + j) * r.v_row;
        fetch_rows(v + rows * r.v_row, r.v_row, coming, r.depth);
        mix_values(r, v, rows, scores + h * rows_in_chunk + j, j > 0 ? 1.0F : shrinks[h]);
      }
    }
  }
  for (Index h = 0; h < heads; ++h) {
    float* const out = row.out + h * row.depth;
    scale_row(out, (row.factors == nullptr ? 1.0F : row.factors[h]) / totals[h], out, row.depth);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
