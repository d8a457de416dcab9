// matmul: one product for each text and head.
#define BOOST_TEST_MODULE ops_matmul
#include "ops/op_check.hpp"
#include "tessera/ops/matmul.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  for (bool transposed : {true, false})
    for (Index inner : {1, 3, 8, 19})
      for (Index columns : {1, 5, 17}) {
        const Index rows = 4;
        const Input a = numbers({2, 3, rows, inner}, 1);
        const Input b = transposed ? numbers({2, 3, columns, inner}, 2) : numbers({2, 3, inner, columns}, 2);
        const auto formula = [&](Index i) {
          const Index matrix = i / (rows * columns);
          const Index r = i / columns;
          const Index c = i % columns;
          double sum = 0;
          for (Index k = 0; k < inner; ++k)
            sum += a[r * inner + k] *
                   (transposed ? b[(matrix * columns + c) * inner + k] : b[(matrix * inner + k) * columns + c]);
          return 0.25 * sum;
        };
        Check<op::matmul>({a, b}, {2, 3, rows, columns}, {transposed, 0.25}).gives(formula);
        Check<op::matmul>({apart(a), apart(b)}, {2, 3, rows, columns}, {transposed, 0.25}).gives(formula);
      }
}

BOOST_AUTO_TEST_CASE(gradient) {
  for (bool transposed : {true, false}) {
    const Input a = numbers({2, 1, 3, 9}, 1);
    const Input b = transposed ? numbers({2, 1, 10, 9}, 2) : numbers({2, 1, 9, 10}, 2);
    Check<op::matmul>({a, b}, {2, 1, 3, 10}, {transposed, -0.5}).differentiates();
    Check<op::matmul>({constant(a), b}, {2, 1, 3, 10}, {transposed, -0.5}).differentiates();
    Check<op::matmul>({a, constant(b)}, {2, 1, 3, 10}, {transposed, -0.5}).differentiates();
  }
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto a = walk.tensor(2, 3, 4, 5);
  {
    auto b = walk.tensor(2, 3, 6, 5);
    auto y = matmul(a, b, true);
    BOOST_CHECK(walk.fine());
    BOOST_CHECK_EQUAL(y.size(2), 4);
    BOOST_CHECK_EQUAL(y.size(3), 6);
    BOOST_CHECK_EQUAL(walk.context.plan().flops, 2 * 2 * 3 * 4 * 5 * 6);
    auto wrong = matmul(a, b, false);
    BOOST_CHECK(begins(walk.refusal(), "matmul: inner sizes must agree: expected 5, found 6"));
  }
  auto b = walk.tensor(3, 2, 6, 5);
  auto y = matmul(a, b, true);
  BOOST_CHECK(begins(walk.refusal(), "matmul: batches must agree"));
}
