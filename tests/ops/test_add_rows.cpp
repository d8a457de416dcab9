// add_rows: rows added at their places.
#define BOOST_TEST_MODULE ops_add_rows
#include "ops/op_check.hpp"
#include "tessera/ops/add_rows.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({5, 3}, 1), y = numbers({2, 3}, 2), rows = integers({2}, {4, 1});
  const auto formula = [&](Index i) {
    const Index row = i / 3, from = row == 4 ? 0 : row == 1 ? 1 : -1;
    return x[i] + (from < 0 ? 0.0 : y[from * 3 + i % 3]);
  };
  Check<op::add_rows>({x, y, rows}, {5, 3}).gives(formula).in_place().differentiates();
  Check<op::add_rows>({apart(x), apart(y), rows}, {5, 3}).gives(formula);
}

BOOST_AUTO_TEST_CASE(a_row_outside_of_x) {
  const Check<op::add_rows> check({given({1, 2}, {1, 2}), given({2, 2}, {3, 4, 5, 6}), integers({2}, {1, -1})}, {1, 2});
  BOOST_CHECK(asserts([&] { check_close(check.forward(), {1, 2}, 0, 0); }));
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto y = walk.tensor(2, 3);
  auto sum = add_rows(walk.tensor(5, 3), y, Walk::operand(DType::i32, 2));
  BOOST_CHECK(walk.fine());
  auto narrow = add_rows(walk.tensor(5, 4), y, Walk::operand(DType::i32, 2));
  BOOST_CHECK(begins(walk.refusal(), "add_rows: both must have as many columns: expected 4, found 3"));
  auto places = add_rows(walk.tensor(5, 3), y, Walk::operand(DType::i32, 3));
  BOOST_CHECK(begins(walk.refusal(), "add_rows: there must be a place for each row: expected 2, found 3"));
}
