// relative_scores: its composition and its formula agree, values and gradients.
#define BOOST_TEST_MODULE ops_relative_scores
#include "conformance/fused.hpp"
#include "ops/op_check.hpp"
#include "tessera/ops/relative_scores.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
constexpr Index groups = 1, texts = 2, heads = 3, queries = 4, positions = 11, keys = 6;
const Input content = numbers({texts, heads, queries, keys}, 1);
const Input position = numbers({groups, heads, texts / groups* queries, positions}, 2);
const Input relation = numbers({1, heads, texts* queries, 2}, 3);

Input pairs() {
  Input p = integers({texts, queries, keys}, {});
  for (int i = 0; i < texts * queries * keys; ++i) p.value.push_back(i % 7 % 2);
  return p;
}
Check<op::relative_scores> fused(bool segments) {
  return Check<op::relative_scores>({content, position, segments ? relation : Input(), segments ? pairs() : Input()},
                                    content.dim, {0.3})
      .function(&conformance::relative_scores, &conformance::relative_scores_vjp);
}
}  // namespace

BOOST_AUTO_TEST_CASE(composition) {
  using Context = Infer<Reference<double>>;
  using Batches = Extents<dyn, dyn, dyn, dyn>;
  const op_check::Memory<double> memory[] = {content, position, relation, pairs()};
  for (bool segments : {false, true}) {
    alignas(64) static std::byte bytes[1 << 16];
    Context context{Reference<double>()};
    context.begin(Arena{bytes, sizeof bytes});
    const auto tensor = [&](int i) { return Tensor<Context, Batches>(context, memory[i].view(), Slot(), -1); };
    const auto p = tensor(1);
    const auto r = segments ? tensor(2) : Tensor<Context, Batches>();
    auto y = relative_scores(tensor(0), p, r, Operand{memory[3].view(), -1}, 0.3);
    BOOST_REQUIRE(!context.failed());
    const std::vector<double> found(y.view().as<double>(), y.view().as<double>() + y.view().count());
    check_close(fused(segments).forward(), found, 1e-13, 1e-13);
  }
}

BOOST_AUTO_TEST_CASE(gradients) {
  fused(false).differentiates();
  fused(true).differentiates();
}
