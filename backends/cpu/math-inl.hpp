// exp, tanh and the activations on vectors of floats, from their own minimax polynomials.
//
// Largest errors against double over samples of every exponent (tests/cpu/test_math.cpp holds them to it), in units of
// the last place: exp 3 (1 for negative x), tanh 2, swish 4, gelu 4 for x > -2 and 17 for x > -5, gelu_tanh 6 for x >
// -2. The absolute error of the gelus stays below 2 units of the last place of 1. Results smaller than the smallest
// normal number become 0.
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

/// Past 12.5 the tail of the normal distribution is taken to be what it is there: 4e-36.
HWY_INLINE Vec limit_to_tail(Vec size) { return hn::Min(size, constant(12.5F)); }

/// 1 - Phi(t) for t in [0, 12.5]: e^(L(t) - t^2 / 2) / 2 with L(t) = ln erfcx(t / sqrt 2). Relative error 2e-6 up to
/// t = 5 and 6e-5 up to 8; further on, where it is below 1e-15, the square alone goes on.
HWY_INLINE Vec normal_tail(Vec t) {
  const Vec u = hn::Min(t, constant(8.0F));
  // L(u) / u on [0, 8], error 5e-9 at 0 and 5e-8 at 8; in pairs, fours and eights.
  const Vec u2 = hn::Mul(u, u);
  const Vec u4 = hn::Mul(u2, u2);
  const Vec u8 = hn::Mul(u4, u4);
  const Vec p01 = hn::MulAdd(constant(0.181689929F), u, constant(-0.79788462F));
  const Vec p23 = hn::MulAdd(constant(0.00476651452F), u, constant(-0.0363315762F));
  const Vec p45 = hn::MulAdd(constant(-0.000246110911F), u, constant(6.66567899e-05F));
  const Vec p67 = hn::MulAdd(constant(-1.51652791e-05F), u, constant(7.80402554e-05F));
  const Vec p89 = hn::MulAdd(constant(-1.91529688e-07F), u, constant(2.04169761e-06F));
  const Vec pab = hn::MulAdd(constant(-4.49577924e-10F), u, constant(1.19820599e-08F));
  const Vec p03 = hn::MulAdd(p23, u2, p01);
  const Vec p47 = hn::MulAdd(p67, u2, p45);
  const Vec p8c = hn::MulAdd(constant(7.64885081e-12F), u4, hn::MulAdd(pab, u2, p89));
  const Vec p = hn::MulAdd(p8c, u8, hn::MulAdd(p47, u4, p03));
  const Exponential e = split_exponential(hn::MulAdd(p, u, hn::Mul(hn::Mul(t, t), constant(-0.5F))), 126);
  return hn::MulAdd(e.power, e.rest, e.power);
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
