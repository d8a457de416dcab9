// A const model is shared: in each precision, a thousand calls from eight threads give the same bits, with threads of a
// shared pool or alone; and a call fits into a stack of 128 kB.
#define BOOST_TEST_MODULE backends_concurrency
#include <pthread.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "context/small_bert.hpp"
#include "tessera/base/thread_pool.hpp"
#ifdef TESSERA_WITH_CPU
#include "tessera/backends/cpu/cpu.hpp"
#endif

using namespace tessera;
using namespace small_bert;
using Model = BertForTokenClassification<>;

#ifdef TESSERA_WITH_CPU
using Shared = Cpu;
#else
using Shared = Ref;
#endif

// Low precisions where the compiler optimises: without it their kernels take minutes for a thousand calls, and under
// the address sanitizer more than 128 kB of stack.
#if defined(TESSERA_WITH_CPU) && defined(__OPTIMIZE__)
constexpr Precision precisions[] = {Precision::f32, Precision::bf16, Precision::int8};
#else
constexpr Precision precisions[] = {Precision::f32};
#endif

namespace {

constexpr Index texts = 4, tokens = 48;

BertConfig wide() {
  BertConfig c = config(2);
  c.hidden_size = 96;  // small enough for a thousand calls of a build that is not optimised
  c.num_attention_heads = 3;
  c.intermediate_size = 256;
  c.max_position_embeddings = 64;
  return c;
}

struct Setting {
  const Owned<Model> owned{wide()};
  Packed<Shared> packed;
  Arrays arrays{texts, tokens};

  explicit Setting(Precision precision)
      : packed(std::move(Packed<Shared>::of(owned.model, Shared(), precision)).value()) {}

  std::vector<float> run(const Executor& executor) const {
    Session<Model, Shared> session(owned.model, Shared(), &packed, executor);
    const auto in = arrays.labelled(texts * tokens);
    if (!session.reserve(in)) return {};
    const auto out = session.run(in);
    return out ? numbers(**out) : std::vector<float>();
  }
};

void check_a_thousand_calls(Precision precision) {
  const Setting setting(precision);
  const std::vector<float> truth = setting.run(Executor());
  BOOST_TEST_REQUIRE(!truth.empty());
  ThreadPool pool;
  BOOST_TEST_REQUIRE(pool.start(3).ok());
  std::atomic<int> same{0}, calls{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      const Executor executor = t % 2 == 0 ? pool.executor() : Executor();
      // Half of the calls share a session of their thread, the others have one each.
      Session<Model, Shared> session(setting.owned.model, Shared(), &setting.packed, executor);
      const auto in = setting.arrays.labelled(texts * tokens);
      if (!session.reserve(in)) return;
      for (int i = 0; i < 125; ++i) {
        std::vector<float> found;
        if (i % 2 == 0) {
          const auto out = session.run(in);
          if (out) found = numbers(**out);
        } else {
          found = setting.run(executor);
        }
        ++calls;
        if (same_bits(found, truth)) ++same;
      }
    });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(calls == 1000);
  BOOST_TEST(same == 1000);
}

void check_a_small_stack(Precision precision) {
  struct Job {
    const Setting setting;
    std::vector<float> truth, found;
  };
  Job job{Setting(precision), {}, {}};
  job.truth = job.setting.run(Executor());
  BOOST_TEST_REQUIRE(!job.truth.empty());
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  BOOST_TEST_REQUIRE(pthread_attr_setstacksize(&attributes, 128 * 1024) == 0);
  pthread_t thread;
  BOOST_TEST_REQUIRE(pthread_create(
                         &thread, &attributes,
                         [](void* argument) -> void* {
                           auto& j = *static_cast<Job*>(argument);
                           j.found = j.setting.run(Executor());
                           return nullptr;
                         },
                         &job) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  BOOST_TEST(same_bits(job.found, job.truth));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_thousand_calls_from_eight_threads_give_the_same_bits) {
  for (const Precision precision : precisions) {
    BOOST_TEST_CONTEXT(name(precision)) { check_a_thousand_calls(precision); }
  }
}

BOOST_AUTO_TEST_CASE(a_call_fits_into_a_stack_of_128_kb) {
  for (const Precision precision : precisions) {
    BOOST_TEST_CONTEXT(name(precision)) { check_a_small_stack(precision); }
  }
}
