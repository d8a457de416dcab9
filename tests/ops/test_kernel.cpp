// Tables of kernels: what they have, what they inherit, and that all of it is known to the compiler.
#define BOOST_TEST_MODULE ops_kernel
#include "ops/op_check.hpp"
#include "tessera/ops/attention.hpp"
#include "tessera/ops/feed_forward.hpp"
#include "tessera/ops/relative_scores.hpp"
#include "tessera/ops/residual_norm.hpp"

using namespace tessera;

static_assert(Backend<Reference<float>> && Backend<Reference<double>>);
static_assert(Reference<float>().kernels().has(OpId::linear));
static_assert(!Reference<float>().kernels().has(OpId::attention));
static_assert(!Reference<float>().kernels().has(OpId::residual_norm));
static_assert(Reference<float>().memory().host());
static_assert(Reference<float>().packing().bytes == nullptr);

BOOST_AUTO_TEST_CASE(the_reference_has_every_primitive) {
#define KEEPS_OF(name) op::name::keeps,
  constexpr unsigned keeps[] = {TESSERA_OPS(KEEPS_OF)};
#undef KEEPS_OF
  for (int i = 0; i < op_count; ++i) {
    const auto id = static_cast<OpId>(i);
    const bool fused =
        id == OpId::attention || id == OpId::residual_norm || id == OpId::relative_scores || id == OpId::feed_forward;
    BOOST_TEST_CONTEXT(name(id)) {
      BOOST_CHECK(Reference<float>::kernels().has(id) != fused);
      BOOST_CHECK(Reference<double>::kernels().has(id) != fused);
      const bool has_gradient = !fused && (keeps[i] & no_gradient) == 0;
      BOOST_CHECK(Reference<float>::vjps().has(id) == has_gradient);
      BOOST_CHECK(Reference<double>::vjps().has(id) == has_gradient);
    }
  }
}

BOOST_AUTO_TEST_CASE(names) {
  BOOST_CHECK_EQUAL(name(OpId::embedding), std::string("embedding"));
  BOOST_CHECK_EQUAL(name(OpId::attention), std::string("attention"));
  BOOST_CHECK_EQUAL(name(OpId::count), std::string("none"));
}

BOOST_AUTO_TEST_CASE(inheritance) {
  constexpr Kernel mine = [](const Call&) {};
  constexpr Kernels table =
      Kernels().set(OpId::linear, mine).set(OpId::attention, mine).inherit(Reference<float>::kernels());
  static_assert(table.origin[static_cast<int>(OpId::linear)] == Origin::own);
  static_assert(table.origin[static_cast<int>(OpId::attention)] == Origin::own);
  static_assert(table.origin[static_cast<int>(OpId::gelu)] == Origin::reference);
  static_assert(table.origin[static_cast<int>(OpId::residual_norm)] == Origin::none);
  BOOST_CHECK(table.run[static_cast<int>(OpId::linear)] == mine);
  BOOST_CHECK(table.run[static_cast<int>(OpId::gelu)] == Reference<float>::kernels().run[static_cast<int>(OpId::gelu)]);

  constexpr Vjps gradients = Vjps().inherit(Reference<float>::vjps());
  static_assert(gradients.origin[static_cast<int>(OpId::layer_norm)] == Origin::reference);
  BOOST_CHECK(gradients.scratch[static_cast<int>(OpId::layer_norm)] == &reference::layer_norm_vjp_scratch);
}
