// top_k and pick: the places of the largest, and what stands there.
#define BOOST_TEST_MODULE ops_top_k
#include "ops/op_check.hpp"
#include "tessera/ops/top_k.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
std::vector<std::int32_t> places(const std::vector<float>& x, Index b, Index s, Index c, Index k, Index step) {
  std::vector<std::int32_t> out(static_cast<std::size_t>(b * k * s), -7);
  const View in[max_inputs] = {View::of_const(x.data(), DType::f32, b, s, c)};
  Call call;
  call.in = in;
  call.out = View::of(out.data(), DType::i32, b, k, s);
  const op::top_k::Attributes attributes{step};
  call.attributes = &attributes;
  Reference<float>::kernels().run[static_cast<int>(OpId::top_k)](call);
  return out;
}
}  // namespace

BOOST_AUTO_TEST_CASE(largest_first_and_of_equal_ones_the_first) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  BOOST_TEST((places({1, 3, 3, 2}, 1, 1, 4, 3, 0) == std::vector<std::int32_t>{1, 2, 3}));
  BOOST_TEST((places({1, 3, 2, 9, 8, 7}, 2, 1, 3, 2, 3) == std::vector<std::int32_t>{1, 2, 3, 4}));
  BOOST_TEST((places({1, 3, 2, 9, 8, 7}, 1, 2, 3, 2, 0) == std::vector<std::int32_t>{1, 0, 2, 1}));
  BOOST_TEST((places({5, nan, -1e30F, nan}, 1, 1, 4, 4, 0) == std::vector<std::int32_t>{1, 3, 0, 2}));
}

BOOST_AUTO_TEST_CASE(pick_takes_what_stands_there) {
  const Input x = numbers({2, 3, 5}, 1);
  const Input ids = integers({2, 2, 3}, {0, 4, 2, 1, 1, 3, 4, 0, 0, 2, 2, 2});
  const auto formula = [&](Index i) { return x[(i / 6 * 3 + i % 3) * 5 + static_cast<Index>(ids[i])]; };
  Check<op::pick>({x, ids}, {2, 2, 3}).gives(formula).differentiates();
  const Check<op::pick> outside({given({1, 1, 2}, {5, 6}), integers({1, 3, 1}, {2, 1, -1})}, {1, 3, 1});
  BOOST_CHECK(asserts([&] { check_close(outside.forward(), {0, 6, 0}, 0, 0); }));
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto x = walk.tensor(2, 3, 5);
  auto ids = top_k(x, 4);
  BOOST_CHECK(ids.view().type == DType::i32);
  auto y = pick(x, ids.operand());
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(y.size(1), 4);
  auto many = top_k(x, 6);
  BOOST_CHECK(begins(walk.refusal(), "top_k: there must be as many columns to choose from: expected 6, found 5"));
  auto wrong = pick(x, Walk::operand(DType::i32, 2, 4));
  BOOST_CHECK(begins(walk.refusal(), "pick: ids must be [B, k, S] for x [B, S, C]"));
}
