// concat: columns joined, and memories put before texts.
#define BOOST_TEST_MODULE ops_concat
#include "ops/op_check.hpp"
#include "tessera/ops/concat.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(columns_of_three) {
  const Input a = numbers({4, 3}, 1), b = numbers({4, 1}, 2), c = numbers({4, 2}, 3);
  const auto formula = [&](Index i) {
    const Index row = i / 6, column = i % 6;
    return column < 3 ? a[row * 3 + column] : column < 4 ? b[row] : c[row * 2 + column - 4];
  };
  Check<op::concat>({a, b, c}, {4, 6}, {4}).gives(formula).differentiates();
  Check<op::concat>({apart(a), apart(b), apart(c)}, {4, 6}, {4}).gives(formula);
}

BOOST_AUTO_TEST_CASE(memory_before_each_text) {
  const Input memory = numbers({2 * 3, 4}, 1), x = numbers({2 * 2, 4}, 2);
  const auto formula = [&](Index i) {
    const Index text = i / 20, row = i / 4 % 5, column = i % 4;
    return row < 3 ? memory[(text * 3 + row) * 4 + column] : x[(text * 2 + row - 3) * 4 + column];
  };
  Check<op::concat>({memory, x}, {10, 4}, {2}).gives(formula).differentiates();
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto a = walk.tensor(6, 4);
  auto b = walk.tensor(6, 2);
  auto joined = concat_columns(a, b);
  BOOST_CHECK_EQUAL(joined.size(1), 6);
  auto c = walk.tensor(4, 4);
  auto texts = concat_texts(a.operand(), c, 2);
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(texts.size(0), 10);
  auto rows = concat_columns(a, c);
  BOOST_CHECK(begins(walk.refusal(), "concat: all must have as many rows: expected 6, found 4"));
  auto widths = concat_texts(b.operand(), c, 2);
  BOOST_CHECK(begins(walk.refusal(), "concat: both must have as many columns: expected 4, found 2"));
  auto odd = concat_texts(a.operand(), c, 4);
  BOOST_CHECK(begins(walk.refusal(), "concat: rows must be a multiple of the texts"));
}
