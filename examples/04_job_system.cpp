// A model inside of a game: the engine's own job system runs its tiles, and each frame gives it two milliseconds.
//
// The model is a text encoder of 4 layers, width 256; one answer takes many frames. The loop prints the worst frame:
// how long a step took that was told to end after 2 ms. A second answer is cancelled from another thread, and a third
// begins at once.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "tessera/base/normal.hpp"
#include "tessera/context/budget.hpp"
#include "tessera/context/session.hpp"
#include "tessera/models/bert.hpp"
#ifdef TESSERA_WITH_CPU
#include "tessera/backends/cpu/cpu.hpp"
using Engine = tessera::Cpu;
#else
#include "tessera/backends/reference/reference.hpp"
using Engine = tessera::Reference<float>;
#endif

using namespace tessera;
using Clock = std::chrono::steady_clock;

/// What an engine has already: workers that take the next index of a job until there is none.
class JobSystem {
 public:
  explicit JobSystem(int workers) {
    for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
  }
  ~JobSystem() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  /// The form in which tessera asks for it: body(argument, i) for each i in [0, count); returns when all are done.
  static void parallel_for(void* self, std::int64_t count, Executor::Body body, void* argument) {
    static_cast<JobSystem*>(self)->run(Job{body, argument, count});
  }
  int threads() const { return static_cast<int>(workers_.size()) + 1; }

 private:
  struct Job {
    Executor::Body body = nullptr;
    void* argument = nullptr;
    std::int64_t count = 0;
  };

  void run(const Job& job) {
    // The workers have one job at a time. A call that comes meanwhile, from inside of a tile or from another thread,
    // runs its tiles itself: to wait for the workers could be to wait for itself.
    if (running_.exchange(true)) {
      for (std::int64_t i = 0; i < job.count; ++i) job.body(job.argument, i);
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      job_ = job;
      next_ = 0;
      busy_ = static_cast<int>(workers_.size());
      ++number_;
    }
    wake_.notify_all();
    take(job);
    {
      std::unique_lock lock(mutex_);
      done_.wait(lock, [this] { return busy_ == 0; });
    }
    running_ = false;
  }
  void take(const Job& job) {
    for (std::int64_t i = next_++; i < job.count; i = next_++) job.body(job.argument, i);
  }
  void work() {
    for (std::uint64_t seen = 0;;) {
      Job job;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return ending_ || number_ != seen; });
        if (ending_) return;
        seen = number_;
        job = job_;
      }
      take(job);
      const std::lock_guard lock(mutex_);
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::atomic<bool> running_{false};
  Job job_;
  std::atomic<std::int64_t> next_{0};
  std::uint64_t number_ = 0;
  int busy_ = 0;
  bool ending_ = false;
  std::vector<std::thread> workers_;
};

namespace {

BertConfig config() {
  BertConfig c;
  c.vocab_size = 1000;
  c.hidden_size = 256;
  c.num_hidden_layers = 4;
  c.num_attention_heads = 4;
  c.intermediate_size = 1024;
  c.max_position_embeddings = 128;
  return c;
}

double milliseconds(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

Result<void> run() {
  constexpr auto frame_budget = std::chrono::milliseconds(2);
  Bert<> model(config());
  TESSERA_TRY_ASSIGN(const Weights weights, Weights::of(model));
  for (Index i = 0; i < weights.elements(); ++i)
    weights.data()[i] = 0.05F * normal(7, static_cast<std::uint64_t>(i));  // a game would load them

  // Set-up, on the loading screen: weights in the backend's form, memory for the largest input.
  JobSystem jobs(1);
  const Executor executor(&JobSystem::parallel_for, &jobs, jobs.threads());
  const Engine backend;
  TESSERA_TRY_ASSIGN(const auto packed, Packed<Engine>::of(model, backend, Precision::f32, executor));
  Session<Bert<>, Engine> session(model, backend, &packed, executor);
  std::vector<std::int32_t> ids(128);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i * 37 % 1000);
  BertInput in;
  in.layout = Layout::padded(1, 128);
  in.input_ids = View::of_const(ids.data(), DType::i32, Index{1}, Index{128});
  TESSERA_TRY(session.reserve(in));

  // The frame loop. Nothing in it allocates.
  TESSERA_TRY(session.start(in));
  int frames = 0;
  Clock::duration worst{}, total{};
  for (bool done = false; !done; ++frames) {
    const auto start = Clock::now();
    Budget budget(frame_budget);
    TESSERA_TRY_ASSIGN(done, session.step(budget.request()));
    const auto took = Clock::now() - start;
    worst = (std::max)(worst, took);
    total += took;
    // ... physics, sound, drawing ...
  }
  std::printf("an answer took %d frames, %.2f ms; worst frame %.2f ms with a budget of %.0f ms\n", frames,
              milliseconds(total), milliseconds(worst), milliseconds(frame_budget));
  const float first = session.output().last_hidden_state.view().as<float>()[0];

  // The player left: another thread cancels, and the step ends at the next place where it asks.
  std::atomic<bool> cancelled = false;
  TESSERA_TRY(session.start(in));
  std::thread player([&] { cancelled = true; });
  bool finished = false;
  while (!finished && !cancelled) {
    Budget budget(frame_budget, &cancelled);
    TESSERA_TRY_ASSIGN(finished, session.step(budget.request()));
  }
  player.join();
  std::printf("the second answer was %s\n", finished ? "done before it was cancelled" : "cancelled");

  // What was cancelled leaves nothing behind.
  TESSERA_TRY_ASSIGN(const auto* again, session.run(in));
  const bool same = again->last_hidden_state.view().as<float>()[0] == first;
  std::printf("the third answer is %s as the first\n", same ? "the same" : "NOT the same");
  return same ? Result<void>() : Error::format(Code::invalid_argument, "two runs of one input differ");
}

}  // namespace

int main() {
  const auto done = run();
  if (!done) std::fprintf(stderr, "04_job_system: %s\n", done.error().message());
  return done ? 0 : 1;
}
