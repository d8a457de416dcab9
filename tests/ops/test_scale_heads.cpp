// scale_heads: y[b, h] = x[b, h] * factor[h].
#define BOOST_TEST_MODULE ops_scale_heads
#include "ops/op_check.hpp"
#include "tessera/ops/scale_heads.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({2, 3, 4, 5}, 1);
  const Input factor = given({3}, {0, 1, -0.5});
  const auto formula = [&](Index i) { return x[i] * factor[i / 20 % 3]; };
  Check<op::scale_heads>({x, factor}, {2, 3, 4, 5}).gives(formula).in_place();
  Check<op::scale_heads>({apart(x), factor}, {2, 3, 4, 5}).gives(formula).in_place();
}

BOOST_AUTO_TEST_CASE(gradient) {
  Check<op::scale_heads>({numbers({2, 3, 2, 5}, 1), numbers({3}, 2)}, {2, 3, 2, 5}).differentiates();
  Check<op::scale_heads>({numbers({2, 3, 2, 5}, 1), constant(numbers({3}, 2))}, {2, 3, 2, 5}).differentiates();
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto y = scale_heads(walk.tensor(2, 3, 4, 4), Walk::operand(DType::f32, 12));
  BOOST_CHECK(
      begins(walk.refusal(), "head_mask: it must have an entry for each head that is left: expected 3, found 12"));
}
