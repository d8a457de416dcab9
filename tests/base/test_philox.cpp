// Philox4x32-10 against the known-answer vectors of Random123 (Salmon et al., 2011, kat_vectors), and the uniform
// and normal numbers made of it.
#define BOOST_TEST_MODULE base_philox
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tessera/base/normal.hpp"
#include "tessera/base/philox.hpp"

using tessera::Philox;

namespace {

constexpr bool equals(const Philox& p, std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return p.value[0] == a && p.value[1] == b && p.value[2] == c && p.value[3] == d;
}

}  // namespace

// key {k0, k1} as k1:k0, counter {c0..c3} as low c1:c0 and high c3:c2.
static_assert(equals(Philox::at(0, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
static_assert(equals(Philox::at(~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}), 0x408f276d, 0x41c83b0e,
                     0xa20bc7c6, 0x6d5451fd));
static_assert(equals(Philox::at(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e), 0xd16cfe09, 0x94fdcceb,
                     0x5001e420, 0x24126ea1));

BOOST_AUTO_TEST_CASE(known_answers_hold_at_run_time_too) {
  std::uint64_t key = 0x299f31d0a4093822;
  BOOST_TEST(
      equals(Philox::at(key, 0x85a308d3243f6a88, 0x0370734413198a2e), 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

BOOST_AUTO_TEST_CASE(uniform_numbers_fill_zero_to_one_and_never_reach_one) {
  BOOST_TEST(tessera::uniform(0) == 0.0F);
  BOOST_TEST(tessera::uniform(0xffffffffU) == 1.0F - 0x1p-24F);
  double sum = 0;
  constexpr int n = 40000;
  for (std::uint64_t i = 0; i < n; ++i)
    for (const std::uint32_t word : Philox::at(1, i, 2).value) sum += static_cast<double>(tessera::uniform(word));
  BOOST_TEST(std::fabs(sum / (4 * n) - 0.5) < 5 / std::sqrt(12.0 * 4 * n));
}

BOOST_AUTO_TEST_CASE(normal_numbers_have_mean_zero_and_variance_one_and_depend_on_seed_and_index) {
  constexpr std::uint64_t n = 100000;
  double sum = 0, squares = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto x = static_cast<double>(tessera::normal(3, i));
    BOOST_REQUIRE(std::isfinite(x));
    sum += x;
    squares += x * x;
  }
  BOOST_TEST(std::fabs(sum / n) < 5 / std::sqrt(1.0 * n));
  BOOST_TEST(std::fabs(squares / n - 1) < 5 * std::sqrt(2.0 / n));
  BOOST_TEST(tessera::normal(3, 0) != tessera::normal(4, 0));
  BOOST_TEST(tessera::normal(3, 0) != tessera::normal(3, 1));
  BOOST_TEST(tessera::normal(3, 7) == tessera::normal(3, 7));
}
