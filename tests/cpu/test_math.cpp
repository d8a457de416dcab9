// Accuracy of exp, tanh and the activations: samples of every exponent and a dense sweep where they bend, against
// double, for every instruction set of this machine. The limits are what math-inl.hpp states.
#ifdef TESSERA_WITH_CPU
#define TESSERA_CPU_FORM cpu_math_test
#define HWY_DISABLED_TARGETS HWY_SSSE3
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/test_math.cpp"
#include "hwy/foreach_target.h"

#include "tessera/backends/cpu/elementwise-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

struct ExpOfNegative {
  static HWY_INLINE Vec of(Vec x) { return exp_of_negative(x); }
};
struct GeluSlope {
  static HWY_INLINE Vec of(Vec x) { return gelu_slope(x); }
};

inline void exp_row(const float* x, float* y, Index n) { map_row<Exp>(x, y, n); }
inline void exp_of_negative_row(const float* x, float* y, Index n) { map_row<ExpOfNegative>(x, y, n); }
inline void tanh_row(const float* x, float* y, Index n) { map_row<Tanh>(x, y, n); }
inline void gelu_row(const float* x, float* y, Index n) { map_row<Gelu>(x, y, n); }
inline void gelu_tanh_row(const float* x, float* y, Index n) { map_row<GeluTanh>(x, y, n); }
inline void swish_row(const float* x, float* y, Index n) { map_row<Swish>(x, y, n); }
inline void relu_row(const float* x, float* y, Index n) { map_row<Relu>(x, y, n); }
inline void gelu_slope_row(const float* x, float* y, Index n) { map_row<GeluSlope>(x, y, n); }

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif

#if !defined(TESSERA_WITH_CPU)
#define BOOST_TEST_MODULE cpu_math
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_CASE(not_built_here) { BOOST_TEST_MESSAGE("the cpu backend is not built here"); }
#elif HWY_ONCE
#define BOOST_TEST_MODULE cpu_math
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "cpu/every_target.hpp"

namespace tessera::cpu_math_test {

HWY_EXPORT(exp_row);
HWY_EXPORT(exp_of_negative_row);
HWY_EXPORT(tanh_row);
HWY_EXPORT(gelu_row);
HWY_EXPORT(gelu_tanh_row);
HWY_EXPORT(swish_row);
HWY_EXPORT(relu_row);
HWY_EXPORT(gelu_slope_row);

namespace {

using Row = void (*)(const float*, float*, Index);

/// 64 numbers of each exponent and sign, and 20000 evenly spaced ones, inside [low, high].
std::vector<float> samples(double low, double high) {
  std::vector<float> x;
  const auto take = [&](float v) {
    if (static_cast<double>(v) >= low && static_cast<double>(v) <= high) x.push_back(v);
  };
  for (std::uint32_t exponent = 0; exponent < 255; ++exponent)
    for (std::uint32_t i = 0; i < 64; ++i)
      for (const std::uint32_t sign : {0U, 1U})
        take(std::bit_cast<float>(sign << 31 | exponent << 23 | ((i * 131071U + exponent * 7919U) & 0x7fffffU)));
  constexpr int steps = 20000;
  const double from = low < -100 ? -100 : low;
  const double to = high > 100 ? 100 : high;
  for (int i = 0; i <= steps; ++i) take(static_cast<float>(from + (to - from) * i / steps));
  x.push_back(0.0F);
  return x;
}

/// The largest error in units of the last place of the exact result (of a normal number), or of `floor` if that is
/// more.
template <class F>
double worst_ulps(Row row, const F& exact, double low, double high, double floor = 1.2e-38) {
  const std::vector<float> x = samples(low, high);
  std::vector<float> y(x.size());
  row(x.data(), y.data(), static_cast<Index>(x.size()));
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double want = exact(static_cast<double>(x[i]));
    const double size = std::fabs(want) > floor ? std::fabs(want) : floor;
    const double ulp = std::exp2(std::floor(std::log2(size)) - 23);
    const double error = std::fabs(static_cast<double>(y[i]) - want) / ulp;
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

float at(Row row, float x) {
  float y = 0;
  row(&x, &y, 1);
  return y;
}

double cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double gelu_tanh(double x) {
  const double u = std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x);
  return x / (1 + std::exp(-2 * u));
}

}  // namespace

BOOST_AUTO_TEST_CASE(errors_stay_within_a_few_units_of_the_last_place) {
  for_every_target([](const char* name) {
    BOOST_TEST_CONTEXT(name) {
      const auto report = [&](const char* what, double ulps, double most) {
        BOOST_TEST_MESSAGE(name << ": " << what << " " << ulps << " ulp");
        BOOST_TEST_CONTEXT(what) { BOOST_TEST(ulps <= most); }
      };
      const auto exp = [](double x) { return std::exp(x); };
      report("exp", worst_ulps(HWY_DYNAMIC_DISPATCH(exp_row), exp, -87.3, 88.72), 3);
      report("exp of negative", worst_ulps(HWY_DYNAMIC_DISPATCH(exp_of_negative_row), exp, -87.3, 0), 1);
      report("tanh",
             worst_ulps(
                 HWY_DYNAMIC_DISPATCH(tanh_row), [](double x) { return std::tanh(x); }, -1e38, 1e38),
             2);
      const auto gelu = [](double x) { return x * cdf(x); };
      report("gelu, x > -2", worst_ulps(HWY_DYNAMIC_DISPATCH(gelu_row), gelu, -2, 1e38), 5);
      report("gelu, x > -5", worst_ulps(HWY_DYNAMIC_DISPATCH(gelu_row), gelu, -5, 1e38), 40);
      report("gelu, x > -8", worst_ulps(HWY_DYNAMIC_DISPATCH(gelu_row), gelu, -8, 1e38), 1900);
      report("gelu, absolute as at 1", worst_ulps(HWY_DYNAMIC_DISPATCH(gelu_row), gelu, -1e38, 1e38, 1), 1);
      report("gelu_tanh, x > -2", worst_ulps(HWY_DYNAMIC_DISPATCH(gelu_tanh_row), gelu_tanh, -2, 1e38), 6);
      report("gelu_tanh, absolute as at 1", worst_ulps(HWY_DYNAMIC_DISPATCH(gelu_tanh_row), gelu_tanh, -1e38, 1e38, 1),
             2);
      const auto swish = [](double x) { return x / (1 + std::exp(-x)); };
      report("swish", worst_ulps(HWY_DYNAMIC_DISPATCH(swish_row), swish, -80, 1e38), 4);
      const auto slope = [](double x) { return cdf(x) + x * std::exp(-x * x / 2) * 0.39894228040143267794; };
      report("slope of gelu, absolute as at 1", worst_ulps(HWY_DYNAMIC_DISPATCH(gelu_slope_row), slope, -1e18, 1e18, 1),
             4);
    }
  });
}

BOOST_AUTO_TEST_CASE(ends_are_what_they_must_be) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  for_every_target([&](const char* name) {
    BOOST_TEST_CONTEXT(name) {
      const Row exp = HWY_DYNAMIC_DISPATCH(exp_row);
      const Row negative = HWY_DYNAMIC_DISPATCH(exp_of_negative_row);
      const Row tanh = HWY_DYNAMIC_DISPATCH(tanh_row);
      const Row gelu = HWY_DYNAMIC_DISPATCH(gelu_row);
      const Row gelu_tanh_of = HWY_DYNAMIC_DISPATCH(gelu_tanh_row);
      const Row swish = HWY_DYNAMIC_DISPATCH(swish_row);
      const Row relu = HWY_DYNAMIC_DISPATCH(relu_row);
      BOOST_TEST(at(exp, 0) == 1.0F);
      BOOST_TEST(at(exp, -infinity) == 0.0F);
      BOOST_TEST(at(exp, infinity) == infinity);
      BOOST_TEST(at(exp, 1e30F) == infinity);
      BOOST_TEST(at(negative, 0) == 1.0F);
      BOOST_TEST(at(negative, -infinity) == 0.0F);
      BOOST_TEST(at(negative, -1e30F) == 0.0F);
      BOOST_TEST(at(tanh, infinity) == 1.0F);
      BOOST_TEST(at(tanh, -infinity) == -1.0F);
      BOOST_TEST(at(tanh, 100.0F) == 1.0F);
      BOOST_TEST(at(gelu, infinity) == infinity);
      BOOST_TEST(at(gelu, 50.0F) == 50.0F);
      BOOST_TEST(std::fabs(at(gelu, -50.0F)) < 1e-14F);
      BOOST_TEST(std::fabs(at(gelu, -infinity)) < 1e-14F);
      BOOST_TEST(at(gelu_tanh_of, 50.0F) == 50.0F);
      BOOST_TEST(at(gelu_tanh_of, -50.0F) == 0.0F);
      BOOST_TEST(at(swish, 200.0F) == 200.0F);
      BOOST_TEST(at(swish, -200.0F) == 0.0F);
      for (const Row row : {exp, negative, tanh, gelu, gelu_tanh_of, swish, relu}) BOOST_TEST(std::isnan(at(row, nan)));
      for (const Row row : {tanh, gelu, gelu_tanh_of, swish, relu}) BOOST_TEST(at(row, 0.0F) == 0.0F);
    }
  });
}

}  // namespace tessera::cpu_math_test
#endif
