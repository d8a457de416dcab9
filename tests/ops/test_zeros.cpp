// zeros.
#define BOOST_TEST_MODULE ops_zeros
#include "ops/op_check.hpp"
#include "tessera/ops/zeros.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  Check<op::zeros>({}, {3, 2}).gives([](Index) { return 0.0; });
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  const auto y = zeros(walk.context, Extents<dyn, 3>(4, 3));
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(0), 4);
  static_assert(size_of_dim<decltype(y), 1> == 3);
}
