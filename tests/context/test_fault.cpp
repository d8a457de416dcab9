// The first broken condition of a walk wins: later ops do nothing, and the sentence names the op, its number, what was
// expected and what was found. The same model runs again when the input is right.
#define BOOST_TEST_MODULE context_fault
#include <boost/test/unit_test.hpp>

#include "context/small_bert.hpp"
#include "tessera/blocks/linear.hpp"
#include "tessera/context/training_session.hpp"
#include "tessera/ops/reduce.hpp"

using namespace tessera;
using namespace small_bert;

namespace {

int ran = 0;

void counted_linear(const Call& call) {
  ++ran;
  Ref::kernels().run[static_cast<int>(OpId::linear)](call);
}
inline constexpr Kernels counted = Kernels().set(OpId::linear, &counted_linear).inherit(Ref::kernels());
inline constexpr Kernels poor = Kernels().set(OpId::linear, &counted_linear);
struct Counted : Ref {
  static constexpr const Kernels& kernels() noexcept { return counted; }
};
struct Poor : Ref {
  static constexpr const Kernels& kernels() noexcept { return poor; }
  static constexpr const char* name() noexcept { return "poor"; }
};

/// Three linears; the second and third fit only if `middle` and `last` do.
struct Chain {
  struct Input {
    View x;
  };
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss;
  };
  Linear<> a, b, c;
  Projection<> start;
  explicit Chain(Index middle, Index last) : a(4, 5), b(middle, 6), c(last, 7), start(4, 4) { number_params(*this); }
  void visit(auto&& v) {
    v("a", a);
    v("b", b);
    v("c", c);
    v("start", start);
  }
  Result<void> validate(const Input&) const noexcept { return {}; }
  constexpr auto operator()(auto& context, const Input& in) const noexcept {
    using Context = std::remove_reference_t<decltype(context)>;
    const Operand x = context.numbers(in.x);
    auto h = context.template apply<op::linear>({false}, Extents<dyn, dyn>(x.view.dim[0], 4), x,
                                                context.param(start.weight), Operand());
    h = a(h);
    h = b(h);
    h = c(h);
    return Output<Context>{sum(h)};
  }
};

const float ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
const Chain::Input input{View::of_const(ones, DType::f32, 2, 4)};

}  // namespace

BOOST_AUTO_TEST_CASE(the_first_error_wins_and_names_op_number_expected_and_found) {
  for (const bool both : {false, true}) {
    Chain chain(9, both ? 8 : 6);
    auto weights = Weights::of(chain);
    const Plan p = plan(chain, input, Ref());
    BOOST_TEST((p.fault.code == Code::shape_mismatch));
    BOOST_TEST((p.fault.op == OpId::linear));
    BOOST_TEST(p.fault.number == 2);
    BOOST_TEST(p.fault.expected == 9);
    BOOST_TEST(p.fault.found == 5);
    const std::string sentence = p.fault.error().message();
    for (const char* part : {"linear", "columns", "expected 9", "found 5", "op 2"})
      BOOST_TEST(contains(sentence, part), sentence);
  }
}

BOOST_AUTO_TEST_CASE(a_walk_that_cannot_be_right_ends_at_its_fault) {
  Chain chain(9, 6);
  auto weights = Weights::of(chain);
  Session<Chain, Counted> session(chain, Counted());
  alignas(64) static std::byte memory[1 << 12];
  session.use_arena(memory, sizeof memory);
  ran = 0;
  BOOST_TEST(!session.run(input).ok());
  BOOST_TEST(ran == 2);  // the ops before the one that does not fit, number 2
}

BOOST_AUTO_TEST_CASE(after_a_fault_in_mid_walk_later_ops_do_nothing) {
  Chain chain(9, 6);
  auto weights = Weights::of(chain);
  alignas(64) static std::byte memory[1 << 12];
  Infer<Counted> context{Counted()};
  context.begin(Arena{memory, sizeof memory});
  ran = 0;
  { const auto out = chain(context, input); }
  BOOST_TEST(context.failed());
  BOOST_TEST(ran == 2);
  BOOST_TEST(context.fault().number == 2);
  // The next walk starts clean.
  Chain good(5, 6);
  auto good_weights = Weights::of(good);
  context.begin(Arena{memory, sizeof memory});
  { const auto out = good(context, input); }
  BOOST_TEST(!context.failed());
  BOOST_TEST(ran == 2 + 4);
}

BOOST_AUTO_TEST_CASE(an_arena_that_ends_in_mid_walk_stops_it_there) {
  Chain chain(5, 6);
  auto weights = Weights::of(chain);
  alignas(64) static std::byte memory[128];
  Infer<Counted> context{Counted()};
  context.begin(Arena{memory, 64});
  ran = 0;
  { const auto out = chain(context, input); }
  BOOST_TEST(context.failed());
  BOOST_TEST((context.fault().code == Code::out_of_memory));
  BOOST_TEST(context.fault().found == 64);
  BOOST_TEST(ran == 1);
}

BOOST_AUTO_TEST_CASE(an_array_with_sizes_but_no_data_is_a_fault_and_not_a_crash) {
  Chain chain(5, 6);
  auto weights = Weights::of(chain);
  Session<Chain, Ref> session(chain, Ref());
  const Chain::Input shape{View::of(nullptr, DType::f32, 2, 4)};
  BOOST_TEST_REQUIRE(session.reserve(shape).ok());
  const auto out = session.run(shape);
  BOOST_TEST(!out.ok());
  BOOST_TEST((out.error().code() == Code::not_found));
  for (const char* part : {"no data", "expected 32", "found 0"})
    BOOST_TEST(contains(out.error().message(), part), out.error().message());
  BOOST_TEST(session.run(input).ok());
}

BOOST_AUTO_TEST_CASE(an_op_without_kernel_is_named) {
  Chain chain(5, 6);
  auto weights = Weights::of(chain);
  Session<Chain, Poor> session(chain, Poor());
  const auto reserved = session.reserve(input);
  BOOST_TEST(!reserved.ok());
  BOOST_TEST((reserved.error().code() == Code::unsupported));
  BOOST_TEST(contains(reserved.error().message(), "sum"), reserved.error().message());
}

BOOST_AUTO_TEST_CASE(a_tape_reports_as_inference_does) {
  Chain chain(9, 6);
  auto weights = Weights::of(chain);
  auto gradients = Gradients<Ref>::of(chain, Ref());
  TrainingSession<Chain, Ref> session(chain, Ref(), *gradients);
  const auto reserved = session.reserve(input);
  BOOST_TEST(!reserved.ok());
  BOOST_TEST(contains(reserved.error().message(), "expected 9, found 5"), reserved.error().message());
  BOOST_TEST(!session.forward(input).ok());
  BOOST_TEST(!session.backward().ok());
}

BOOST_AUTO_TEST_CASE(no_fault_is_no_error) {
  BOOST_TEST((Fault().error().code() == Code::ok));
  BOOST_TEST(!Fault().error());
}

namespace {

/// What a newcomer may do with a borrowed tensor; the first number of `x` tells which.
struct Borrower {
  enum Way { overwritten, released, read_in_time, given_back };
  struct Input {
    View x;
  };
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss;
  };
  Way way;
  Linear<> dense;
  explicit Borrower(Way w) : way(w), dense(4, 4) { number_params(*this); }
  void visit(auto&& v) { v("dense", dense); }
  Result<void> validate(const Input&) const noexcept { return {}; }
  constexpr auto operator()(auto& context, const Input& in) const noexcept {
    using Context = std::remove_reference_t<decltype(context)>;
    const Operand x = context.numbers(in.x);
    auto h = context.template apply<op::linear>({false}, Extents<dyn, dyn>(x.view.dim[0], 4), x,
                                                context.param(dense.weight), Operand());
    auto kept = h.borrow();
    if (way == overwritten) h = gelu(std::move(h));
    if (way == released) h.reset();
    if (way == given_back) kept.reset();
    auto y = way == read_in_time ? add(dense(h), kept) : way == given_back ? gelu(std::move(h)) : dense(kept);
    return Output<Context>{sum(y)};
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_borrowed_tensor_is_not_read_after_its_owner_in_any_context) {
  for (const auto way : {Borrower::overwritten, Borrower::released, Borrower::read_in_time, Borrower::given_back}) {
    Borrower model(way);
    auto weights = Weights::of(model);
    const Borrower::Input borrowed{View::of_const(ones, DType::f32, 2, 4)};
    Session<Borrower, Ref> session(model, Ref());
    auto gradients = Gradients<Ref>::of(model, Ref());
    TrainingSession<Borrower, Ref> training(model, Ref(), *gradients);
    const bool good = way == Borrower::read_in_time || way == Borrower::given_back;
    for (const Error& error : {session.reserve(borrowed).error(), training.reserve(borrowed).error()}) {
      BOOST_TEST((error.code() == (good ? Code::ok : Code::invalid_argument)), error.message());
      BOOST_TEST(contains(error.message(), good ? "" : "borrow"), error.message());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_run_without_memory_tells_why_there_is_none) {
  Chain chain(9, 6);
  auto weights = Weights::of(chain);
  Session<Chain, Ref> session(chain, Ref());
  const Error reserved = session.reserve(input).error();
  const Error ran_without = session.run(input).error();
  BOOST_TEST(contains(reserved.message(), "columns"), reserved.message());
  BOOST_TEST(std::string(ran_without.message()) == reserved.message());
}
