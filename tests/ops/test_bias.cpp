// bias: y = x + b for each row.
#define BOOST_TEST_MODULE ops_bias
#include "ops/op_check.hpp"
#include "tessera/ops/bias.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({5, 6}, 1);
  const Input b = numbers({6}, 2);
  const auto formula = [&](Index i) { return x[i] + b[i % 6]; };
  Check<op::bias>({x, b}, {5, 6}).gives(formula).in_place();
  Check<op::bias>({apart(x), b}, {5, 6}).gives(formula).in_place();
  Check<op::bias>({x, numbers({2, 3}, 2)}, {5, 6}).gives(formula);  // [heads, width]
}

BOOST_AUTO_TEST_CASE(gradient) {
  Check<op::bias>({numbers({4, 6}, 1), numbers({2, 3}, 2)}, {4, 6}).differentiates();
  Check<op::bias>({constant(numbers({4, 6}, 1)), numbers({6}, 2)}, {4, 6}).differentiates();
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  {
    const Param<dyn, dyn> b(ParamUse::vector, Extents<dyn, dyn>(2, 3));
    auto y = bias(walk.tensor(4, 6), b);
    BOOST_CHECK(walk.fine());
  }
  const Param<dyn> b(ParamUse::vector, Extents<dyn>(5));
  auto y = bias(walk.tensor(4, 6), b);
  BOOST_CHECK(begins(walk.refusal(), "bias: it must have an element for each column of x: expected 6, found 5"));
}
