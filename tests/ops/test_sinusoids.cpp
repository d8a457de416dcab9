// sinusoids: against their formula, with frequencies of a checkpoint and with their own.
#define BOOST_TEST_MODULE ops_sinusoids
#include "ops/op_check.hpp"
#include "tessera/ops/sinusoids.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Input positions = integers({5}, {3, 0, -2, 1000, 1});
  const Input given_frequencies = constant(numbers({4}, 1));
  for (bool has : {false, true}) {
    const auto formula = [&](Index i) {
      const Index column = i % 8, half = column % 4;
      const double f = has ? given_frequencies[half] : std::pow(10000.0, -static_cast<double>(half) / 4);
      const double angle = positions[i / 8] * f;
      return column < 4 ? std::sin(angle) : std::cos(angle);
    };
    Check<op::sinusoids>({positions, has ? given_frequencies : Input()}, {5, 8}).gives(formula);
  }
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto y = sinusoids(walk.context, Walk::operand(DType::i32, 5), Walk::operand(DType::f32, 4), 8);
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(0), 5);
  auto odd = sinusoids(walk.context, Walk::operand(DType::i32, 5), Operand(), 7);
  BOOST_CHECK(begins(walk.refusal(), "sinusoids: the width must be even"));
  auto few = sinusoids(walk.context, Walk::operand(DType::i32, 5), Walk::operand(DType::f32, 3), 8);
  BOOST_CHECK(begins(walk.refusal(), "sinusoids: there must be a frequency for two columns: expected 4, found 3"));
}
