// negative_log_likelihood: cross entropy of each row.
#define BOOST_TEST_MODULE ops_negative_log_likelihood
#include "ops/op_check.hpp"
#include "tessera/ops/negative_log_likelihood.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({3, 5}, 1, 2), labels = integers({3}, {4, 0, 2});
  const auto formula = [&](Index r) {
    double sum = 0;
    for (Index c = 0; c < 5; ++c) sum += std::exp(x[r * 5 + c]);
    return std::log(sum) - x[r * 5 + static_cast<Index>(labels[r])];
  };
  Check<op::negative_log_likelihood>({x, labels}, {3, 1}).gives(formula).differentiates();
  Check<op::negative_log_likelihood>({apart(x), labels}, {3, 1}).gives(formula);
}

BOOST_AUTO_TEST_CASE(a_label_that_is_no_class) {
  const Check<op::negative_log_likelihood> check({given({2, 2}, {1, 2, 3, 3}), integers({2}, {2, -1})}, {2, 1});
  BOOST_CHECK(asserts([&] { check_close(check.forward(), {0, 0}, 0, 0); }));
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto x = walk.tensor(4, 7);
  auto y = negative_log_likelihood(x, Walk::operand(DType::i32, 4));
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(0), 4);
  auto z = negative_log_likelihood(x, Walk::operand(DType::i32, 3));
  BOOST_CHECK(
      begins(walk.refusal(), "negative_log_likelihood: there must be a label for each row: expected 4, found 3"));
}
