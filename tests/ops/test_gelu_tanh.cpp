// gelu_tanh: y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))).
#define BOOST_TEST_MODULE ops_gelu_tanh
#include "ops/op_check.hpp"
#include "tessera/ops/gelu_tanh.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
double formula(double x) {
  return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * std::pow(x, 3))));
}
}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({5, 7}, 1, 3);
  Check<op::gelu_tanh>({x}, {5, 7}).gives([&](Index i) { return formula(x[i]); }).in_place();
  Check<op::gelu_tanh>({apart(x)}, {5, 7}).gives([&](Index i) { return formula(x[i]); }).in_place();
  const Input tensor = numbers({2, 3, 1, 5}, 2);
  Check<op::gelu_tanh>({tensor}, {2, 3, 1, 5}).gives([&](Index i) { return formula(tensor[i]); });
  Check<op::gelu_tanh>({numbers({0, 7}, 1)}, {0, 7}).gives(std::vector<double>());
}

BOOST_AUTO_TEST_CASE(gradient) {
  Check<op::gelu_tanh>({numbers({5, 7}, 3, 2)}, {5, 7}).differentiates();
  Check<op::gelu_tanh>({apart(numbers({3, 5}, 4))}, {3, 5}).differentiates();
}

BOOST_AUTO_TEST_CASE(special_numbers) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Check<op::gelu_tanh>({given({1, 4}, {infinity, nan, 0, static_cast<double>(1e30F)})}, {1, 4})
      .gives({infinity, nan, 0, static_cast<double>(1e30F)});
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto y = gelu_tanh(walk.tensor(3, 5));
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(0), 3);
  BOOST_CHECK_EQUAL(y.size(1), 5);
}
