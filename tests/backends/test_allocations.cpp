// No heap during a run: on the reference, the stub and the cpu backend, in each precision that they have, with one
// thread and with two, whole and in pieces; and none in a training step, dropout, checkpoints and optimizer included.
#define BOOST_TEST_MODULE backends_allocations
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "backends/backends.hpp"
#include "context/counting.hpp"
#include "context/small_bert.hpp"
#include "tessera/base/thread_pool.hpp"
#include "tessera/context/training_session.hpp"
#include "tessera/train/adamw.hpp"

using namespace tessera;
using namespace small_bert;
using Model = BertForTokenClassification<>;

BOOST_AUTO_TEST_CASE(the_counter_counts) {
  std::unique_ptr<int> kept;
  void* volatile memory = nullptr;
  BOOST_TEST(counting::during([&] { kept = std::make_unique<int>(1); }) == 1);
  BOOST_TEST(counting::during([&] { memory = std::malloc(100); }) == 1);
  BOOST_TEST(counting::during([&] { memory = std::realloc(memory, 200); }) == 1);
  std::free(memory);
  BOOST_TEST(counting::during([&] { memory = ::operator new (64, std::align_val_t{64}); }) == 1);
  ::operator delete (memory, std::align_val_t{64});
  BOOST_TEST(counting::during([] {}) == 0);
}

BOOST_AUTO_TEST_CASE(a_run_allocates_nothing_from_the_first_on) {
  const Owned<Model> owned;
  ThreadPool pool;
  BOOST_TEST_REQUIRE(pool.start(2).ok());
  // A new thread may allocate for itself when it first runs, and under a sanitizer it does.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  for (const AnyBackend& backend : backends_without_heap())
    for (const Precision precision : precisions_of(backend))
      for (const Executor& executor : {Executor(), pool.executor()}) {
        BOOST_TEST_CONTEXT(backend.name() << ", " << name(precision) << ", " << executor.threads() << " threads") {
          auto packed = Packed<AnyBackend>::of(owned.model, backend, precision, executor);
          BOOST_TEST_REQUIRE(packed.ok());
          Session<Model, AnyBackend> session(owned.model, backend, &*packed, executor);
          const Arrays large(4, 12), small(2, 5);
          BOOST_TEST_REQUIRE(session.reserve(large.labelled(48)).ok());
          bool good = true;
          BOOST_TEST(counting::during([&] { good = session.run(large.labelled(48)).ok(); }) == 0);
          BOOST_TEST(good);
          BOOST_TEST(counting::during([&] { good = session.run(small.labelled(10)).ok(); }) == 0);
          BOOST_TEST(good);
        }
      }
}

BOOST_AUTO_TEST_CASE(a_run_in_pieces_and_a_refused_one_allocate_nothing) {
  const Owned<Model> owned;
  for (const AnyBackend& backend : backends_without_heap())
    for (const Precision precision : precisions_of(backend)) {
      BOOST_TEST_CONTEXT(backend.name() << ", " << name(precision)) {
        auto packed = Packed<AnyBackend>::of(owned.model, backend, precision);
        BOOST_TEST_REQUIRE(packed.ok());
        Session<Model, AnyBackend> session(owned.model, backend, &*packed);
        const Arrays arrays(2, 6), larger(3, 9);
        BOOST_TEST_REQUIRE(session.reserve(arrays.labelled(12)).ok());
        bool done = false;
        BOOST_TEST(counting::during([&] {
                     if (!session.start(arrays.labelled(12)).ok()) return;
                     for (int i = 0; i < 1000 && !done; ++i) {
                       auto step = session.step({[](void*) { return true; }, nullptr});
                       done = step.ok() && *step;
                     }
                   }) == 0);
        BOOST_TEST(done);
        bool refused = false;
        BOOST_TEST(counting::during([&] { refused = !session.run(larger.labelled(27)).ok(); }) == 0);
        BOOST_TEST(refused);
      }
    }
}

BOOST_AUTO_TEST_CASE(training_steps_after_reserve_allocate_nothing) {
  for (const AnyBackend& backend : backends_without_heap())
    for (const bool checkpointing : {false, true}) {
      BOOST_TEST_CONTEXT(backend.name() << (checkpointing ? ", checkpointing" : "")) {
        Owned<Model> owned;
        owned.model.base.checkpointing = checkpointing;
        auto gradients = Gradients<AnyBackend>::of(owned.model, backend);
        TrainingSession<Model, AnyBackend> session(owned.model, backend, *gradients);
        session.set_dropout(true, 1);
        auto adam = AdamW::of(owned.model, {});
        BOOST_TEST_REQUIRE(adam.ok());
        const Arrays large(4, 12), small(3, 7);
        BOOST_TEST_REQUIRE(session.reserve(large.labelled(48)).ok());
        for (const Arrays* arrays : {&large, &small, &large}) {
          bool good = true;
          BOOST_TEST(counting::during([&] {
                       gradients->clear();
                       good = session.forward(arrays->labelled(arrays->texts * arrays->longest)).ok() &&
                              session.backward().ok();
                       adam->step(gradients->data());
                     }) == 0);
          BOOST_TEST(good);
        }
      }
    }
}
