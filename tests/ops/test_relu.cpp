// relu: y = max(x, 0).
#define BOOST_TEST_MODULE ops_relu
#include "ops/op_check.hpp"
#include "tessera/ops/relu.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
double formula(double x) { return x > 0 ? x : 0; }
}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({5, 7}, 1, 3);
  Check<op::relu>({x}, {5, 7}).gives([&](Index i) { return formula(x[i]); }).in_place();
  Check<op::relu>({apart(x)}, {5, 7}).gives([&](Index i) { return formula(x[i]); }).in_place();
  const Input tensor = numbers({2, 3, 1, 5}, 2);
  Check<op::relu>({tensor}, {2, 3, 1, 5}).gives([&](Index i) { return formula(tensor[i]); });
  Check<op::relu>({numbers({0, 7}, 1)}, {0, 7}).gives(std::vector<double>());
}

BOOST_AUTO_TEST_CASE(gradient) {
  Check<op::relu>({numbers({5, 7}, 3, 2)}, {5, 7}).differentiates();
  Check<op::relu>({apart(numbers({3, 5}, 4))}, {3, 5}).differentiates();
}

BOOST_AUTO_TEST_CASE(special_numbers) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Check<op::relu>({given({1, 4}, {infinity, -infinity, nan, 0})}, {1, 4}).gives({infinity, 0, nan, 0});
  // At 0 the gradient is 0; NaN lets it through, as any number that is not below 0.
  Input x = given({1, 3}, {0, nan, 1});
  x.gradient = true;
  const auto dx = Check<op::relu>({x}, {1, 3}).gradients()[0];
  BOOST_CHECK_SMALL(dx[0], 1e-15);
  check_close({dx[1], dx[2]}, {number(999, 1), number(999, 2)}, 0, 1e-15);
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto y = relu(walk.tensor(3, 5));
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(0), 3);
  BOOST_CHECK_EQUAL(y.size(1), 5);
}
