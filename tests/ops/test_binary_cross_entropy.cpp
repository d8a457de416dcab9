// binary_cross_entropy: against its formula, and where that would overflow.
#define BOOST_TEST_MODULE ops_binary_cross_entropy
#include "ops/op_check.hpp"
#include "tessera/ops/binary_cross_entropy.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({3, 2}, 1, 2), target = given({6}, {1, 0, 0, 1, 0.5, 1});
  double expected = 0;
  for (Index i = 0; i < 6; ++i) expected += (std::log(1 + std::exp(x[i])) - x[i] * target[i]) / 6;
  Check<op::binary_cross_entropy>({x, target}, {1}).gives({expected}).differentiates();
  Check<op::binary_cross_entropy>({apart(x), target}, {1}).gives({expected});
}

BOOST_AUTO_TEST_CASE(large_logits) {
  Check<op::binary_cross_entropy>({given({2}, {2000, -2000}), given({2}, {0, 0})}, {1}).gives({1000});
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto x = walk.tensor(4, 1);
  auto y = binary_cross_entropy(x, Walk::operand(DType::f32, 4));
  BOOST_CHECK(walk.fine());
  auto z = binary_cross_entropy(x, Walk::operand(DType::f32, 3));
  BOOST_CHECK(begins(walk.refusal(), "binary_cross_entropy: there must be a target for each element"));
}
