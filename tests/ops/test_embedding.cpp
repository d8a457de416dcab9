// embedding: rows of a table by id.
#define BOOST_TEST_MODULE ops_embedding
#include "ops/op_check.hpp"
#include "tessera/ops/embedding.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Input table = numbers({6, 5}, 1);
  const Input ids = integers({4}, {5, 0, 2, 2});
  const auto formula = [&](Index i) { return table[static_cast<Index>(ids[i / 5]) * 5 + i % 5]; };
  Check<op::embedding>({table, ids}, {4, 5}).gives(formula);
  Check<op::embedding>({apart(table), ids}, {4, 5}).gives(formula);
  Check<op::embedding>({table, integers({2, 2}, ids.value)}, {4, 5}).gives(formula);
  Check<op::embedding>({table, integers({0}, {})}, {0, 5}).gives(std::vector<double>());
}

BOOST_AUTO_TEST_CASE(ids_outside_of_the_table) {
  const Check<op::embedding> check({given({2, 2}, {1, 2, 3, 4}), integers({3}, {-1, 1, 2})}, {3, 2});
  BOOST_CHECK(asserts([&] { check_close(check.forward(), {0, 0, 3, 4, 0, 0}, 0, 0); }));
}

BOOST_AUTO_TEST_CASE(gradient) {
  Check<op::embedding>({numbers({6, 5}, 1), integers({4}, {5, 0, 2, 2})}, {4, 5}).differentiates();
}

BOOST_AUTO_TEST_CASE(padding_row) {
  const auto dtable = Check<op::embedding>({numbers({3, 1}, 1), integers({3}, {0, 1, 2})}, {3, 1}, {1}).gradients()[0];
  check_close(dtable, {number(999, 0), 0, number(999, 2)}, 0, 1e-15);
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  const Param<dyn, 8> table(ParamUse::table, Extents<dyn, 8>(10, 8));
  auto y = embedding(walk.context, table, Walk::operand(DType::i32, 2, 3));
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(0), 6);
  BOOST_CHECK_EQUAL(y.size(1), 8);
  auto first = take_rows(y, Walk::operand(DType::i32, 2));
  BOOST_CHECK_EQUAL(first.size(0), 2);
  BOOST_CHECK_EQUAL(first.size(1), 8);
}
