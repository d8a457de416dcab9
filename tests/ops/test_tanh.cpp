// tanh: y = tanh(x).
#define BOOST_TEST_MODULE ops_tanh
#include "ops/op_check.hpp"
#include "tessera/ops/tanh.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
double formula(double x) { return (std::exp(x) - std::exp(-x)) / (std::exp(x) + std::exp(-x)); }
}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({5, 7}, 1, 3);
  Check<op::tanh>({x}, {5, 7}).gives([&](Index i) { return formula(x[i]); }).in_place();
  Check<op::tanh>({apart(x)}, {5, 7}).gives([&](Index i) { return formula(x[i]); }).in_place();
  const Input tensor = numbers({2, 3, 1, 5}, 2);
  Check<op::tanh>({tensor}, {2, 3, 1, 5}).gives([&](Index i) { return formula(tensor[i]); });
  Check<op::tanh>({numbers({0, 7}, 1)}, {0, 7}).gives(std::vector<double>());
}

BOOST_AUTO_TEST_CASE(gradient) {
  Check<op::tanh>({numbers({5, 7}, 3, 2)}, {5, 7}).differentiates();
  Check<op::tanh>({apart(numbers({3, 5}, 4))}, {3, 5}).differentiates();
}

BOOST_AUTO_TEST_CASE(special_numbers) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Check<op::tanh>({given({1, 4}, {infinity, -infinity, nan, 0})}, {1, 4}).gives({1, -1, nan, 0});
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto y = tanh(walk.tensor(3, 5));
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(0), 3);
  BOOST_CHECK_EQUAL(y.size(1), 5);
}
