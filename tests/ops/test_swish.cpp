// swish: y = x / (1 + exp(-x)).
#define BOOST_TEST_MODULE ops_swish
#include "ops/op_check.hpp"
#include "tessera/ops/swish.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
double formula(double x) { return x / (1 + std::exp(-x)); }
}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({5, 7}, 1, 3);
  Check<op::swish>({x}, {5, 7}).gives([&](Index i) { return formula(x[i]); }).in_place();
  Check<op::swish>({apart(x)}, {5, 7}).gives([&](Index i) { return formula(x[i]); }).in_place();
  const Input tensor = numbers({2, 3, 1, 5}, 2);
  Check<op::swish>({tensor}, {2, 3, 1, 5}).gives([&](Index i) { return formula(tensor[i]); });
  Check<op::swish>({numbers({0, 7}, 1)}, {0, 7}).gives(std::vector<double>());
}

BOOST_AUTO_TEST_CASE(gradient) {
  Check<op::swish>({numbers({5, 7}, 3, 2)}, {5, 7}).differentiates();
  Check<op::swish>({apart(numbers({3, 5}, 4))}, {3, 5}).differentiates();
}

BOOST_AUTO_TEST_CASE(special_numbers) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Check<op::swish>({given({1, 4}, {infinity, nan, 0, -1000})}, {1, 4}).gives({infinity, nan, 0, 0});
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto y = swish(walk.tensor(3, 5));
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(0), 3);
  BOOST_CHECK_EQUAL(y.size(1), 5);
}
