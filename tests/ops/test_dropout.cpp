// dropout: how often, which elements, and the same ones again.
#define BOOST_TEST_MODULE ops_dropout
#include "ops/op_check.hpp"
#include "tessera/ops/dropout.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
std::vector<double> mask(Index rows, Index columns, const op::dropout::Attributes& attributes, Index gap = 0) {
  const Input ones =
      apart(given({rows, columns}, std::vector<double>(static_cast<std::size_t>(rows * columns), 1)), gap);
  return Check<op::dropout>({ones}, {rows, columns}, attributes).forward();
}
}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  // The stream as the op's header states it, word by word.
  const op::dropout::Attributes attributes{0.3, 42, 7};
  const Input x = numbers({5, 7}, 1);
  const auto formula = [&](Index i) {
    const auto element = static_cast<std::uint64_t>(i);
    const std::uint32_t word = Philox::at(42, element / 4, 7).value[element % 4];
    return static_cast<double>(word >> 8) / 16777216.0 >= 0.3 ? x[i] / 0.7 : 0.0;
  };
  Check<op::dropout>({x}, {5, 7}, attributes).gives(formula).in_place();
  Check<op::dropout>({apart(x)}, {5, 7}, attributes).gives(formula).in_place();
  // What is dropped is 0, whatever it was.
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Check<op::dropout>({given({1, 2}, {nan, nan})}, {1, 2}, {1.0, 1, 1}).gives({0, 0});
}

BOOST_AUTO_TEST_CASE(statistics) {
  for (double rate : {0.1, 0.5, 0.9}) {
    const std::vector<double> y = mask(400, 250, {rate, 2026, 3});
    double kept = 0;
    for (double v : y) {
      kept += v != 0;
      BOOST_REQUIRE(v == 0 || v == 1 / (1 - rate));
    }
    // Five standard deviations of a binomial distribution.
    const double n = 100000;
    BOOST_CHECK_SMALL(kept / n - (1 - rate), 5 * std::sqrt(rate * (1 - rate) / n));
  }
  BOOST_CHECK(mask(2, 50, {0.0, 1, 1}) == std::vector<double>(100, 1.0));
}

BOOST_AUTO_TEST_CASE(streams) {
  const std::vector<double> y = mask(10, 50, {0.5, 11, 5});
  BOOST_CHECK(y == mask(10, 50, {0.5, 11, 5}));
  BOOST_CHECK(y == mask(50, 10, {0.5, 11, 5}));     // the number of the element counts, not the shape
  BOOST_CHECK(y == mask(10, 50, {0.5, 11, 5}, 3));  // nor where it lies
  BOOST_CHECK(y != mask(10, 50, {0.5, 11, 6}));
  BOOST_CHECK(y != mask(10, 50, {0.5, 12, 5}));
  // The masks of two ops are independent: they agree on about half of the elements.
  const std::vector<double> other = mask(10, 50, {0.5, 11, 6});
  int same = 0;
  for (std::size_t i = 0; i < y.size(); ++i) same += y[i] == other[i];
  BOOST_CHECK_SMALL(same / 500.0 - 0.5, 5 * std::sqrt(0.25 / 500));
}

BOOST_AUTO_TEST_CASE(gradient) {
  // The same elements as forward.
  Check<op::dropout>({numbers({3, 5}, 1)}, {3, 5}, {0.4, 9, 2}).differentiates();
}

BOOST_AUTO_TEST_CASE(inference) {
  Walk walk;
  auto x = walk.tensor(3, 5);
  auto y = dropout(std::move(x), 0.5);
  BOOST_CHECK_EQUAL(walk.context.plan().ops, 0);
  BOOST_CHECK_EQUAL(y.size(1), 5);
}
