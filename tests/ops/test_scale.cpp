// scale: y = factor * x.
#define BOOST_TEST_MODULE ops_scale
#include "ops/op_check.hpp"
#include "tessera/ops/scale.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({5, 7}, 1);
  for (double factor : {0.1, -3.0, 0.0}) {
    const auto formula = [&](Index i) { return factor * x[i]; };
    Check<op::scale>({x}, {5, 7}, {factor}).gives(formula).in_place();
    Check<op::scale>({apart(x)}, {5, 7}, {factor}).gives(formula).in_place();
  }
}

BOOST_AUTO_TEST_CASE(gradient) { Check<op::scale>({numbers({3, 5}, 1)}, {3, 5}, {-0.7}).differentiates(); }

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto y = scale(walk.tensor(3, 5), 2);
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(1), 5);
}
