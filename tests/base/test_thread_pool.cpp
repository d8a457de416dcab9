// ThreadPool: every tile once, whoever calls and however; idle pools sleep.
#define BOOST_TEST_MODULE base_thread_pool
#include "tessera/base/thread_pool.hpp"

#include <atomic>
#include <chrono>
#include <ctime>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

using tessera::Executor;
using tessera::ThreadPool;

namespace {

/// Runs `count` tiles and says whether each ran once.
bool each_tile_once(const Executor& executor, std::int64_t count) {
  std::vector<int> ran(static_cast<std::size_t>(count));
  executor.parallel_for(count, [&](std::int64_t i) { ++ran[static_cast<std::size_t>(i)]; });
  for (const int times : ran)
    if (times != 1) return false;
  return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(runs_each_tile_once) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool;
    BOOST_REQUIRE(pool.start(threads).ok());
    BOOST_TEST(pool.threads() == threads);
    BOOST_TEST(pool.executor().threads() == threads);
    for (const std::int64_t count : {0, 1, 2, 3, 7, 100, 1000}) BOOST_TEST(each_tile_once(pool.executor(), count));
    for (int i = 0; i < 300; ++i) BOOST_REQUIRE(each_tile_once(pool.executor(), 5));
  }
}

BOOST_AUTO_TEST_CASE(what_tiles_wrote_is_seen_after_the_call) {
  ThreadPool pool;
  BOOST_REQUIRE(pool.start(4).ok());
  std::vector<std::int64_t> written(64);
  std::int64_t wrong = 0;
  for (std::int64_t round = 0; round < 500; ++round) {
    pool.executor().parallel_for(64, [&](std::int64_t i) { written[static_cast<std::size_t>(i)] = round * i; });
    for (std::int64_t i = 0; i < 64; ++i) wrong += written[static_cast<std::size_t>(i)] != round * i;
  }
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(calls_from_tiles_run) {
  ThreadPool pool;
  BOOST_REQUIRE(pool.start(3).ok());
  const Executor executor = pool.executor();
  std::atomic<int> ran{0};
  executor.parallel_for(20, [&](std::int64_t) { executor.parallel_for(10, [&](std::int64_t) { ++ran; }); });
  BOOST_TEST(ran == 200);
}

BOOST_AUTO_TEST_CASE(several_threads_may_call_at_once) {
  ThreadPool pool;
  BOOST_REQUIRE(pool.start(3).ok());
  const Executor executor = pool.executor();
  std::atomic<int> failures{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int i = 0; i < 200; ++i)
        if (!each_tile_once(executor, 17)) ++failures;
    });
  for (std::thread& caller : callers) caller.join();
  BOOST_TEST(failures == 0);
}

BOOST_AUTO_TEST_CASE(sleeping_workers_wake) {
  ThreadPool pool;
  ThreadPool::Options options;
  options.threads = 2;
  options.spin_microseconds = 0;
  BOOST_REQUIRE(pool.start(options).ok());
  for (int i = 0; i < 50; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    BOOST_REQUIRE(each_tile_once(pool.executor(), 8));
  }
}

BOOST_AUTO_TEST_CASE(an_idle_pool_costs_no_time) {
  ThreadPool pool;
  BOOST_REQUIRE(pool.start(4).ok());
  BOOST_TEST(each_tile_once(pool.executor(), 100));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  // Three workers that spin would have used 600 ms.
  BOOST_TEST(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC < 0.05);
}

BOOST_AUTO_TEST_CASE(starts_again_with_another_number) {
  ThreadPool pool;
  BOOST_TEST(each_tile_once(pool.executor(), 10));
  BOOST_REQUIRE(pool.start(2).ok());
  BOOST_TEST(each_tile_once(pool.executor(), 10));
  BOOST_REQUIRE(pool.start(3).ok());
  BOOST_TEST(each_tile_once(pool.executor(), 10));
  BOOST_REQUIRE(pool.start(1).ok());
  BOOST_TEST(pool.threads() == 1);
  BOOST_TEST(each_tile_once(pool.executor(), 10));
}

BOOST_AUTO_TEST_CASE(a_number_that_makes_no_sense_is_an_error) {
  ThreadPool pool;
  BOOST_TEST(!pool.start(0).ok());
  BOOST_TEST(!pool.start(-1).ok());
  BOOST_TEST(!pool.start(100000).ok());
  BOOST_TEST((pool.start(0).error().code() == tessera::Code::invalid_argument));
  BOOST_TEST(pool.threads() == 1);
}
