// softmax over rows of scores, and the fill of hidden keys that attention shares with it.
#if defined(TESSERA_CPU_SOFTMAX_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_SOFTMAX_INL
#undef TESSERA_CPU_SOFTMAX_INL
#else
#define TESSERA_CPU_SOFTMAX_INL
#endif

#include "tessera/backends/cpu/elementwise-inl.hpp"
#include "tessera/ops/softmax.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

inline constexpr float infinity = __builtin_huge_valf();

/// Scores of hidden keys become what the fill says; see sequence.hpp. keep: null, or one number for each key; keys from
/// `seen` on are hidden whatever it says.
HWY_NOINLINE inline void fill_hidden(float* s, const float* keep, Index seen, Index keys, Fill fill, float value) {
  const F32 d;
  const Index step = lanes();
  if (seen < 0) seen = 0;
  if (seen > keys) seen = keys;
  const Vec one = constant(1.0F);
  const Vec hidden = constant(value);
  const auto filled = [&](Vec score, Vec k) HWY_ATTR {
    Vec y = score;
    if (fill == Fill::add) {
      y = hn::MulAdd(hn::Sub(one, k), hidden, score);
    } else if (fill == Fill::replace) {
      y = hn::MulAdd(hn::Sub(one, k), hidden, hn::Mul(score, k));
    } else {
      return hn::IfThenElse(hn::Eq(k, hn::Zero(d)), hidden, score);
    }
    return hn::IfThenElse(hn::Eq(k, one), score, y);  // also when the value is infinite
  };
  if (keep != nullptr) {
    Index j = 0;
    for (; j + step <= seen; j += step) hn::StoreU(filled(hn::LoadU(d, s + j), hn::LoadU(d, keep + j)), d, s + j);
    if (j < seen) store_some(filled(load_some(s + j, seen - j), load_some(keep + j, seen - j)), s + j, seen - j);
  }
  for (Index j = seen; j < keys; ++j) s[j] = fill == Fill::add ? s[j] + value : value;
}

/// The largest of a row whose length is a multiple of the vector.
HWY_INLINE float largest_of(const float* s, Index padded) {
  const F32 d;
  const Index step = lanes();
  Vec m0 = constant(-infinity), m1 = m0;
  Index j = 0;
  for (; j + 2 * step <= padded; j += 2 * step) {
    m0 = hn::Max(m0, hn::LoadU(d, s + j));
    m1 = hn::Max(m1, hn::LoadU(d, s + j + step));
  }
  if (j < padded) m0 = hn::Max(m0, hn::LoadU(d, s + j));
  return hn::GetLane(hn::MaxOfLanes(d, hn::Max(m0, m1)));
}

/// s = e^(s - largest), and the sum of them.
HWY_INLINE float exponentials_of(float* s, Index padded, float largest) {
  const F32 d;
  const Index step = lanes();
  const Vec m = constant(largest);
  Vec t0 = hn::Zero(d), t1 = t0;
  Index j = 0;
  for (; j + 2 * step <= padded; j += 2 * step) {
    const Vec e0 = exp_of_negative(hn::Sub(hn::LoadU(d, s + j), m));
    const Vec e1 = exp_of_negative(hn::Sub(hn::LoadU(d, s + j + step), m));
    hn::StoreU(e0, d, s + j);
    hn::StoreU(e1, d, s + j + step);
    t0 = hn::Add(t0, e0);
    t1 = hn::Add(t1, e1);
  }
  if (j < padded) {
    const Vec e = exp_of_negative(hn::Sub(hn::LoadU(d, s + j), m));
    hn::StoreU(e, d, s + j);
    t0 = hn::Add(t0, e);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(t0, t1)));
}

/// One row in place; what lies past the last whole vector goes through a buffer.
HWY_NOINLINE inline void softmax_row(float* s, Index keys) {
  const F32 d;
  const Index step = lanes();
  const Index whole = keys / step * step;
  const Index left = keys - whole;
  HWY_ALIGN float tail[16];
  for (Index j = 0; j < step; ++j) tail[j] = j < left ? s[whole + j] : -infinity;

  const float of_tail = left > 0 ? largest_of(tail, step) : -infinity;
  const float of_whole = largest_of(s, whole);
  const float largest = of_tail > of_whole ? of_tail : of_whole;
  float sum = exponentials_of(s, whole, largest);
  if (left > 0) {
    // Past the end stands -infinity; were all scores -infinity, the row is NaN as it should be.
    hn::Store(hn::Sub(hn::Load(d, tail), constant(largest)), d, tail);
    const Vec e = exp_of_negative(hn::Load(d, tail));
    hn::Store(e, d, tail);
    for (Index j = left; j < step; ++j) tail[j] = 0;
    for (Index j = 0; j < left; ++j) sum += tail[j];
  }
  const float inverse = 1.0F / sum;
  scale_row(s, inverse, s, whole);
  for (Index j = 0; j < left; ++j) s[whole + j] = tail[j] * inverse;
}

inline void softmax(const Call& call) {
  const View& scores = call.in[op::softmax::scores];
  const View& offsets = call.in[op::softmax::offsets];
  const View& keep = call.in[op::softmax::keep];
  const Visibility& visibility = call.as<op::softmax>().visibility;
  const Index heads = scores.dim[1];
  const Index queries = scores.dim[2];
  const Index keys = scores.dim[3];
  const bool fills = keep.present() || visibility.causal;
  const Index each = keys < elements_each ? elements_each : keys + 1;
  for_each_tile(*call.executor, scores.rows(), keys, each, [&](Index r, Index, Index) {
    const Index text = r / (heads * queries);
    const Index query = r % queries;
    const Index memory = keys - queries;
    Index end = keys;
    if (offsets.present()) {
      const std::int32_t* const first = offsets.as<std::int32_t>();
      const Index length = first[text + 1] - first[text];
      end = query < length ? memory + length : 0;
    }
    const float* const from = scores.row<float>(r);
    float* const p = call.out.row<float>(r);
    if (p != from) std::memcpy(p, from, static_cast<std::size_t>(end) * sizeof(float));
    if (fills) {
      const float* kept = nullptr;
      if (keep.present()) kept = keep.rank == 2 ? keep.row<float>(text) : keep.row<float>(text * queries + query);
      fill_hidden(p, kept, visibility.causal ? query + memory + 1 : end, end, visibility.fill,
                  static_cast<float>(visibility.value));
    }
    if (end > 0) softmax_row(p, end);
    for (Index j = end; j < keys; ++j) p[j] = 0;
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
