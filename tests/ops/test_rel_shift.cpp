// rel_shift: against the way Transformer-XL and XLNet reshape.
#define BOOST_TEST_MODULE ops_rel_shift
#include "ops/op_check.hpp"
#include "tessera/ops/rel_shift.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(values) {
  const Index shapes[][3] = {{3, 7, 3}, {4, 8, 6}, {1, 2, 1}, {5, 10, 9}};  // Q, P, K
  for (const auto& s : shapes) {
    const Index queries = s[0], positions = s[1], keys = s[2];
    const Input x = numbers({2, 2, queries, positions}, 1);
    std::vector<double> expected;
    for (Index m = 0; m < 4; ++m) {
      // [Q, P] read as [P, Q], without its first row, read as [Q, P - 1].
      std::vector<double> line(x.value.begin() + m * queries * positions,
                               x.value.begin() + (m + 1) * queries * positions);
      line.erase(line.begin(), line.begin() + queries);
      for (Index i = 0; i < queries; ++i)
        for (Index j = 0; j < keys; ++j) expected.push_back(line[static_cast<std::size_t>(i * (positions - 1) + j)]);
    }
    Check<op::rel_shift>({x}, {2, 2, queries, keys}).gives(expected).differentiates();
    Check<op::rel_shift>({apart(x)}, {2, 2, queries, keys}).gives(expected);
  }
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto x = walk.tensor(2, 3, 4, 8);
  auto y = rel_shift(x, 7);
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(3), 7);
  auto z = rel_shift(x, 8);
  BOOST_CHECK(begins(walk.refusal(), "rel_shift: there must be more positions than keys: expected 9, found 8"));
}
