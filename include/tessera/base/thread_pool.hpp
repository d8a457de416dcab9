// ThreadPool: threads that run the tiles of kernels, for hosts that have no parallel_for of their own.
//
// Between calls of a run workers spin for a bounded time (waking one that sleeps takes about 25 microseconds, more than
// a small layer), then sleep and cost nothing. The caller never waits for a worker that has not begun: it takes the
// tiles itself. A header of its own, as <mutex> and <chrono> are dear to compile; the core does not include it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <thread>

#if __has_include(<pthread.h>)
#include <pthread.h>
#define TESSERA_POOL_HAS_PTHREAD 1
#else
#define TESSERA_POOL_HAS_PTHREAD 0
#endif

#include "tessera/base/executor.hpp"
#include "tessera/base/result.hpp"

namespace tessera::inline TESSERA_ISA {

class ThreadPool {
 public:
  struct Options {
    int threads = 1;              ///< the caller included, so one less is started
    int spin_microseconds = 100;  ///< how long an idle worker looks for work before it sleeps
  };

  /// No threads: runs everything in the caller.
  ThreadPool() noexcept = default;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  /// No call may be running.
  ~ThreadPool() { stop(); }

  /// Starts the threads; they replace those of an earlier start. When the system refuses one, none is left. (Where
  /// there is no pthread, std::thread starts them, and a refusal is an exception or the end of the program.)
  [[nodiscard]] Result<void> start(const Options& options) noexcept {
    stop();
    const int threads = options.threads;
    if (threads < 1 || threads > max_threads)
      return Error::format(Code::invalid_argument, "thread pool: threads must be 1 to %d, found %d", max_threads,
                           threads);
    if (threads == 1) return {};
    shares_.reset(new (std::nothrow) Share[static_cast<std::size_t>(threads)]);
    workers_.reset(new (std::nothrow) Worker[static_cast<std::size_t>(threads)]);
    if (shares_ == nullptr || workers_ == nullptr) {
      shares_.reset();
      workers_.reset();
      return Error::format(Code::out_of_memory, "thread pool: no memory for %d threads", threads);
    }
    spin_microseconds_ = options.spin_microseconds;
    stopping_.store(false);
    for (int i = 1; i < threads; ++i) {
      workers_[static_cast<std::size_t>(i)].pool = this;
      workers_[static_cast<std::size_t>(i)].index = i;
      if (!launch(workers_[static_cast<std::size_t>(i)])) {
        started_ = i;
        stop();
        return Error::format(Code::unsupported, "thread pool: the system refused thread %d of %d", i + 1, threads);
      }
    }
    started_ = threads;
    threads_ = threads;
    return {};
  }
  [[nodiscard]] Result<void> start(int threads) noexcept {
    Options options;
    options.threads = threads;
    return start(options);
  }

  int threads() const noexcept { return threads_; }

  /// Valid as long as the pool. Several threads may use it at once: one of them gets the workers, the others run their
  /// tiles themselves, as calls from inside of a tile do.
  Executor executor() noexcept { return threads_ > 1 ? Executor(&run, this, threads_) : Executor(); }

 private:
  static constexpr int max_threads = 1024;

  /// The tiles of one thread: a contiguous part, so that neighbours stay in one core's cache. Who is done takes from
  /// the others.
  struct alignas(64) Share {
    std::atomic<std::int64_t> next{0};
    std::int64_t end = 0;
  };
  struct Worker {
    ThreadPool* pool = nullptr;
    int index = 0;
#if TESSERA_POOL_HAS_PTHREAD
    pthread_t thread{};
#else
    std::thread thread;
#endif
  };

  // The gate: in its upper half the number of the call, then whether workers may still enter, then how many are inside.
  static constexpr std::uint64_t one_call = std::uint64_t{1} << 32;
  static constexpr std::uint64_t open_bit = std::uint64_t{1} << 31;
  static constexpr std::uint64_t inside_mask = open_bit - 1;

  static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  static void run(void* host, std::int64_t count, Executor::Body body, void* argument) {
    static_cast<ThreadPool*>(host)->run_tiles(count, body, argument);
  }

  void run_tiles(std::int64_t count, Executor::Body body, void* argument) noexcept {
    bool free = false;
    if (count < 2 || !busy_.compare_exchange_strong(free, true, std::memory_order_acquire)) {
      for (std::int64_t i = 0; i < count; ++i) body(argument, i);
      return;
    }
    body_ = body;
    argument_ = argument;
    for (int i = 0; i < threads_; ++i) {
      shares_[static_cast<std::size_t>(i)].next.store(count * i / threads_, std::memory_order_relaxed);
      shares_[static_cast<std::size_t>(i)].end = count * (i + 1) / threads_;
    }
    // Sequentially consistent, as is `sleeping_`: either we see a sleeper, or it sees the open gate.
    gate_.store((gate_.load(std::memory_order_relaxed) & ~(one_call - 1)) + one_call + open_bit);
    if (sleeping_.load() > 0) {
      { const std::lock_guard<std::mutex> lock(mutex_); }
      wake_.notify_all();
    }
    take_tiles(0);
    gate_.fetch_and(~open_bit, std::memory_order_acq_rel);
    // All tiles are taken; those inside finish theirs. One that lost its core to this loop gets it back.
    for (int spins = 0; (gate_.load(std::memory_order_acquire) & inside_mask) != 0; ++spins) {
      if (spins < 2000)
        pause();
      else
        std::this_thread::yield();
    }
    busy_.store(false, std::memory_order_release);
  }

  void take_tiles(int self) noexcept {
    for (int k = 0; k < threads_; ++k) {
      Share& share = shares_[static_cast<std::size_t>((self + k) % threads_)];
      while (share.next.load(std::memory_order_relaxed) < share.end) {
        const std::int64_t i = share.next.fetch_add(1, std::memory_order_relaxed);
        if (i >= share.end) break;
        body_(argument_, i);
      }
    }
  }

  /// Enters the call behind the gate; false when it is closed by now.
  bool enter(std::uint64_t& seen) noexcept {
    std::uint64_t gate = gate_.load(std::memory_order_acquire);
    while ((gate & open_bit) != 0) {
      if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
        seen = gate & ~(one_call - 1);
        return true;
      }
    }
    seen = gate & ~(one_call - 1);
    return false;
  }
  bool is_new(std::uint64_t gate, std::uint64_t seen) const noexcept { return (gate & ~(one_call - 1)) != seen; }

  void work(int self) noexcept {
    std::uint64_t seen = 0;
    while (!stopping_.load(std::memory_order_acquire)) {
      if (!wait_for_call(seen)) return;
      if (!enter(seen)) continue;
      take_tiles(self);
      gate_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  /// Spins, then sleeps, until there is a call newer than `seen`; false when the pool stops.
  bool wait_for_call(std::uint64_t seen) noexcept {
    const auto start = std::chrono::steady_clock::now();
    const auto limit = std::chrono::microseconds(spin_microseconds_);
    do {
      for (int i = 0; i < 64; ++i) {
        if (is_new(gate_.load(std::memory_order_acquire), seen)) return !stopping_.load(std::memory_order_acquire);
        pause();
      }
    } while (std::chrono::steady_clock::now() - start < limit);
    std::unique_lock<std::mutex> lock(mutex_);
    sleeping_.fetch_add(1);
    while (!is_new(gate_.load(), seen)) wake_.wait(lock);
    sleeping_.fetch_sub(1);
    return !stopping_.load(std::memory_order_acquire);
  }

  static bool launch(Worker& worker) noexcept {
#if TESSERA_POOL_HAS_PTHREAD
    return pthread_create(
               &worker.thread, nullptr,
               [](void* argument) -> void* {
                 Worker& self = *static_cast<Worker*>(argument);
                 self.pool->work(self.index);
                 return nullptr;
               },
               &worker) == 0;
#else
    worker.thread = std::thread([&worker] { worker.pool->work(worker.index); });
    return true;
#endif
  }

  void stop() noexcept {
    if (started_ == 0) return;
    stopping_.store(true);
    gate_.fetch_add(one_call);  // a new call, but closed
    { const std::lock_guard<std::mutex> lock(mutex_); }
    wake_.notify_all();
    for (int i = 1; i < started_; ++i) {
#if TESSERA_POOL_HAS_PTHREAD
      pthread_join(workers_[static_cast<std::size_t>(i)].thread, nullptr);
#else
      workers_[static_cast<std::size_t>(i)].thread.join();
#endif
    }
    started_ = 0;
    threads_ = 1;
    gate_.store(0);
    shares_.reset();
    workers_.reset();
  }

  // What each side writes lies on cache lines of its own.
  alignas(64) std::atomic<std::uint64_t> gate_{0};
  alignas(64) std::atomic<bool> busy_{false};
  std::atomic<int> sleeping_{0};
  std::atomic<bool> stopping_{false};
  alignas(64) Executor::Body body_ = nullptr;
  void* argument_ = nullptr;
  int threads_ = 1;
  int started_ = 0;
  int spin_microseconds_ = 100;
  std::unique_ptr<Share[]> shares_;
  std::unique_ptr<Worker[]> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace tessera
