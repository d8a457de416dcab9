// Trace: every op is reported with number, name, shape and time; each op of the other backends is close to the
// reference's on the same inputs, and kernels that are borrowed are said to be.
#define BOOST_TEST_MODULE backends_trace
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "context/small_bert.hpp"
#include "tessera/context/trace.hpp"
#ifdef TESSERA_WITH_STUB
#include "tessera/backends/stub/stub.hpp"
#endif
#ifdef TESSERA_WITH_CPU
#include "tessera/backends/cpu/cpu.hpp"
#endif
#ifdef TESSERA_WITH_EIGEN
#include "tessera/backends/eigen/eigen.hpp"
#endif

using namespace tessera;
using namespace small_bert;
using Model = BertForSequenceClassification<>;

namespace {

std::vector<TraceEvent> trace(const AnyBackend& backend, bool compare, std::vector<float>* outputs = nullptr) {
  const Owned<Model> owned;
  const Arrays arrays(3, 7);
  std::vector<TraceEvent> events;
  const TraceProbe probe(
      [](void* state, const TraceEvent& e) {
        static_cast<std::vector<TraceEvent>*>(state)->push_back(e);
        // What a linear reads and writes: x, weight, bias, y. A lookup reads the rows that it gives.
        if (e.op == OpId::linear)
          BOOST_TEST(e.bytes() == e.in[0].bytes() + e.in[1].bytes() + e.in[2].bytes() + e.out.bytes());
        if (e.op == OpId::embedding) BOOST_TEST(e.bytes() == 2 * e.out.bytes() + e.in[1].bytes());
      },
      &events, &backend.kernels(), compare ? &Ref::kernels() : nullptr, backend.memory());
  Session<Model, AnyBackend, TraceProbe> session(owned.model, backend, nullptr, {}, probe);
  BOOST_TEST_REQUIRE(session.reserve(arrays.labelled(3)).ok());
  const auto out = session.run(arrays.labelled(3));
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  if (outputs != nullptr) *outputs = numbers(**out);
  return events;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_op_is_reported_in_order_with_name_shape_time_and_flops) {
  const Owned<Model> owned;
  const Arrays arrays(3, 7);
  const Plan p = plan(owned.model, arrays.labelled(3), Ref());
  std::vector<float> traced;
  const auto events = trace(AnyBackend::of(Ref()), false, &traced);
  std::int64_t flops = 0;
  int linears = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const TraceEvent& e = events[i];
    if (i > 0) BOOST_TEST(e.number > events[i - 1].number);
    BOOST_TEST(e.number < p.ops);
    BOOST_TEST(e.out.count() > 0);
    BOOST_TEST(e.microseconds >= 0);
    BOOST_TEST(std::isnan(e.deviation));
    BOOST_TEST(!e.borrowed);
    flops += e.flops;
    linears += e.op == OpId::linear ? 1 : 0;
  }
  BOOST_TEST(flops == p.flops);
  BOOST_TEST(linears == 2 * 6 + 2);
  BOOST_TEST(std::string(name(events.front().op)) == "embedding");
  BOOST_TEST(std::string(name(events.back().op)) == "cross_entropy");
  Session<Model, Ref> session(owned.model, Ref());
  BOOST_TEST_REQUIRE(session.reserve(arrays.labelled(3)).ok());
  BOOST_TEST(same_bits(numbers(**session.run(arrays.labelled(3))), traced));
}

BOOST_AUTO_TEST_CASE(the_reference_does_not_deviate_from_itself_though_ops_overwrite_their_inputs) {
  for (const TraceEvent& e : trace(AnyBackend::of(Ref()), true)) BOOST_TEST(e.deviation == 0, name(e.op));
}

BOOST_AUTO_TEST_CASE(ops_of_other_backends_are_close_to_the_references) {
  const AnyBackend others[] = {
      AnyBackend::of(Ref()),
#ifdef TESSERA_WITH_CPU
      AnyBackend::of(Cpu()),
#endif
#ifdef TESSERA_WITH_EIGEN
      AnyBackend::of(EigenBackend()),
#endif
  };
  for (const AnyBackend& backend : others) {
    int compared = 0;
    double worst = 0;
    for (const TraceEvent& e : trace(backend, true)) {
      if (std::isnan(e.deviation)) continue;  // a fused op: the reference has none
      ++compared;
      worst = std::fmax(worst, e.deviation / std::fmax(e.scale, 1e-3));
      BOOST_TEST(e.deviation <= 2e-6 * std::fmax(e.scale, 1e-3), backend.name()
                                                                     << ", op " << e.number << ", " << name(e.op));
    }
    BOOST_TEST(compared >= 19);  // of the cpu backend, which fuses most
    BOOST_TEST_MESSAGE(backend.name() << ": " << compared << " ops compared, largest deviation/scale " << worst);
  }
}

#ifdef TESSERA_WITH_STUB
BOOST_AUTO_TEST_CASE(kernels_of_the_reference_are_reported_as_borrowed) {
  for (const TraceEvent& e : trace(AnyBackend::of(Stub()), false))
    BOOST_TEST(e.borrowed == (e.op != OpId::linear), name(e.op));
}
#endif
