// layer_norm and residual_norm: mean, then variance around it, each summed in four vectors and then as a tree; f32.
#if defined(TESSERA_CPU_NORM_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_NORM_INL
#undef TESSERA_CPU_NORM_INL
#else
#define TESSERA_CPU_NORM_INL
#endif

#include <cmath>

#include "tessera/backends/cpu/elementwise-inl.hpp"
#include "tessera/ops/residual_norm.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

HWY_INLINE float sum_of(Vec a, Vec b, Vec c, Vec d) {
  return hn::GetLane(hn::SumOfLanes(F32(), hn::Add(hn::Add(a, b), hn::Add(c, d))));
}

struct Moments {
  float mean;
  float inverse_deviation;  ///< 1 / sqrt(variance + eps)
};

/// The sum of a row without gaps; with a residual, of y = x + residual, which it writes.
template <bool Residual>
HWY_INLINE double sum_row(const float* x, const float* residual, float* y, Index count) {
  const F32 d;
  const Index step = lanes();
  const auto at = [&](Index j) HWY_ATTR {
    Vec v = hn::LoadU(d, x + j);
    if constexpr (Residual) {
      v = hn::Add(v, hn::LoadU(d, residual + j));
      hn::StoreU(v, d, y + j);
    }
    return v;
  };
  Vec s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  Index j = 0;
  for (; j + 4 * step <= count; j += 4 * step) {
    s0 = hn::Add(s0, at(j));
    s1 = hn::Add(s1, at(j + step));
    s2 = hn::Add(s2, at(j + 2 * step));
    s3 = hn::Add(s3, at(j + 3 * step));
  }
  double sum = static_cast<double>(sum_of(s0, s1, s2, s3));
  for (; j < count; ++j) {
    if constexpr (Residual) y[j] = x[j] + residual[j];
    sum += static_cast<double>(Residual ? y[j] : x[j]);
  }
  return sum;
}

HWY_INLINE double squares_of_row(const float* x, Index count, float mean) {
  const F32 d;
  const Index step = lanes();
  const Vec m = constant(mean);
  Vec s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  Index j = 0;
  for (; j + 4 * step <= count; j += 4 * step) {
    const Vec x0 = hn::Sub(hn::LoadU(d, x + j), m);
    const Vec x1 = hn::Sub(hn::LoadU(d, x + j + step), m);
    const Vec x2 = hn::Sub(hn::LoadU(d, x + j + 2 * step), m);
    const Vec x3 = hn::Sub(hn::LoadU(d, x + j + 3 * step), m);
    s0 = hn::MulAdd(x0, x0, s0);
    s1 = hn::MulAdd(x1, x1, s1);
    s2 = hn::MulAdd(x2, x2, s2);
    s3 = hn::MulAdd(x3, x3, s3);
  }
  double squares = static_cast<double>(sum_of(s0, s1, s2, s3));
  for (; j < count; ++j) {
    const double centred = static_cast<double>(x[j]) - static_cast<double>(mean);
    squares += centred * centred;
  }
  return squares;
}

HWY_INLINE float inverse_deviation_of(double squares, Index count, double eps) {
  return static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(count) + eps));
}

/// Of a row without gaps.
HWY_NOINLINE inline Moments moments_of(const float* x, Index count, double eps) {
  const float mean = static_cast<float>(sum_row<false>(x, nullptr, nullptr, count) / static_cast<double>(count));
  return {mean, inverse_deviation_of(squares_of_row(x, count, mean), count, eps)};
}

/// y may be x.
HWY_INLINE void scale_and_shift(const float* x, const Moments& moments, const float* weight, const float* bias_of,
                                Index count, float* y) {
  const F32 d;
  const Index step = lanes();
  const Vec mean = constant(moments.mean);
  const Vec inverse = constant(moments.inverse_deviation);
  Index j = 0;
  for (; j + step <= count; j += step) {
    const Vec z = hn::Mul(hn::Sub(hn::LoadU(d, x + j), mean), inverse);
    hn::StoreU(hn::MulAdd(z, hn::LoadU(d, weight + j), hn::LoadU(d, bias_of + j)), d, y + j);
  }
  for (; j < count; ++j) y[j] = (x[j] - moments.mean) * moments.inverse_deviation * weight[j] + bias_of[j];
}

/// Rows [first, end), a few at a time and step by step: a row's mean and deviation come late, and the others' work fits
/// into the wait.
template <bool Residual>
HWY_NOINLINE inline void normalise_rows(const View& x, const View& residual, const float* weight, const float* bias_of,
                                        double eps, const View& out, Index first, Index end) {
  constexpr Index at_once = 4;
  const Index count = x.columns();
  for (Index r = first; r < end; r += at_once) {
    const Index rows = end - r < at_once ? end - r : at_once;
    Moments moments[at_once];
    const auto summed = [&](Index i) { return Residual ? out.row<float>(r + i) : x.row<float>(r + i); };
    for (Index i = 0; i < rows; ++i)
      moments[i].mean =
          static_cast<float>(sum_row<Residual>(x.row<float>(r + i), Residual ? residual.row<float>(r + i) : nullptr,
                                               out.row<float>(r + i), count) /
                             static_cast<double>(count));
    for (Index i = 0; i < rows; ++i)
      moments[i].inverse_deviation =
          inverse_deviation_of(squares_of_row(summed(i), count, moments[i].mean), count, eps);
    for (Index i = 0; i < rows; ++i)
      scale_and_shift(summed(i), moments[i], weight, bias_of, count, out.row<float>(r + i));
  }
}

inline constexpr Index norm_elements_each = 12288;

template <bool Residual>
inline void normalise(const View& x, const View& residual, const float* weight, const float* bias_of, double eps,
                      const Call& call) {
  for_each_row_tile(*call.executor, x.rows(), x.columns(), norm_elements_each, [&](Index first, Index end) {
    normalise_rows<Residual>(x, residual, weight, bias_of, eps, call.out, first, end);
  });
}

inline void layer_norm(const Call& call) {
  normalise<false>(call.in[op::layer_norm::x], View(), call.in[op::layer_norm::weight].as<float>(),
                   call.in[op::layer_norm::bias].as<float>(), call.as<op::layer_norm>().eps, call);
}

inline void residual_norm(const Call& call) {
  normalise<true>(call.in[op::residual_norm::x], call.in[op::residual_norm::residual],
                  call.in[op::residual_norm::weight].as<float>(), call.in[op::residual_norm::bias].as<float>(),
                  call.as<op::residual_norm>().eps, call);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
