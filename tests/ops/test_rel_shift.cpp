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

BOOST_AUTO_TEST_CASE(texts_of_a_group_share_one_product) {
  // Two groups of two texts: x is [2, h, 2 Q, P], and what a text alone would give stands at its place.
  const Index heads = 3, queries = 4, positions = 9, keys = 6;
  const Input x = numbers({2, heads, 2 * queries, positions}, 5);
  const auto formula = [&](Index i) {
    const Index key = i % keys, query = i / keys % queries, head = i / keys / queries % heads;
    const Index text = i / keys / queries / heads;
    const Index block = (((text / 2) * heads + head) * 2 + text % 2) * queries * positions;
    return x[block + queries + query * (positions - 1) + key];
  };
  Check<op::rel_shift>({x}, {4, heads, queries, keys}).gives(formula).differentiates();
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto x = walk.tensor(2, 3, 4, 8);
  auto y = rel_shift(x, 2, 7);
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(3), 7);
  auto shared = rel_shift(x, 4, 7);
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(shared.size(2), 2);
  auto odd = rel_shift(x, 3, 7);
  BOOST_CHECK(begins(walk.refusal(), "rel_shift: texts must be a multiple of the groups"));
  auto z = rel_shift(x, 2, 8);
  BOOST_CHECK(begins(walk.refusal(), "rel_shift: there must be more positions than keys: expected 9, found 8"));
}
