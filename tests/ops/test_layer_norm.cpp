// layer_norm: rows with mean 0 and variance 1, times weight, plus bias.
#define BOOST_TEST_MODULE ops_layer_norm
#include "ops/op_check.hpp"
#include "tessera/ops/layer_norm.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
std::function<double(Index)> formula(const Input& x, const Input& w, const Input& b, double eps) {
  return [=](Index i) {
    const Index columns = x.dim[1];
    const Index first = i / columns * columns;
    double sum = 0;
    double squares = 0;
    for (Index c = 0; c < columns; ++c) {
      sum += x[first + c];
      squares += x[first + c] * x[first + c];
    }
    const double n = static_cast<double>(columns);
    const double variance = squares / n - sum / n * (sum / n);
    return (x[i] - sum / n) / std::sqrt(variance + eps) * w[i - first] + b[i - first];
  };
}
}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  for (double eps : {1e-12, 1e-5, 0.5})
    for (Index columns : {2, 7, 32}) {
      const Input x = numbers({5, columns}, 1, 4);
      const Input w = numbers({columns}, 2);
      const Input b = numbers({columns}, 3);
      Check<op::layer_norm>({x, w, b}, {5, columns}, {eps}).gives(formula(x, w, b, eps)).in_place();
      Check<op::layer_norm>({apart(x), w, b}, {5, columns}, {eps}).gives(formula(x, w, b, eps)).in_place();
    }
  // Equal numbers: the variance is 0, and what is left is the bias.
  Check<op::layer_norm>({given({1, 2}, {3, 3}), given({2}, {5, 5}), given({2}, {1, 2})}, {1, 2}).gives({1, 2});
}

BOOST_AUTO_TEST_CASE(far_from_zero) {
  // The variance comes from differences to the mean: no digits are lost to a large mean.
  const Check<op::layer_norm> check(
      {given({1, 4}, {1000001, 1000002, 1000003, 1000004}), given({4}, {1, 1, 1, 1}), given({4}, {0, 0, 0, 0})}, {1, 4},
      {0});
  const double s = std::sqrt(1.25);
  check.gives({-1.5 / s, -0.5 / s, 0.5 / s, 1.5 / s});
}

BOOST_AUTO_TEST_CASE(gradient) {
  const Input x = numbers({4, 7}, 1);
  const Input w = numbers({7}, 2);
  const Input b = numbers({7}, 3);
  Check<op::layer_norm>({x, w, b}, {4, 7}, {1e-5}).differentiates();
  Check<op::layer_norm>({apart(x), w, b}, {4, 7}, {0.5}).differentiates();
  Check<op::layer_norm>({constant(x), w, constant(b)}, {4, 7}, {1e-5}).differentiates();
  Check<op::layer_norm>({x, constant(w), b}, {4, 7}, {1e-5}).differentiates();
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  const Param<dyn> seven(ParamUse::vector, Extents<dyn>(7));
  const Param<dyn> eight(ParamUse::vector, Extents<dyn>(8));
  {
    auto y = layer_norm(walk.tensor(3, 7), seven, seven, 1e-5);
    BOOST_CHECK(walk.fine());
  }
  {
    auto y = layer_norm(walk.tensor(3, 7), eight, eight, 1e-5);
    BOOST_CHECK(begins(walk.refusal(), "layer_norm: x columns must equal the norm's size: expected 8, found 7"));
  }
  auto y = layer_norm(walk.tensor(3, 7), seven, eight, 1e-5);
  BOOST_CHECK(begins(walk.refusal(), "layer_norm: weight and bias must have the same size: expected 7, found 8"));
}
