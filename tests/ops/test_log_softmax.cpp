// log_softmax: against its formula, alone and given the probability of a cluster.
#define BOOST_TEST_MODULE ops_log_softmax
#include "ops/op_check.hpp"
#include "tessera/ops/log_softmax.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
double formula(const Input& x, Index columns, Index i) {
  double sum = 0;
  for (Index c = 0; c < columns; ++c) sum += std::exp(x[i / columns * columns + c]);
  return x[i] - std::log(sum);
}
}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({3, 5}, 1, 2);
  Check<op::log_softmax>({x}, {3, 5}).gives([&](Index i) { return formula(x, 5, i); }).in_place().differentiates();
  Check<op::log_softmax>({apart(x)}, {3, 5}).gives([&](Index i) { return formula(x, 5, i); });
}

BOOST_AUTO_TEST_CASE(given_a_cluster) {
  const Input x = numbers({3, 5}, 1, 2), given = numbers({3, 4}, 2);
  for (Index column : {0, 3})
    Check<op::log_softmax>({x, given}, {3, 5}, {column})
        .gives([&](Index i) { return formula(x, 5, i) + given[i / 5 * 4 + column]; })
        .in_place()
        .differentiates();
}

BOOST_AUTO_TEST_CASE(large_logits_do_not_overflow) {
  Check<op::log_softmax>({given({1, 3}, {1000, 0, -1000})}, {1, 3}).gives({0, -1000, -2000});
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto y = log_softmax(walk.tensor(4, 7));
  auto given = walk.tensor(4, 3);
  auto z = log_softmax_given(walk.tensor(4, 7), given, 2);
  BOOST_CHECK(walk.fine());
  auto rows = log_softmax_given(walk.tensor(5, 7), given, 2);
  BOOST_CHECK(begins(walk.refusal(), "log_softmax: what is given must have as many rows: expected 5, found 4"));
  auto column = log_softmax_given(walk.tensor(4, 7), given, 3);
  BOOST_CHECK(begins(walk.refusal(), "log_softmax: the column must lie inside of what is given"));
}
