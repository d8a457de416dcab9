// Executors: every tile runs once, serially, on the host's own parallel_for and on ThreadPool; nested and concurrent
// calls too; a pool starts, stops and refuses nonsense.
#define BOOST_TEST_MODULE base_executor
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tessera/base/thread_pool.hpp"

using namespace tessera;

namespace {

/// How often each of n tiles ran.
std::vector<int> counts(const Executor& executor, std::int64_t n) {
  std::vector<std::atomic<int>> ran(static_cast<std::size_t>(n));
  executor.parallel_for(n, [&](std::int64_t i) { ran[static_cast<std::size_t>(i)].fetch_add(1); });
  return {ran.begin(), ran.end()};
}

void each_once(const Executor& executor) {
  for (const std::int64_t n : {0, 1, 2, 3, 7, 100, 1000}) {
    const std::vector<int> once(static_cast<std::size_t>(n), 1);
    BOOST_TEST(counts(executor, n) == once, boost::test_tools::per_element());
  }
}

/// A host's scheduler that runs backwards and counts its calls.
struct Host {
  int calls = 0;
  static void run(void* host, std::int64_t count, Executor::Body body, void* argument) {
    ++static_cast<Host*>(host)->calls;
    for (std::int64_t i = count; i-- > 0;) body(argument, i);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_default_runs_tiles_in_order_in_the_caller) {
  const Executor serial;
  BOOST_TEST(serial.threads() == 1);
  std::vector<std::int64_t> order;
  serial.parallel_for(4, [&](std::int64_t i) { order.push_back(i); });
  BOOST_TEST(order == (std::vector<std::int64_t>{0, 1, 2, 3}), boost::test_tools::per_element());
  each_once(serial);
}

BOOST_AUTO_TEST_CASE(the_hosts_scheduler_gets_the_tiles_and_one_tile_needs_none) {
  Host host;
  const Executor executor(&Host::run, &host, 3);
  BOOST_TEST(executor.threads() == 3);
  executor.parallel_for(1, [](std::int64_t) {});
  BOOST_TEST(host.calls == 0);
  each_once(executor);
  BOOST_TEST(host.calls == 5);
}

BOOST_AUTO_TEST_CASE(a_pool_runs_every_tile_once_for_any_number_of_threads) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool;
    BOOST_TEST_REQUIRE(pool.start(threads).ok());
    BOOST_TEST(pool.threads() == threads);
    BOOST_TEST(pool.executor().threads() == threads);
    for (int round = 0; round < 50; ++round) each_once(pool.executor());
  }
}

BOOST_AUTO_TEST_CASE(workers_that_sleep_between_calls_wake_up) {
  ThreadPool pool;
  ThreadPool::Options options;
  options.threads = 3;
  options.spin_microseconds = 0;
  BOOST_TEST_REQUIRE(pool.start(options).ok());
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    each_once(pool.executor());
  }
}

BOOST_AUTO_TEST_CASE(calls_from_inside_of_a_tile_and_from_two_threads_are_allowed) {
  ThreadPool pool;
  BOOST_TEST_REQUIRE(pool.start(3).ok());
  const Executor executor = pool.executor();
  std::atomic<int> inner{0};
  executor.parallel_for(8, [&](std::int64_t) { executor.parallel_for(5, [&](std::int64_t) { inner.fetch_add(1); }); });
  BOOST_TEST(inner.load() == 40);

  std::atomic<int> wrong{0};
  const auto work = [&] {
    for (int round = 0; round < 200; ++round)
      for (const int n : counts(executor, 64))
        if (n != 1) wrong.fetch_add(1);
  };
  std::thread other(work);
  work();
  other.join();
  BOOST_TEST(wrong.load() == 0);
}

BOOST_AUTO_TEST_CASE(a_pool_refuses_nonsense_and_starts_again) {
  ThreadPool pool;
  for (const int threads : {0, -1, 100000}) {
    const auto refused = pool.start(threads);
    BOOST_TEST(!refused.ok());
    BOOST_TEST(std::string(refused.error().message()).find(std::to_string(threads)) != std::string::npos);
    BOOST_TEST(pool.threads() == 1);
    each_once(pool.executor());
  }
  BOOST_TEST_REQUIRE(pool.start(2).ok());
  each_once(pool.executor());
  BOOST_TEST_REQUIRE(pool.start(4).ok());
  each_once(pool.executor());
}
