// Runs with a budget: they stop inside of large linears too, a cancel flag is heard, and the bits are those of a run in
// one piece, for every backend that says that its linears can be divided, in every precision, for one thread and two.
#define BOOST_TEST_MODULE backends_budget
#include <boost/test/unit_test.hpp>

#include "context/small_bert.hpp"
#include "tessera/base/thread_pool.hpp"
#include "tessera/context/budget.hpp"
#include "tessera/context/trace.hpp"
#ifdef TESSERA_WITH_STUB
#include "tessera/backends/stub/stub.hpp"
#endif
#ifdef TESSERA_WITH_CPU
#include "tessera/backends/cpu/cpu.hpp"
#endif

using namespace tessera;
using namespace small_bert;
using Model = BertForTokenClassification<>;

namespace {

constexpr Index texts = 3, tokens = 61;

/// So wide that 2^25 multiply-adds are fewer than all rows.
BertConfig wide() {
  BertConfig c = config(1);
  c.hidden_size = 288;
  c.intermediate_size = 1152;
  c.max_position_embeddings = tokens;
  return c;
}

std::vector<AnyBackend> backends() {
  return {
      AnyBackend::of(Ref()),
#ifdef TESSERA_WITH_STUB
      AnyBackend::of(Stub()),
#endif
#ifdef TESSERA_WITH_CPU
      AnyBackend::of(Cpu()),
#endif
  };
}

/// One linear alone.
struct OneLinear {
  using Input = BertInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<dyn, dyn>> y;
  };
  Linear<>& linear;
  View x;
  void visit(auto&& v) { v("linear", linear); }
  auto operator()(auto& context, const BertInput&) const noexcept {
    using Context = std::remove_reference_t<decltype(context)>;
    const Tensor<Context, Extents<dyn, dyn>> input(context, x, Slot(), -1);
    return Output<Context>{linear(input)};
  }
  Result<void> validate(const BertInput&) const noexcept { return {}; }
};

/// How often a run is asked whether to stop.
template <class M, class B, class P>
int questions(Session<M, B, P>& session, const typename M::Input& in) {
  int asked = 0;
  BOOST_TEST_REQUIRE(session.start(in).ok());
  const auto done = session.step({[](void* count) { return ++*static_cast<int*>(count) < 0; }, &asked});
  BOOST_TEST_REQUIRE(done.ok(), done.error().message());
  BOOST_TEST(*done);
  return asked;
}

/// How many ops a run has.
int ops_of(const Model& model, const BertLabelledInput& in) {
  int ops = 0;
  Session<Model, Ref, TraceProbe> traced(model, Ref(), nullptr, {},
                                         TraceProbe([](void* count, const TraceEvent&) { ++*static_cast<int*>(count); },
                                                    &ops, nullptr, nullptr, Memory()));
  BOOST_TEST_REQUIRE(traced.reserve(in).ok());
  BOOST_TEST_REQUIRE(traced.run(in).ok());
  return ops;
}

}  // namespace

BOOST_AUTO_TEST_CASE(stops_inside_of_linears_leave_the_bits_as_they_are) {
  const Owned<Model> owned(wide());
  const Arrays arrays(texts, tokens);
  const auto in = arrays.labelled(texts * tokens);
  const int ops = ops_of(owned.model, in);
  ThreadPool pool;
  BOOST_TEST_REQUIRE(pool.start(2).ok());
  for (const AnyBackend& backend : backends()) {
    for (const Precision precision : {Precision::f32, Precision::bf16, Precision::int8}) {
      auto packed = Packed<AnyBackend>::of(owned.model, backend, precision);
      if (!packed.ok()) continue;
      BOOST_TEST_CONTEXT(backend.name() << ", " << name(precision)) {
        BOOST_TEST(backend.kernels().divisible[static_cast<int>(OpId::linear)]);
        for (const Executor& executor : {Executor(), pool.executor()}) {
          Session<Model, AnyBackend> session(owned.model, backend, &*packed, executor);
          BOOST_TEST_REQUIRE(session.reserve(in).ok());
          const auto out = session.run(in);
          BOOST_TEST_REQUIRE(out.ok(), out.error().message());
          const std::vector<float> whole = numbers(**out);
          BOOST_TEST_REQUIRE(session.start(in).ok());
          bool done = false;
          for (int steps = 0; !done && steps < 1000; ++steps) {
            const auto step = session.step({[](void*) { return true; }, nullptr});
            BOOST_TEST_REQUIRE(step.ok(), step.error().message());
            done = *step;
          }
          BOOST_TEST(done);
          BOOST_TEST(same_bits(numbers(session.output()), whole));
          // The two linears of the feed-forward part have two parts each. Backends fuse ops that the reference does
          // not.
          const int asked = questions(session, in);
          BOOST_TEST((std::string(backend.name()) == "cpu" || asked == ops + 2), asked << " of " << ops);
          BOOST_TEST(same_bits(numbers(session.output()), whole));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_linear_is_asked_between_its_parts) {
  Linear<> linear(512, 1024);  // 64 rows are 2^25 multiply-adds
  number_params(linear);
  const Weights weights = std::move(Weights::of(linear)).value();
  for (Index i = 0; i < weights.elements(); ++i) weights.data()[i] = static_cast<float>(i % 13) - 6;
  std::vector<float> x(200 * 512, 0.5F);
  const OneLinear model{linear, View::of(x.data(), DType::f32, 200, 512)};
  Session<OneLinear, Ref> session(model, Ref());
  BOOST_TEST_REQUIRE(session.reserve({}).ok());
  BOOST_TEST(questions(session, {}) == 4);  // between parts of 50 rows, and after the op
}

BOOST_AUTO_TEST_CASE(a_budget_ends_with_its_time_and_when_it_is_cancelled) {
  const Owned<Model> owned;
  const Arrays arrays(2, 9);
  const auto in = arrays.labelled(18);
  Session<Model, Ref> session(owned.model, Ref());
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const std::vector<float> whole = numbers(**session.run(in));

  std::atomic<bool> cancelled{false};
  Budget none(std::chrono::nanoseconds(0));
  Budget long_one(std::chrono::hours(1), &cancelled);
  BOOST_TEST(none.over());
  BOOST_TEST(!long_one.over());
  BOOST_TEST_REQUIRE(session.start(in).ok());
  BOOST_TEST(!*session.step(none.request()));
  cancelled = true;
  BOOST_TEST(!*session.step(long_one.request()));
  cancelled = false;
  BOOST_TEST(*session.step(long_one.request()));
  BOOST_TEST(same_bits(numbers(session.output()), whole));
}
