// multiply: y = a b, element by element.
#define BOOST_TEST_MODULE ops_multiply
#include "ops/op_check.hpp"
#include "tessera/ops/multiply.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Input a = numbers({5, 7}, 1);
  const Input b = numbers({5, 7}, 2);
  const auto formula = [&](Index i) { return a[i] * b[i]; };
  Check<op::multiply>({a, b}, {5, 7}).gives(formula).in_place();
  Check<op::multiply>({apart(a), b}, {5, 7}).gives(formula).in_place();
  Check<op::multiply>({a, apart(b, 1)}, {5, 7}).gives(formula).in_place();
  Check<op::multiply>({numbers({0, 3}, 1), numbers({0, 3}, 1)}, {0, 3}).gives(std::vector<double>());
}

BOOST_AUTO_TEST_CASE(gradient) {
  Check<op::multiply>({numbers({3, 5}, 1), numbers({3, 5}, 2)}, {3, 5}).differentiates();
  Check<op::multiply>({constant(numbers({3, 5}, 1)), numbers({3, 5}, 2)}, {3, 5}).differentiates();
  Check<op::multiply>({numbers({3, 5}, 1), constant(numbers({3, 5}, 2))}, {3, 5}).differentiates();
}

BOOST_AUTO_TEST_CASE(a_square_has_both_terms) {
  // Both sides are then the same memory, and both terms of the gradient count.
  double x[2] = {3, -2}, dx[2] = {1, 1}, dy[2] = {0.5, 2};
  const View in[] = {View::of(x, DType::f64, 1, 2), View::of(x, DType::f64, 1, 2)};
  const View in_grad[] = {View::of(dx, DType::f64, 1, 2), View::of(dx, DType::f64, 1, 2)};
  VjpCall call;
  call.in = in;
  call.in_grad = in_grad;
  call.out_grad = View::of(dy, DType::f64, 1, 2);
  reference::multiply_vjp<double>(call);
  BOOST_CHECK_EQUAL(dx[0], 1 + 2 * 3 * 0.5);
  BOOST_CHECK_EQUAL(dx[1], 1 + 2 * -2 * 2.0);
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  {
    auto y = multiply(walk.tensor(3, 5), walk.tensor(3, 5));
    BOOST_CHECK(walk.fine());
  }
  auto y = multiply(walk.tensor(3, 5), walk.tensor(5, 3));
  BOOST_CHECK(begins(walk.refusal(), "multiply: both sides must have the same sizes"));
}
