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

/// Of a row without gaps.
HWY_NOINLINE inline Moments moments_of(const float* x, Index count, double eps) {
  const F32 d;
  const Index step = lanes();
  const Index whole = count / (4 * step) * (4 * step);
  const double n = static_cast<double>(count);

  Vec s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  for (Index j = 0; j < whole; j += 4 * step) {
    s0 = hn::Add(s0, hn::LoadU(d, x + j));
    s1 = hn::Add(s1, hn::LoadU(d, x + j + step));
    s2 = hn::Add(s2, hn::LoadU(d, x + j + 2 * step));
    s3 = hn::Add(s3, hn::LoadU(d, x + j + 3 * step));
  }
  double sum = static_cast<double>(sum_of(s0, s1, s2, s3));
  for (Index j = whole; j < count; ++j) sum += static_cast<double>(x[j]);
  const float mean = static_cast<float>(sum / n);

  const Vec m = constant(mean);
  s0 = s1 = s2 = s3 = hn::Zero(d);
  for (Index j = 0; j < whole; j += 4 * step) {
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
  for (Index j = whole; j < count; ++j) {
    const double centred = static_cast<double>(x[j]) - static_cast<double>(mean);
    squares += centred * centred;
  }
  return {mean, static_cast<float>(1.0 / std::sqrt(squares / n + eps))};
}

/// y may be x.
HWY_NOINLINE inline void normalise_row(const float* x, const float* weight, const float* bias_of, Index count,
                                       double eps, float* y) {
  const F32 d;
  const Index step = lanes();
  const Moments moments = moments_of(x, count, eps);
  const Vec mean = constant(moments.mean);
  const Vec inverse = constant(moments.inverse_deviation);
  Index j = 0;
  for (; j + step <= count; j += step) {
    const Vec z = hn::Mul(hn::Sub(hn::LoadU(d, x + j), mean), inverse);
    hn::StoreU(hn::MulAdd(z, hn::LoadU(d, weight + j), hn::LoadU(d, bias_of + j)), d, y + j);
  }
  for (; j < count; ++j) y[j] = (x[j] - moments.mean) * moments.inverse_deviation * weight[j] + bias_of[j];
}

inline constexpr Index norm_elements_each = 12288;

inline void layer_norm(const Call& call) {
  const View& x = call.in[op::layer_norm::x];
  const float* const weight = call.in[op::layer_norm::weight].as<float>();
  const float* const bias_of = call.in[op::layer_norm::bias].as<float>();
  const double eps = call.as<op::layer_norm>().eps;
  const Index columns = x.columns();
  // Whole rows: a tile is never a part of one.
  const Index each = columns < norm_elements_each ? norm_elements_each : columns + 1;
  for_each_tile(*call.executor, x.rows(), columns, each, [&](Index r, Index, Index) {
    normalise_row(x.row<float>(r), weight, bias_of, columns, eps, call.out.row<float>(r));
  });
}

inline void residual_norm(const Call& call) {
  const View& x = call.in[op::residual_norm::x];
  const View& residual = call.in[op::residual_norm::residual];
  const float* const weight = call.in[op::residual_norm::weight].as<float>();
  const float* const bias_of = call.in[op::residual_norm::bias].as<float>();
  const double eps = call.as<op::residual_norm>().eps;
  const Index columns = x.columns();
  const Index each = columns < norm_elements_each ? norm_elements_each : columns + 1;
  for_each_tile(*call.executor, x.rows(), columns, each, [&](Index r, Index, Index) {
    float* const y = call.out.row<float>(r);
    add_row(x.row<float>(r), residual.row<float>(r), y, columns);
    normalise_row(y, weight, bias_of, columns, eps, y);
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
