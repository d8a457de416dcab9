// gelu: y = x / 2 * (1 + erf(x / sqrt(2))).
#define BOOST_TEST_MODULE ops_gelu
#include "ops/op_check.hpp"
#include "tessera/ops/gelu.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
double formula(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }
}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({5, 7}, 1, 3);
  Check<op::gelu>({x}, {5, 7}).gives([&](Index i) { return formula(x[i]); }).in_place();
  Check<op::gelu>({apart(x)}, {5, 7}).gives([&](Index i) { return formula(x[i]); }).in_place();
  const Input tensor = numbers({2, 3, 1, 5}, 2);
  Check<op::gelu>({tensor}, {2, 3, 1, 5}).gives([&](Index i) { return formula(tensor[i]); });
  Check<op::gelu>({numbers({0, 7}, 1)}, {0, 7}).gives(std::vector<double>());
}

BOOST_AUTO_TEST_CASE(gradient) {
  Check<op::gelu>({numbers({5, 7}, 3, 2)}, {5, 7}).differentiates();
  Check<op::gelu>({apart(numbers({3, 5}, 4))}, {3, 5}).differentiates();
}

BOOST_AUTO_TEST_CASE(special_numbers) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  // -9: the tail that 1 + erf would lose.
  Check<op::gelu>({given({1, 4}, {infinity, nan, 0, -9})}, {1, 4}).gives({infinity, nan, 0, -1.0157270666653606e-18});
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto y = gelu(walk.tensor(3, 5));
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(0), 3);
  BOOST_CHECK_EQUAL(y.size(1), 5);
}
