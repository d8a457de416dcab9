// What sessions promise, on every backend of this build: runs in pieces give the bits of runs in one piece, any smaller
// input fits, training too, for one thread and for two; the plan is the arena's bytes and not one unit more.
#define BOOST_TEST_MODULE backends_sessions
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdlib>
#include <memory>

#include "backends/backends.hpp"
#include "context/small_bert.hpp"
#include "tessera/base/thread_pool.hpp"
#include "tessera/context/training_session.hpp"

using namespace tessera;
using namespace small_bert;
using Model = BertForTokenClassification<>;

namespace {

/// Wide enough that kernels cut their work into tiles.
BertConfig wide() {
  BertConfig c = config(2);
  c.hidden_size = 96;
  c.num_attention_heads = 6;
  c.intermediate_size = 200;
  c.max_position_embeddings = 80;
  return c;
}

}  // namespace

BOOST_AUTO_TEST_CASE(runs_in_pieces_give_the_bits_of_runs_in_one_piece_for_one_thread_and_two) {
  const Owned<Model> owned(wide());
  const Arrays arrays(3, 37);
  const auto in = arrays.labelled(3 * 37);
  ThreadPool pool;
  BOOST_TEST_REQUIRE(pool.start(2).ok());
  for (const AnyBackend& backend : host_backends()) BOOST_TEST_CONTEXT(backend.name()) {
      auto packed = Packed<AnyBackend>::of(owned.model, backend);
      std::vector<float> truth;
      for (const Executor& executor : {Executor(), pool.executor()})
        for (const bool taps : {false, true}) {
          Taps collected;
          Session<Model, AnyBackend> session(owned.model, backend, &*packed, executor);
          if (taps) session.set_taps(collected.sink());
          BOOST_TEST_REQUIRE(session.reserve(in).ok());
          const auto out = session.run(in);
          BOOST_TEST_REQUIRE(out.ok(), out.error().message());
          const std::vector<float> whole = numbers(**out);
          if (truth.empty()) truth = whole;
          if (!taps) BOOST_TEST(same_bits(whole, truth));
          const std::vector<float> tapped = collected.values;
          collected.values.clear();
          BOOST_TEST_REQUIRE(session.start(in).ok());
          bool done = false;
          for (int i = 0; i < 1000 && !done; ++i) {
            const auto step = session.step({[](void*) { return true; }, nullptr});
            BOOST_TEST_REQUIRE(step.ok());
            done = *step;
          }
          BOOST_TEST(same_bits(numbers(session.output()), whole));
          BOOST_TEST(same_bits(collected.values, tapped));
        }
    }
}

BOOST_AUTO_TEST_CASE(any_smaller_input_fits_and_gives_the_bits_of_a_session_of_its_own) {
  const Owned<Model> owned(wide());
  ThreadPool pool;
  BOOST_TEST_REQUIRE(pool.start(2).ok());
  constexpr Index most_texts = 3, most_tokens = 70;
  for (const AnyBackend& backend : host_backends()) BOOST_TEST_CONTEXT(backend.name()) {
      auto packed = Packed<AnyBackend>::of(owned.model, backend);
      Session<Model, AnyBackend> session(owned.model, backend, &*packed, pool.executor());
      const Arrays most(most_texts, most_tokens);
      BOOST_TEST_REQUIRE(session.reserve(most.labelled(most_texts * most_tokens)).ok());
      const bool slow = std::string(backend.name()) == "reference" || std::string(backend.name()) == "stub";
      for (Index texts = 1; texts <= most_texts; ++texts)
        for (Index tokens = 1; tokens <= most_tokens; tokens += slow ? 17 : 1) {
          const Arrays arrays(texts, tokens);
          const auto in = arrays.labelled(texts * tokens);
          const auto out = session.run(in);
          BOOST_TEST_REQUIRE(out.ok(), texts << " texts of " << tokens << ": " << out.error().message());
          if (tokens % 16 != 1) continue;
          Session<Model, AnyBackend> own(owned.model, backend, &*packed);
          BOOST_TEST_REQUIRE(own.reserve(in).ok());
          BOOST_TEST(same_bits(numbers(**own.run(in)), numbers(**out)));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_tape_whose_dropout_is_off_gives_the_bits_of_one_without_dropout) {
  const Arrays arrays(2, 19);
  const auto in = arrays.labelled(38);
  for (const AnyBackend& backend : host_backends()) BOOST_TEST_CONTEXT(backend.name()) {
      std::vector<float> bits[2];
      for (const bool has_rate : {false, true}) {
        BertConfig c = wide();
        c.hidden_dropout_prob = c.attention_probs_dropout_prob = has_rate ? 0.3 : 0.0;
        const Owned<Model> owned(c);
        auto gradients = Gradients<AnyBackend>::of(owned.model, backend);
        TrainingSession<Model, AnyBackend> session(owned.model, backend, *gradients);
        session.set_dropout(!has_rate, 3);
        BOOST_TEST_REQUIRE(session.reserve(in).ok());
        const auto out = session.forward(in);
        BOOST_TEST_REQUIRE(out.ok());
        bits[has_rate ? 1 : 0] = numbers(**out);
        BOOST_TEST_REQUIRE(session.backward().ok());
        const float* sums = gradients->data();
        bits[has_rate ? 1 : 0].insert(bits[has_rate ? 1 : 0].end(), sums, sums + gradients->elements());
      }
      BOOST_TEST(same_bits(bits[0], bits[1]));
    }
}

BOOST_AUTO_TEST_CASE(any_smaller_input_trains) {
  const Owned<Model> owned(wide());
  for (const AnyBackend& backend : host_backends()) BOOST_TEST_CONTEXT(backend.name()) {
      auto gradients = Gradients<AnyBackend>::of(owned.model, backend);
      TrainingSession<Model, AnyBackend> session(owned.model, backend, *gradients);
      session.set_dropout(true, 2);
      const Arrays most(2, 40);
      BOOST_TEST_REQUIRE(session.reserve(most.labelled(80)).ok());
      for (Index texts = 1; texts <= 2; ++texts)
        for (Index tokens = 1; tokens <= 40; tokens += 3) {
          const Arrays arrays(texts, tokens);
          const auto out = session.forward(arrays.labelled(texts * tokens));
          BOOST_TEST_REQUIRE(out.ok(), texts << " texts of " << tokens << ": " << out.error().message());
          BOOST_TEST_REQUIRE(session.backward().ok());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_run_stays_inside_the_planned_bytes) {
  const Owned<Model> owned(wide());
  const Arrays arrays(2, 33);
  const auto in = arrays.labelled(66);
  for (const AnyBackend& backend : host_backends()) BOOST_TEST_CONTEXT(backend.name()) {
      auto packed = Packed<AnyBackend>::of(owned.model, backend);
      const std::size_t bytes = plan(owned.model, in, backend).arena_bytes;
      constexpr std::size_t guard = 4096;
      const std::unique_ptr<std::byte, decltype(&std::free)> memory(
          static_cast<std::byte*>(std::aligned_alloc(64, guard + bytes + guard)), &std::free);
      std::memset(memory.get(), 0x5c, guard + bytes + guard);
      Session<Model, AnyBackend> session(owned.model, backend, &*packed);
      session.use_arena(memory.get() + guard, bytes);
      const auto out = session.run(in);
      BOOST_TEST_REQUIRE(out.ok(), out.error().message());
      bool whole = true;
      for (std::size_t i = 0; i < guard; ++i)
        whole = whole && memory.get()[i] == std::byte{0x5c} && memory.get()[guard + bytes + i] == std::byte{0x5c};
      BOOST_TEST(whole);
      session.use_arena(memory.get() + guard, bytes - 64);
      BOOST_TEST(!session.run(in).ok());
    }
}

/// Rows of more than one chunk of a feed-forward layer (256, and 512 in bf16), and a layer so narrow that chunks are no
/// less than what attention plans.
BOOST_AUTO_TEST_CASE(parts_and_smaller_inputs_stay_inside_of_what_was_planned_for_the_most) {
  BertConfig c = config(1);
  c.hidden_size = 32;
  c.num_attention_heads = 2;
  c.intermediate_size = 1024;
  c.max_position_embeddings = 64;
  const Owned<Model> owned(c);
  constexpr Index tokens = 57;
  constexpr std::size_t guard = std::size_t{1} << 20;
  for (const AnyBackend& backend : host_backends())
    for (const Precision precision : {Precision::f32, Precision::bf16, Precision::int8})
      for (const Index texts : {9, 18}) BOOST_TEST_CONTEXT(backend.name() << " " << name(precision) << " " << texts) {
          auto packed = Packed<AnyBackend>::of(owned.model, backend, precision);
          if (!packed.ok()) continue;
          const Arrays arrays(texts, tokens);
          const auto in = arrays.labelled(texts * tokens);
          Session<Model, AnyBackend> session(owned.model, backend, &*packed);
          const auto planned = session.bytes_for(in);
          BOOST_TEST_REQUIRE(planned.ok());
          const std::size_t bytes = *planned;
          const std::unique_ptr<std::byte, decltype(&std::free)> memory(
              static_cast<std::byte*>(std::aligned_alloc(64, (bytes + guard + 63) / 64 * 64)), &std::free);
          std::memset(memory.get(), 0x5c, bytes + guard);
          session.use_arena(memory.get(), bytes);
          const auto out = session.run(in);
          BOOST_TEST_REQUIRE(out.ok(), out.error().message());
          const std::vector<float> whole = numbers(**out);
          BOOST_TEST_REQUIRE(session.start(in).ok());
          for (bool done = false; !done;) {
            const auto step = session.step({[](void*) { return true; }, nullptr});
            BOOST_TEST_REQUIRE(step.ok());
            done = *step;
          }
          BOOST_TEST(same_bits(numbers(session.output()), whole));
          bool kept = true;
          for (std::size_t i = 0; i < guard; ++i) kept = kept && memory.get()[bytes + i] == std::byte{0x5c};
          BOOST_TEST(kept);
          // As many rows as make chunks of other sizes; what is planned says enough, and quicker.
          for (Index fewer = 1; fewer < texts; ++fewer) {
            const Arrays some(fewer, tokens);
            const auto needed = session.bytes_for(some.labelled(fewer * tokens));
            BOOST_TEST_REQUIRE(needed.ok());
            BOOST_TEST(*needed <= bytes, fewer << " texts");
          }
        }
}
