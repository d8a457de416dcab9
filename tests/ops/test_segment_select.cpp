// segment_select: the score of the relation of a query and a key.
#define BOOST_TEST_MODULE ops_segment_select
#include "ops/op_check.hpp"
#include "tessera/ops/segment_select.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
Input relations() {
  Input r = integers({2, 3, 5}, {});
  for (int i = 0; i < 30; ++i) r.value.push_back(i % 7 % 2);
  return r;
}
}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({1, 4, 6, 2}, 1);
  const Input relation = relations();
  const auto formula = [&](Index i) {
    const Index text = i / 60, head = i / 15 % 4, query = i / 5 % 3;
    const Index place = text * 3 + query;
    return x[(head * 6 + place) * 2 + static_cast<Index>(relation[place * 5 + i % 5])];
  };
  Check<op::segment_select>({x, relation}, {2, 4, 3, 5}).gives(formula).differentiates();
  Check<op::segment_select>({apart(x), relation}, {2, 4, 3, 5}).gives(formula);
}

BOOST_AUTO_TEST_CASE(relations_outside_of_the_scores) {
  const Check<op::segment_select> check({given({1, 1, 1, 2}, {5, 6}), integers({1, 1, 3}, {-1, 1, 2})}, {1, 1, 1, 3});
  BOOST_CHECK(asserts([&] { check_close(check.forward(), {0, 6, 0}, 0, 0); }));
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto x = walk.tensor(1, 4, 6, 2);
  auto y = segment_select(x, Walk::operand(DType::i32, 2, 3, 5));
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(0), 2);
  BOOST_CHECK_EQUAL(y.size(3), 5);
  auto z = segment_select(x, Walk::operand(DType::i32, 2, 4, 5));
  BOOST_CHECK(
      begins(walk.refusal(), "segment_select: the relation must be [texts, queries, keys]: expected 6, found 8"));
  auto w = segment_select(x, Walk::operand(DType::i32, 3, 5));
  BOOST_CHECK(begins(walk.refusal(), "segment_select: the relation must be [texts, queries, keys]"));
}
