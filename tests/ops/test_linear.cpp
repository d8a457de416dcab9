// linear: y = x W^T + b in both layouts of W.
#define BOOST_TEST_MODULE ops_linear
#include "ops/op_check.hpp"
#include "tessera/ops/linear.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
/// Rows n, inputs K, outputs M.
std::function<double(Index)> formula(const Input& x, const Input& w, const Input& b, bool in_out) {
  return [=](Index i) {
    const Index inputs = x.dim[1];
    const Index outputs = in_out ? w.dim[1] : w.dim[0];
    const Index r = i / outputs;
    const Index o = i % outputs;
    double sum = b.dim.empty() ? 0 : b[o];
    for (Index k = 0; k < inputs; ++k) sum += x[r * inputs + k] * (in_out ? w[k * outputs + o] : w[o * inputs + k]);
    return sum;
  };
}
}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  for (bool in_out : {false, true})
    for (Index inputs : {1, 3, 8, 17})
      for (Index outputs : {1, 7, 8, 19}) {
        const Input x = numbers({5, inputs}, 1);
        const Input w = in_out ? numbers({inputs, outputs}, 2) : numbers({outputs, inputs}, 2);
        const Input b = numbers({outputs}, 3);
        Check<op::linear>({x, w, b}, {5, outputs}, {in_out}).gives(formula(x, w, b, in_out));
        Check<op::linear>({apart(x), apart(w), b}, {5, outputs}, {in_out}).gives(formula(x, w, b, in_out));
        Check<op::linear>({x, w}, {5, outputs}, {in_out}).gives(formula(x, w, {}, in_out));
      }
  Check<op::linear>({numbers({0, 3}, 1), numbers({2, 3}, 2)}, {0, 2}).gives(std::vector<double>());
}

BOOST_AUTO_TEST_CASE(gradient) {
  for (bool in_out : {false, true}) {
    const Input x = numbers({4, 9}, 1);
    const Input w = in_out ? numbers({9, 11}, 2) : numbers({11, 9}, 2);
    const Input b = numbers({11}, 3);
    Check<op::linear>({x, w, b}, {4, 11}, {in_out}).differentiates();
    Check<op::linear>({apart(x), constant(w), b}, {4, 11}, {in_out}).differentiates();
    Check<op::linear>({constant(x), w}, {4, 11}, {in_out}).differentiates();
  }
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  const Param<dyn, dyn> w(ParamUse::matrix, Extents<dyn, dyn>(7, 4));
  const Param<dyn> b(ParamUse::vector, Extents<dyn>(7));
  {
    auto x = walk.tensor(3, 4);
    auto y = linear(x, w, walk.context.param(b));
    BOOST_CHECK(walk.fine());
    BOOST_CHECK_EQUAL(y.size(0), 3);
    BOOST_CHECK_EQUAL(y.size(1), 7);
    BOOST_CHECK_EQUAL(walk.context.plan().flops, 2 * 3 * 4 * 7);
  }
  {
    auto x = walk.tensor(3, 5);
    auto y = linear(x, w);
    BOOST_CHECK(begins(walk.refusal(), "linear: x columns must equal weight columns: expected 4, found 5"));
    auto z = linear_io(x, w);
    BOOST_CHECK(begins(walk.refusal(), "linear: x columns must equal weight rows: expected 7, found 5"));
  }
  {
    const Param<dyn> wrong(ParamUse::vector, Extents<dyn>(4));
    auto x = walk.tensor(3, 4);
    auto y = linear(x, w, walk.context.param(wrong));
    BOOST_CHECK(begins(walk.refusal(), "linear: the bias must have an element for each output: expected 7, found 4"));
  }
}

BOOST_AUTO_TEST_CASE(nothing_runs_after_an_error) {
  // No memory behind any view: a kernel that ran would crash.
  alignas(64) std::byte bytes[1024];
  Infer<Reference<float>> context{Reference<float>()};
  context.begin(Arena{bytes, sizeof bytes});
  const Param<dyn, dyn> w(ParamUse::matrix, Extents<dyn, dyn>(7, 4));
  const Tensor<Infer<Reference<float>>, Extents<dyn, dyn>> x(context, View::of(nullptr, DType::f32, 3, 5), Slot(), -1);
  auto y = linear(x, w);
  auto z = linear(y, w);
  BOOST_CHECK(context.fault().code == Code::shape_mismatch);
  BOOST_CHECK_EQUAL(context.fault().number, 0);
  BOOST_CHECK(context.fault().op == OpId::linear);
}
