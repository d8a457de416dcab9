// add: y = a + b.
#define BOOST_TEST_MODULE ops_add
#include "ops/op_check.hpp"
#include "tessera/ops/add.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Input a = numbers({5, 7}, 1);
  const Input b = numbers({5, 7}, 2);
  const auto formula = [&](Index i) { return a[i] + b[i]; };
  Check<op::add>({a, b}, {5, 7}).gives(formula).in_place();
  Check<op::add>({apart(a), b}, {5, 7}).gives(formula).in_place();
  Check<op::add>({a, apart(b, 1)}, {5, 7}).gives(formula).in_place();
  Check<op::add>({numbers({0, 3}, 1), numbers({0, 3}, 1)}, {0, 3}).gives(std::vector<double>());
}

BOOST_AUTO_TEST_CASE(gradient) {
  Check<op::add>({numbers({3, 5}, 1), numbers({3, 5}, 2)}, {3, 5}).differentiates();
  Check<op::add>({constant(numbers({3, 5}, 1)), numbers({3, 5}, 2)}, {3, 5}).differentiates();
}

BOOST_AUTO_TEST_CASE(both_sides_the_same_value) {
  // Both gradients are then the same memory, and both terms count.
  double dx[2] = {1, 1};
  double dy[2] = {0.5, 2};
  const View in[] = {View::of(nullptr, DType::f64, 1, 2), View::of(nullptr, DType::f64, 1, 2)};
  const View in_grad[] = {View::of(dx, DType::f64, 1, 2), View::of(dx, DType::f64, 1, 2)};
  VjpCall call;
  call.in = in;
  call.in_grad = in_grad;
  call.out_grad = View::of(dy, DType::f64, 1, 2);
  reference::add_vjp<double>(call);
  BOOST_CHECK_EQUAL(dx[0], 2);
  BOOST_CHECK_EQUAL(dx[1], 5);
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  {
    auto y = add(walk.tensor(3, 5), walk.tensor(3, 5));
    BOOST_CHECK(walk.fine());
  }
  {
    auto y = add(walk.tensor(3, 5), walk.tensor(3, 4));
    BOOST_CHECK(begins(walk.refusal(), "add: both sides must have the same sizes: expected 15, found 12"));
  }
  // Also where the number of elements is the same.
  auto y = add(walk.tensor(3, 5), walk.tensor(5, 3));
  BOOST_CHECK(begins(walk.refusal(), "add: both sides must have the same sizes"));
}
