// residual_norm: its composition and its formula agree, values and gradients.
#define BOOST_TEST_MODULE ops_residual_norm
#include "conformance/fused.hpp"
#include "ops/op_check.hpp"
#include "tessera/ops/residual_norm.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
using Context = Infer<Reference<double>>;

Check<op::residual_norm> fused(const Input& x, const Input& residual, const Input& w, const Input& b) {
  return Check<op::residual_norm>({x, residual, w, b}, x.dim, {1e-5})
      .function(&conformance::residual_norm, &conformance::residual_norm_vjp);
}
}  // namespace

BOOST_AUTO_TEST_CASE(composition) {
  const Input x = numbers({4, 7}, 1);
  const Input residual = numbers({4, 7}, 2);
  const Input w = numbers({7}, 3);
  const Input b = numbers({7}, 4);
  const op_check::Memory<double> memory[] = {x, residual, w, b};

  alignas(64) std::byte bytes[4096];
  Context context{Reference<double>()};
  context.begin(Arena{bytes, sizeof bytes});
  Param<dyn> weight(ParamUse::vector, Extents<dyn>(7));
  Param<dyn> bias(ParamUse::vector, Extents<dyn>(7));
  weight.view = memory[2].view();
  bias.view = memory[3].view();
  Tensor<Context, Extents<dyn, dyn>> left(context, memory[0].view(), Slot(), -1);
  const Tensor<Context, Extents<dyn, dyn>> right(context, memory[1].view(), Slot(), -1);
  auto y = residual_norm(std::move(left), right, weight, bias, 1e-5);
  BOOST_REQUIRE(!context.failed());
  const std::vector<double> found(y.view().as<double>(), y.view().as<double>() + y.view().count());
  check_close(fused(x, residual, w, b).forward(), found, 1e-13, 1e-13);
  check_close(fused(apart(x), apart(residual), w, b).forward(), found, 1e-13, 1e-13);
}

BOOST_AUTO_TEST_CASE(gradient) {
  fused(numbers({4, 7}, 1), numbers({4, 7}, 2), numbers({7}, 3), numbers({7}, 4)).differentiates();
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  const Param<dyn> seven(ParamUse::vector, Extents<dyn>(7));
  const Param<dyn> eight(ParamUse::vector, Extents<dyn>(8));
  {
    auto y = residual_norm(walk.tensor(3, 7), walk.tensor(3, 7), seven, seven, 1e-5);
    BOOST_CHECK(walk.fine());
  }
  {
    auto y = residual_norm(walk.tensor(3, 7), walk.tensor(4, 7), seven, seven, 1e-5);
    BOOST_CHECK(begins(walk.refusal(), "add: both sides must have the same sizes: expected 21, found 28"));
  }
  auto y = residual_norm(walk.tensor(3, 7), walk.tensor(3, 7), eight, eight, 1e-5);
  BOOST_CHECK(begins(walk.refusal(), "layer_norm: x columns must equal the norm's size: expected 8, found 7"));
}
