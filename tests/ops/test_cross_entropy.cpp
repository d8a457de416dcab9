// cross_entropy: mean over the rows that count.
#define BOOST_TEST_MODULE ops_cross_entropy
#include "ops/op_check.hpp"
#include "tessera/ops/cross_entropy.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
double formula(const Input& x, const std::vector<double>& labels, double ignored) {
  const Index classes = x.dim[1];
  double total = 0;
  double counted = 0;
  for (std::size_t r = 0; r < labels.size(); ++r) {
    if (labels[r] == ignored) continue;
    double sum = 0;
    for (Index c = 0; c < classes; ++c) sum += std::exp(x[static_cast<Index>(r) * classes + c]);
    total -= std::log(std::exp(x[static_cast<Index>(r) * classes + static_cast<Index>(labels[r])]) / sum);
    ++counted;
  }
  return total / counted;
}
}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({4, 5}, 1, 2);
  for (const Input& logits : {x, apart(x)}) {
    Check<op::cross_entropy>({logits, integers({4}, {0, 4, 2, 2})}, {1})
        .gives({formula(x, {0, 4, 2, 2}, -1)})
        .differentiates();
    Check<op::cross_entropy>({logits, integers({4}, {0, -1, 2, -1})}, {1})
        .gives({formula(x, {0, -1, 2, -1}, -1)})
        .differentiates();
    // The ignored label may be a class.
    Check<op::cross_entropy>({logits, integers({4}, {0, 3, 3, 1})}, {1}, {3})
        .gives({formula(x, {0, 3, 3, 1}, 3)})
        .differentiates();
  }
  Check<op::cross_entropy>({given({1, 3}, {1000, 998, -1000}), integers({1}, {1})}, {1})
      .gives({2 + std::log1p(std::exp(-2.0))});
}

BOOST_AUTO_TEST_CASE(no_label_counts) {
  const Check<op::cross_entropy> check({numbers({2, 3}, 1), integers({2}, {-100, -100})}, {1}, {-100});
  check.gives({std::numeric_limits<double>::quiet_NaN()});
  check_close(check.gradients()[0], {0, 0, 0, 0, 0, 0}, 0, 1e-15);
}

BOOST_AUTO_TEST_CASE(labels_that_are_no_class) {
  const Input x = numbers({2, 3}, 1);
  BOOST_CHECK(asserts([&] {
    check_close(Check<op::cross_entropy>({x, integers({2}, {3, 1})}, {1}).forward(), {formula(x, {-1, 1}, -1)}, 1e-12,
                0);
  }));
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto x = walk.tensor(4, 5);
  auto y = cross_entropy(x, Walk::operand(DType::i32, 4));
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.view().count(), 1);
  auto z = cross_entropy(x, Walk::operand(DType::i32, 3));
  BOOST_CHECK(begins(walk.refusal(), "cross_entropy: there must be a label for each row: expected 4, found 3"));
}
