// replace_hidden: by element and by row.
#define BOOST_TEST_MODULE ops_replace_hidden
#include "ops/op_check.hpp"
#include "tessera/ops/replace_hidden.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Input x = numbers({3, 2}, 1), by_element = given({3, 2}, {1, 0, 0.25, 1, 1, 0}), by_row = given({3}, {1, 0, 1});
  for (double value : {0.0, -1e30, 2.5}) {
    Check<op::replace_hidden>({x, by_element}, {3, 2}, {value})
        .gives([&](Index i) { return x[i] * by_element[i] + (1 - by_element[i]) * value; })
        .in_place();
    Check<op::replace_hidden>({apart(x), by_row}, {3, 2}, {value}).gives([&](Index i) {
      return x[i] * by_row[i / 2] + (1 - by_row[i / 2]) * value;
    });
  }
  Check<op::replace_hidden>({x, by_element}, {3, 2}, {2.5}).differentiates();
  Check<op::replace_hidden>({x, by_row}, {3, 2}, {0.0}).differentiates();
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto y = replace_hidden(walk.tensor(4, 3), Walk::operand(DType::f32, 4, 3), 0);
  auto z = replace_hidden(walk.tensor(4, 3), Walk::operand(DType::f32, 4), 0);
  BOOST_CHECK(walk.fine());
  auto wrong = replace_hidden(walk.tensor(4, 3), Walk::operand(DType::f32, 3), 0);
  BOOST_CHECK(begins(walk.refusal(), "replace_hidden: keep must have an element for each of x or for each row"));
}
