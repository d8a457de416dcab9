// One const model, many sessions: several threads at once, inference and training, sharing packed weights, each give
// the bits that one alone gives.
#define BOOST_TEST_MODULE context_two_sessions
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "context/small_bert.hpp"
#include "tessera/base/thread_pool.hpp"
#include "tessera/context/training_session.hpp"

using namespace tessera;
using namespace small_bert;
using Model = BertForTokenClassification<>;

namespace {

std::vector<float> run_alone(const Model& model, const BertLabelledInput& in) {
  Session<Model, Ref> session(model, Ref());
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  return numbers(**session.run(in));
}

}  // namespace

BOOST_AUTO_TEST_CASE(sessions_in_several_threads_give_the_bits_of_one) {
  const Owned<Model> owned;
  const Model& model = owned.model;
  const auto packed = Packed<Ref>::of(model, Ref());
  BOOST_TEST_REQUIRE(packed.ok());
  constexpr int threads = 4;
  std::vector<Arrays> arrays;
  std::vector<std::vector<float>> truth;
  for (int t = 0; t < threads; ++t) {
    arrays.emplace_back(1 + t, 4 + 2 * t);
    truth.push_back(run_alone(model, arrays.back().labelled((1 + t) * (4 + 2 * t))));
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t)
    running.emplace_back([&, t] {
      const auto in = arrays[static_cast<std::size_t>(t)].labelled((1 + t) * (4 + 2 * t));
      Session<Model, Ref> session(model, Ref(), t % 2 == 0 ? &*packed : nullptr);
      if (!session.reserve(in).ok()) wrong.fetch_add(1);
      for (int i = 0; i < 20; ++i) {
        const auto out = session.run(in);
        if (!out.ok() || !same_bits(numbers(**out), truth[static_cast<std::size_t>(t)])) wrong.fetch_add(1);
      }
    });
  for (std::thread& t : running) t.join();
  BOOST_TEST(wrong.load() == 0);
}

BOOST_AUTO_TEST_CASE(two_trainings_of_one_model_have_gradients_of_their_own) {
  const Owned<Model> owned;
  const Model& model = owned.model;
  const Arrays arrays(2, 6);
  const auto in = arrays.labelled(12);
  const auto train = [&](std::vector<float>& gradients_out) {
    auto gradients = Gradients<Ref>::of(model, Ref());
    TrainingSession<Model, Ref> session(model, Ref(), *gradients);
    session.set_dropout(true, 4);
    bool good = session.reserve(in).ok();
    for (int i = 0; i < 5 && good; ++i) {
      gradients->clear();
      good = session.forward(in).ok() && session.backward().ok();
    }
    if (good) gradients_out.assign(gradients->data(), gradients->data() + gradients->elements());
  };
  std::vector<float> alone, first, second;
  train(alone);
  std::thread other([&] { train(first); });
  train(second);
  other.join();
  BOOST_TEST(!alone.empty());
  BOOST_TEST(same_bits(alone, first));
  BOOST_TEST(same_bits(alone, second));
}

BOOST_AUTO_TEST_CASE(sessions_that_take_turns_do_not_disturb_each_other) {
  const Owned<Model> owned;
  const Arrays a(2, 6), b(3, 5);
  const auto in_a = a.labelled(12), in_b = b.labelled(15);
  const std::vector<float> truth_a = run_alone(owned.model, in_a), truth_b = run_alone(owned.model, in_b);
  Session<Model, Ref> first(owned.model, Ref()), second(owned.model, Ref());
  BOOST_TEST_REQUIRE(first.reserve(in_a).ok());
  BOOST_TEST_REQUIRE(second.reserve(in_b).ok());
  BOOST_TEST_REQUIRE(first.start(in_a).ok());
  BOOST_TEST_REQUIRE(second.start(in_b).ok());
  const StopRequest always{[](void*) { return true; }, nullptr};
  bool done_a = false, done_b = false;
  for (int i = 0; i < 1000 && !(done_a && done_b); ++i) {
    if (!done_a) done_a = *first.step(always);
    if (!done_b) done_b = *second.step(always);
  }
  BOOST_TEST(same_bits(numbers(first.output()), truth_a));
  BOOST_TEST(same_bits(numbers(second.output()), truth_b));
}

BOOST_AUTO_TEST_CASE(one_pool_serves_several_sessions) {
  const Owned<Model> owned;
  const Arrays arrays(3, 8);
  const auto in = arrays.labelled(24);
  const std::vector<float> truth = run_alone(owned.model, in);
  ThreadPool pool;
  BOOST_TEST_REQUIRE(pool.start(3).ok());
  std::atomic<int> wrong{0};
  const auto work = [&] {
    Session<Model, Ref> session(owned.model, Ref(), nullptr, pool.executor());
    if (!session.reserve(in).ok()) wrong.fetch_add(1);
    for (int i = 0; i < 20; ++i)
      if (const auto out = session.run(in); !out.ok() || !same_bits(numbers(**out), truth)) wrong.fetch_add(1);
  };
  std::thread other(work);
  work();
  other.join();
  BOOST_TEST(wrong.load() == 0);
}
