// Plans: constant expressions, exact to the unit of the arena, about one layer deep whatever the depth, and good for
// every smaller input.
#define BOOST_TEST_MODULE context_plan
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <random>

#include "context/small_bert.hpp"
#include "tessera/context/training_session.hpp"

using namespace tessera;
using namespace small_bert;

namespace {

using Constant = Bert<sizes>;
constexpr Plan needed = plan(Constant(config()), BertInput::shape(2, 8), Ref());
static_assert(needed.parameters == parameter_count(Constant(config())) && needed.parameters > 0);
static_assert(needed.fault.code == Code::ok);
static_assert(needed.arena_bytes > 0 && needed.arena_bytes % FreeList::alignment == 0);
// Two multiply-adds' worth for each element of q, k, v, the output, both feed-forward layers, and both products.
static_assert(needed.flops == 2 * (2 * 16 * (4 * 12 * 12 + 2 * 12 * 20) + 4 * 16 * 8 * 12) + 2 * 2 * 12 * 12);

/// 64-byte aligned memory with a guard behind.
struct Memory64 {
  std::size_t bytes;
  std::byte* data;
  explicit Memory64(std::size_t n) : bytes(n), data(static_cast<std::byte*>(std::aligned_alloc(64, n + 64))) {
    std::memset(data, 0xa5, n + 64);
  }
  ~Memory64() { std::free(data); }
  Memory64(const Memory64&) = delete;
  Memory64& operator=(const Memory64&) = delete;
  bool guard_is_whole() const {
    for (std::size_t i = bytes; i < bytes + 64; ++i)
      if (data[i] != std::byte{0xa5}) return false;
    return true;
  }
  /// The highest byte that was written, rounded to units.
  std::size_t used() const {
    std::size_t n = bytes;
    while (n > 0 && data[n - 1] == std::byte{0xa5}) --n;
    return FreeList::rounded(n);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_plan_at_compile_time_is_that_of_run_time_and_of_the_model_with_run_time_sizes) {
  const Constant constant(config());
  const Bert<> dynamic(config());
  for (const Plan& p : {plan(constant, BertInput::shape(2, 8), Ref()), plan(dynamic, BertInput::shape(2, 8), Ref())}) {
    BOOST_TEST(p.arena_bytes == needed.arena_bytes);
    BOOST_TEST(p.flops == needed.flops);
    BOOST_TEST(p.ops == needed.ops);
  }
}

BOOST_AUTO_TEST_CASE(exactly_the_planned_bytes_are_enough_and_all_are_used) {
  const Owned<Bert<>> owned;
  const Arrays arrays(2, 8);
  auto in = arrays.input();
  const std::vector<std::int64_t> positions = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7};
  in.position_ids = View::of_const(positions.data(), DType::i64, 2, 8);
  Memory64 memory(needed.arena_bytes);
  Session<Bert<>, Ref> session(owned.model, Ref());
  session.use_arena(memory.data, memory.bytes);
  const auto out = session.run(in);
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  BOOST_TEST(memory.guard_is_whole());
  BOOST_TEST(memory.used() == needed.arena_bytes);
}

BOOST_AUTO_TEST_CASE(one_unit_less_is_an_error_that_names_both_sizes) {
  const Owned<Bert<>> owned;
  const Arrays arrays(2, 8);
  const auto in = arrays.input();
  const std::size_t exact = plan(owned.model, in, Ref()).arena_bytes;
  Memory64 memory(exact);
  Session<Bert<>, Ref> session(owned.model, Ref());
  for (const std::size_t less : {std::size_t{1}, std::size_t{64}}) {
    session.use_arena(memory.data, exact - less);
    const auto out = session.run(in);
    BOOST_TEST(!out.ok());
    BOOST_TEST((out.error().code() == Code::out_of_memory));
    BOOST_TEST(contains(out.error().message(), std::to_string(exact)), out.error().message());
    BOOST_TEST(contains(out.error().message(), std::to_string(exact - less)), out.error().message());
  }
  session.use_arena(memory.data, exact);
  BOOST_TEST(session.run(in).ok());
}

BOOST_AUTO_TEST_CASE(a_session_that_reserved_nothing_says_so) {
  const Owned<Bert<>> owned;
  const Arrays arrays(1, 4);
  Session<Bert<>, Ref> session(owned.model, Ref());
  const auto out = session.run(arrays.input());
  BOOST_TEST(!out.ok());
  BOOST_TEST(contains(out.error().message(), "reserved 0"), out.error().message());
}

BOOST_AUTO_TEST_CASE(a_deep_stack_needs_the_memory_of_one_layer) {
  std::size_t shallow = 0;
  for (const Index layers : {2, 4, 16}) {
    const Bert<> model(config(layers));
    const std::size_t bytes = plan(model, BertInput::shape(2, 8), Ref()).arena_bytes;
    if (layers == 2) shallow = bytes;
    BOOST_TEST(bytes == shallow);
  }
  const Bert<> one(config(1));
  BOOST_TEST(shallow <= plan(one, BertInput::shape(2, 8), Ref()).arena_bytes + 2 * 8 * 12 * 4);
}

BOOST_AUTO_TEST_CASE(training_memory_grows_with_depth_and_the_plan_is_exact_too) {
  std::size_t before = 0;
  for (const Index layers : {1, 2, 4}) {
    const Owned<BertForTokenClassification<>> owned(config(layers));
    const Arrays arrays(2, 8);
    auto gradients = Gradients<Ref>::of(owned.model, Ref());
    TrainingSession<BertForTokenClassification<>, Ref> session(owned.model, Ref(), *gradients);
    BOOST_TEST_REQUIRE(session.reserve(arrays.labelled(16)).ok());
    BOOST_TEST(session.arena_bytes() > before);
    before = session.arena_bytes();
    BOOST_TEST(session.forward(arrays.labelled(16)).ok());
    BOOST_TEST(session.backward().ok());
  }
}

BOOST_AUTO_TEST_CASE(any_smaller_input_runs_in_a_session) {
  const Owned<Bert<>> owned;
  constexpr Index most_texts = 6, most_tokens = 13;
  Session<Bert<>, Ref> session(owned.model, Ref());
  BOOST_TEST_REQUIRE(session.reserve(BertInput::shape(most_texts, most_tokens)).ok());
  const std::size_t reserved = session.arena_bytes();
  for (Index texts = 1; texts <= most_texts; ++texts)
    for (Index tokens = 1; tokens <= most_tokens; ++tokens) {
      const Arrays arrays(texts, tokens);
      const auto out = session.run(arrays.input());
      BOOST_TEST_REQUIRE(out.ok(), out.error().message());
    }
  std::mt19937 random(1);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::int32_t> offsets{0};
    const Index texts = 1 + static_cast<Index>(random() % most_texts);
    for (Index t = 0; t < texts; ++t)
      offsets.push_back(offsets.back() + 1 + static_cast<std::int32_t>(random() % most_tokens));
    const Arrays arrays(1, offsets.back());
    BertInput in;
    in.layout = Layout::ragged(texts, offsets.data());
    in.input_ids = View::of_const(arrays.ids.data(), DType::i64, offsets.back());
    const auto out = session.run(in);
    BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  }
  BOOST_TEST(session.arena_bytes() == reserved);
}

BOOST_AUTO_TEST_CASE(plans_of_random_models_are_monotone_in_texts_and_tokens) {
  std::mt19937 random(7);
  int broken = 0;
  double worst = 1;
  for (int round = 0; round < 60; ++round) {
    BertConfig c = config(2);
    c.num_attention_heads = 1 + static_cast<Index>(random() % 4);
    c.hidden_size = c.num_attention_heads * (1 + static_cast<Index>(random() % 24));
    c.intermediate_size = 1 + static_cast<Index>(random() % 200);
    c.max_position_embeddings = 64;
    const BertForTokenClassification<> model(c);
    const Index texts = 1 + static_cast<Index>(random() % 8), tokens = 1 + static_cast<Index>(random() % 48);
    const auto labels = [](Index rows) { return View::of(nullptr, DType::i64, rows); };
    const auto bytes = [&](Index n, Index length) {
      return plan(model, BertLabelledInput::shape(n, length, labels(n * length)), Ref()).arena_bytes;
    };
    const std::size_t most = bytes(texts, tokens);
    for (Index n = 1; n <= texts; ++n)
      for (Index length = 1; length <= tokens; ++length) {
        const std::size_t need = bytes(n, length);
        if (need <= most) continue;
        ++broken;
        worst = std::max(worst, static_cast<double>(need) / static_cast<double>(most));
      }
  }
  BOOST_TEST(broken == 0, broken << " smaller inputs need more, at most " << worst << " times as much");
}

BOOST_AUTO_TEST_CASE(any_smaller_input_trains_in_a_session) {
  for (const bool checkpointing : {false, true}) {
    Owned<BertForTokenClassification<>> owned;
    owned.model.base.checkpointing = checkpointing;
    auto gradients = Gradients<Ref>::of(owned.model, Ref());
    TrainingSession<BertForTokenClassification<>, Ref> session(owned.model, Ref(), *gradients);
    session.set_dropout(true, 3);
    const Arrays most(5, 11);
    BOOST_TEST_REQUIRE(session.reserve(most.labelled(5 * 11)).ok());
    for (Index texts = 1; texts <= 5; ++texts)
      for (Index tokens = 1; tokens <= 11; ++tokens) {
        const Arrays arrays(texts, tokens);
        const auto out = session.forward(arrays.labelled(texts * tokens));
        BOOST_TEST_REQUIRE(out.ok(), out.error().message());
        BOOST_TEST_REQUIRE(session.backward().ok());
      }
  }
}
