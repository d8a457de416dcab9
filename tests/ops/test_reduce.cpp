// sum, mean and mean_pool.
#define BOOST_TEST_MODULE ops_reduce
#include "ops/op_check.hpp"
#include "tessera/ops/reduce.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(sum_and_mean) {
  const Input x = numbers({5, 7}, 1);
  double total = 0;
  for (double v : x.value) total += v;
  Check<op::sum>({x}, {1}).gives({total}).differentiates();
  Check<op::mean>({x}, {1}).gives({total / 35}).differentiates();
  Check<op::sum>({apart(x)}, {1}).gives({total}).differentiates();
  Check<op::mean>({apart(x)}, {1}).gives({total / 35}).differentiates();
  Check<op::sum>({numbers({0, 3}, 1)}, {1}).gives(std::vector<double>{0});
}

BOOST_AUTO_TEST_CASE(sums_are_double) {
  // A float that counts by ones stops at 2^24.
  const Index n = (Index{1} << 24) + 8;
  std::vector<float> ones(static_cast<std::size_t>(n), 1.0F);
  float result = 0;
  const View in[] = {View::of(ones.data(), DType::f32, 1, n)};
  Call call;
  call.in = in;
  call.out = View::of(&result, DType::f32, 1);
  reference::sum<float>(call);
  BOOST_CHECK_EQUAL(result, static_cast<float>(n));
}

BOOST_AUTO_TEST_CASE(pool) {
  const Input x = numbers({6, 5}, 1);
  const auto padded = [&](const Input& keep) {
    return [&x, keep](Index i) {
      double total = 0;
      double weight = 0;
      for (Index t = 0; t < 3; ++t) {
        const double k = keep.dim.empty() ? 1 : keep[i / 5 * 3 + t];
        total += k * x[(i / 5 * 3 + t) * 5 + i % 5];
        weight += k;
      }
      return total / (weight > 1e-9 ? weight : 1e-9);
    };
  };
  const Input keep = given({2, 3}, {1, 0, 0.5, 0, 0, 0});
  Check<op::mean_pool>({x}, {2, 5}).gives(padded({})).differentiates();
  Check<op::mean_pool>({apart(x), {}, keep}, {2, 5}).gives(padded(keep)).differentiates();
  Check<op::mean_pool>({x, integers({3}, {0, 3, 6})}, {2, 5}).gives(padded({})).differentiates();
  // Texts of 1, 0 and 5 rows; the mean of none is 0.
  const auto ragged = [&](Index i) {
    if (i < 5) return x[i];
    if (i < 10) return 0.0;
    double total = 0;
    for (Index r = 1; r < 6; ++r) total += x[r * 5 + i % 5];
    return total / 5;
  };
  Check<op::mean_pool>({x, integers({4}, {0, 1, 1, 6})}, {3, 5}).gives(ragged).differentiates();
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  Sequence sequence;
  sequence.layout = Layout::padded(2, 5);
  const auto run = [&](Index rows, const Operand& keep) {
    sequence.keep = keep;
    auto x = walk.tensor(rows, 8);
    auto y = mean_pool(x, sequence);
    return walk.fine() ? std::string() : walk.refusal();
  };
  BOOST_CHECK_EQUAL(run(10, {}), "");
  BOOST_CHECK_EQUAL(run(10, Walk::operand(DType::f32, 2, 5)), "");
  BOOST_CHECK(begins(run(9, {}), "mean_pool: x must have a row for each token: expected 10, found 9"));
  BOOST_CHECK(begins(run(10, Walk::operand(DType::f32, 1, 5)), "mean_pool: the mask must have a row for each text"));
  BOOST_CHECK(
      begins(run(10, Walk::operand(DType::f32, 2, 4)), "mean_pool: the mask must have a column for each token"));
}
