// columns: a slice of each row.
#define BOOST_TEST_MODULE ops_columns
#include "ops/op_check.hpp"
#include "tessera/ops/columns.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({4, 7}, 1);
  for (Index first : {0, 3, 5}) {
    const auto formula = [&](Index i) { return x[i / 2 * 7 + first + i % 2]; };
    Check<op::columns>({x}, {4, 2}, {first}).gives(formula).differentiates();
    Check<op::columns>({apart(x)}, {4, 2}, {first}).gives(formula);
  }
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto x = walk.tensor(4, 7);
  auto y = columns(x, 5, 2);
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(1), 2);
  const auto constant = columns<3>(x, 4);
  static_assert(size_of_dim<decltype(constant), 1> == 3);
  auto past = columns(x, 6, 2);
  BOOST_CHECK(begins(walk.refusal(), "columns: they must lie inside of x: expected 7, found 8"));
  auto before = columns(x, -1, 2);
  BOOST_CHECK(begins(walk.refusal(), "columns: they must lie inside of x"));
  auto none = columns(x, 0);
  BOOST_CHECK(begins(walk.refusal(), "columns: they must lie inside of x"));
}
