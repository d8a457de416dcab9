// exp, tanh and the activations on vectors of floats, from their own minimax polynomials.
//
// Largest errors against double over samples of every exponent (tests/cpu/test_math.cpp holds them to it), in units of
// the last place: exp 3 (1 for negative x), tanh 2, swish 4, gelu 5 for x > -2 and 40 for x > -5, gelu_tanh 6 for x >
// -2. The absolute error of gelu stays below 1, that of gelu_tanh below 2 units of the last place of 1; further
// out gelu loses digits (1900 ulp for x > -8), and it is -5e-15 for smaller x. Results of the others that are smaller
// than the smallest normal number become 0.
#if defined(TESSERA_CPU_MATH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_MATH_INL
#undef TESSERA_CPU_MATH_INL
#else
#define TESSERA_CPU_MATH_INL
#endif

#include "tessera/backends/cpu/vector-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

HWY_INLINE Vec constant(float value) { return hn::Set(F32(), value); }

/// e^x = power * (1 + rest), power = 2^n, |x - n ln 2| <= ln 2 / 2.
struct Exponential {
  Vec rest;
  Vec power;
};

/// `power` is 2^(n + exponent - 127).
HWY_INLINE Exponential split_exponential(Vec x, float exponent = 127) {
  const F32 d;
  const hn::RebindToUnsigned<F32> bits;
  // Adding 1.5 * 2^23 rounds to an integer; 127 more makes its low bits the exponent field.
  const Vec magic = constant(12582912.0F + exponent);
  const Vec shifted = hn::MulAdd(x, constant(1.44269504F), magic);
  const Vec n = hn::Sub(shifted, magic);
  // ln 2 in two parts; n times the first is exact.
  const Vec r = hn::NegMulAdd(n, constant(1.42860677e-6F), hn::NegMulAdd(n, constant(0x1.62e4p-1F), x));
  // (e^r - 1 - r) / r^2 on |r| <= ln 2 / 2, error 3e-9. In pairs, as one long chain would wait for its latency.
  const Vec r2 = hn::Mul(r, r);
  const Vec q23 = hn::MulAdd(constant(0x1.123b84p-7F), r, constant(0x1.55545ep-5F));
  const Vec q01 = hn::MulAdd(constant(0x1.55548ep-3F), r, constant(0.5F));
  const Vec q = hn::MulAdd(hn::MulAdd(constant(0x1.6db45ep-10F), r2, q23), r2, q01);
  return {hn::MulAdd(r2, q, r), hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(bits, shifted)))};
}

/// e^x for x <= 0; 0 below -87.3, also for -infinity. NaN stays NaN.
HWY_INLINE Vec exp_of_negative(Vec x) {
  const Exponential e = split_exponential(x);
  return hn::IfThenZeroElse(hn::Lt(x, constant(-87.3365F)), hn::MulAdd(e.power, e.rest, e.power));
}

/// e^x: 0 below -87.3, infinity above 88.7. NaN stays NaN.
HWY_INLINE Vec exp_any(Vec x) {
  // Half of the way twice: 2^128 itself is not a float.
  const Exponential e = split_exponential(hn::Mul(x, constant(0.5F)));
  const Vec root = hn::MulAdd(e.power, e.rest, e.power);
  const Vec y = hn::IfThenZeroElse(hn::Lt(x, constant(-87.3365F)), hn::Mul(root, root));
  return hn::IfThenElse(hn::Gt(x, constant(88.7228F)), constant(__builtin_huge_valf()), y);
}

/// tanh by (e^2x - 1) / (e^2x + 1), whose numerator loses nothing near 0.
HWY_INLINE Vec tanh_of(Vec x) {
  const Vec size = hn::Abs(x);
  const Vec most = constant(10.0F);  // tanh is 1 there
  const Vec limited = hn::IfThenElse(hn::Gt(size, most), most, size);
  const Exponential e = split_exponential(hn::Add(limited, limited));
  const Vec less_one = hn::MulAdd(e.power, e.rest, hn::Sub(e.power, constant(1.0F)));
  return hn::CopySign(hn::Div(less_one, hn::Add(less_one, constant(2.0F))), x);
}

/// Past 8 the tail of the normal distribution is taken to be what it is there: 6e-16.
HWY_INLINE Vec limit_to_tail(Vec size) { return hn::Min(size, constant(8.0F)); }

/// 1 - Phi(t) for t in [0, 8]: half of 2^(t Q(t)), t Q(t) = log2 erfc(t / sqrt 2). Relative error 5e-7 up to t = 2,
/// 5e-6 up to 5 and 2e-4 up to 8, where the tail itself is small.
///
/// Multiply-adds are what it takes time for, so they are few: the square is part of Q, and a power of 2 needs no
/// reduction in parts, as t Q(t) is rounded anyway.
HWY_INLINE Vec normal_tail(Vec t) {
  const F32 d;
  const hn::RebindToUnsigned<F32> bits;
  // Q on [0, 8], in its even and its odd terms; as exact for small t as its last place, and less for larger.
  const Vec t2 = hn::Mul(t, t);
  Vec even = hn::MulAdd(constant(0x1.bf2c9ap-30F), t2, constant(0x1.48dd12p-20F));
  Vec odd = hn::MulAdd(constant(-0x1.223f6ap-24F), t2, constant(-0x1.a84922p-17F));
  even = hn::MulAdd(even, t2, constant(0x1.4e0084p-14F));
  odd = hn::MulAdd(odd, t2, constant(-0x1.22535ap-12F));
  even = hn::MulAdd(even, t2, constant(-0x1.9f7116p-16F));
  odd = hn::MulAdd(odd, t2, constant(0x1.ca525cp-8F));
  even = hn::MulAdd(even, t2, constant(-0x1.adeb7cp-5F));
  odd = hn::MulAdd(odd, t2, constant(-0x1.d63a36p-2F));
  even = hn::MulAdd(even, t2, constant(-0x1.26aee0p0F));
  const Vec power = hn::Mul(hn::MulAdd(odd, t, even), t);
  // 2^f on |f| <= 1/2, error 2e-9; then n - 1 is added to its exponent.
  const Vec magic = constant(12582912.0F - 1);
  const Vec shifted = hn::Add(power, magic);
  const Vec f = hn::Sub(power, hn::Sub(shifted, magic));
  Vec y = hn::MulAdd(constant(0x1.416b52p-13F), f, constant(0x1.5f082ep-10F));
  y = hn::MulAdd(y, f, constant(0x1.3b2de0p-7F));
  y = hn::MulAdd(y, f, constant(0x1.c6af7cp-5F));
  y = hn::MulAdd(y, f, constant(0x1.ebfbdcp-3F));
  y = hn::MulAdd(y, f, constant(0x1.62e430p-1F));
  y = hn::MulAdd(y, f, constant(1.0F));
  return hn::BitCast(d, hn::Add(hn::BitCast(bits, y), hn::ShiftLeft<23>(hn::BitCast(bits, shifted))));
}

/// x Phi(x), as x - x (1 - Phi(x)) for positive x: no difference of near numbers on either side.
HWY_INLINE Vec gelu_of(Vec x) {
  const Vec t = limit_to_tail(hn::Abs(x));
  return hn::NegMulAdd(t, normal_tail(t), hn::IfThenZeroElse(hn::Lt(x, hn::Zero(F32())), x));
}

/// Phi(x) + x phi(x), the slope of gelu.
HWY_INLINE Vec gelu_slope(Vec x) {
  const Vec t = limit_to_tail(hn::Abs(x));
  const Vec tail = normal_tail(t);
  const Vec cdf = hn::IfThenElse(hn::Lt(x, hn::Zero(F32())), tail, hn::Sub(constant(1.0F), tail));
  const Vec density = hn::Mul(constant(0.398942280F), exp_of_negative(hn::Mul(hn::Mul(x, x), constant(-0.5F))));
  return hn::MulAdd(hn::CopySign(t, x), density, cdf);
}

/// x / (1 + e^-x)
HWY_INLINE Vec swish_of(Vec x) { return hn::Div(x, hn::Add(constant(1.0F), exp_any(hn::Neg(x)))); }

/// x / 2 (1 + tanh u) = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3)
HWY_INLINE Vec gelu_tanh_of(Vec x) {
  const Vec cubic = hn::MulAdd(hn::Mul(x, x), constant(-0.0713548163F), constant(-1.59576912F));
  return hn::Div(x, hn::Add(constant(1.0F), exp_any(hn::Mul(x, cubic))));
}

HWY_INLINE Vec relu_of(Vec x) { return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(F32())), x); }

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
