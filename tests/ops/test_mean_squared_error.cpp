// mean_squared_error: the mean of (x - target)^2.
#define BOOST_TEST_MODULE ops_mean_squared_error
#include "ops/op_check.hpp"
#include "tessera/ops/mean_squared_error.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({6, 3}, 1);
  const Input target = constant(numbers({18}, 2));
  double total = 0;
  for (Index i = 0; i < 18; ++i) total += std::pow(x[i] - target[i], 2);
  Check<op::mean_squared_error>({x, target}, {1}).gives({total / 18}).differentiates();
  Check<op::mean_squared_error>({apart(x), target}, {1}).gives({total / 18}).differentiates();
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto x = walk.tensor(4, 1);
  auto y = mean_squared_error(x, Walk::operand(DType::f32, 4));
  BOOST_CHECK(walk.fine());
  auto z = mean_squared_error(x, Walk::operand(DType::f32, 3));
  BOOST_CHECK(
      begins(walk.refusal(), "mean_squared_error: there must be a target for each element: expected 4, found 3"));
}
