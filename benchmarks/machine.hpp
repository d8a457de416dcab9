// What the machine can do in the same seconds: multiply-adds of one core or of all threads at once, and reading of
// memory. The clock drifts by several percent and other programs disturb, so a benchmark measures these between its own
// repetitions and compares with them.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "tessera/base/executor.hpp"

namespace tessera::benchmarks {

/// Of one thread: the time it had the processor, so that other programs disturb less; of several: by the clock.
inline double seconds_of_thread() {
#if defined(CLOCK_THREAD_CPUTIME_ID)
  std::timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
#else
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
#endif
}
inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Independent multiply-adds, as many chains as hide the latency: GFLOP/s of one core.
#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx512f"))) inline double multiply_adds_512(long count) {
  const double start = seconds_of_thread();
  asm volatile(
      "vpxord %%zmm0, %%zmm0, %%zmm0\n vpxord %%zmm1, %%zmm1, %%zmm1\n"
      "1:\n"
#define TESSERA_CHAIN(i) "vfmadd231ps %%zmm1, %%zmm0, %%zmm" #i "\n"
      TESSERA_CHAIN(16) TESSERA_CHAIN(17) TESSERA_CHAIN(18) TESSERA_CHAIN(19) TESSERA_CHAIN(20) TESSERA_CHAIN(21)
          TESSERA_CHAIN(22) TESSERA_CHAIN(23) TESSERA_CHAIN(24) TESSERA_CHAIN(25) TESSERA_CHAIN(26) TESSERA_CHAIN(27)
#undef TESSERA_CHAIN
              "dec %0\n jnz 1b\n"
      : "+r"(count)
      :
      : "cc", "xmm0", "xmm1", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",
        "xmm26", "xmm27");
  return seconds_of_thread() - start;
}
inline double multiply_adds_256(long count) {
  const double start = seconds_of_thread();
  asm volatile(
      "vxorps %%ymm0, %%ymm0, %%ymm0\n vxorps %%ymm1, %%ymm1, %%ymm1\n"
      "1:\n"
#define TESSERA_CHAIN(i) "vfmadd231ps %%ymm1, %%ymm0, %%ymm" #i "\n"
      TESSERA_CHAIN(4) TESSERA_CHAIN(5) TESSERA_CHAIN(6) TESSERA_CHAIN(7) TESSERA_CHAIN(8) TESSERA_CHAIN(9)
          TESSERA_CHAIN(10) TESSERA_CHAIN(11) TESSERA_CHAIN(12) TESSERA_CHAIN(13) TESSERA_CHAIN(14) TESSERA_CHAIN(15)
#undef TESSERA_CHAIN
              "dec %0\n jnz 1b\n"
      : "+r"(count)
      :
      : "cc", "xmm0", "xmm1", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
        "xmm14", "xmm15");
  return seconds_of_thread() - start;
}
inline double rate_of_one() {
  constexpr long count = 1'000'000;
  if (__builtin_cpu_supports("avx512f")) return 12.0 * 16 * 2 * count / multiply_adds_512(count) * 1e-9;
  if (__builtin_cpu_supports("fma")) return 12.0 * 8 * 2 * count / multiply_adds_256(count) * 1e-9;
  return 0;
}
#else
inline double rate_of_one() { return 0; }
#endif

/// GFLOP/s of all threads at once, as the kernels run; 0 where it is not known how to measure it.
inline double multiply_add_rate(const Executor& executor, int threads) {
  if (threads == 1) return rate_of_one();
  std::vector<double> rates(static_cast<std::size_t>(threads));
  executor.parallel_for(threads, [&](std::int64_t i) { rates[static_cast<std::size_t>(i)] = rate_of_one(); });
  double sum = 0;
  for (const double r : rates) sum += r;
  return sum;
}

/// Reads memory larger than the caches: GB/s of all threads at once.
class MemoryReader {
 public:
  explicit MemoryReader(std::size_t bytes) : lines_(bytes / 64 + 1) {}

  double gigabytes_per_second(const Executor& executor, int threads) const {
    const std::size_t each = lines_.size() / static_cast<std::size_t>(threads) / 8 * 8;
    const double start = seconds();
    executor.parallel_for(threads, [&](std::int64_t i) {
      const Line* from = lines_.data() + static_cast<std::size_t>(i) * each;
      for (const Line* const end = from + each; from != end; from += 8) read(from);
    });
    return static_cast<double>(each * sizeof(Line)) * threads / (seconds() - start) * 1e-9;
  }

 private:
  struct alignas(64) Line {
    std::uint64_t words[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  };
  /// One word of each line brings the whole of it.
  static void read(const Line* from) {
    for (int i = 0; i < 8; ++i) asm volatile("" : : "r"(*static_cast<const volatile std::uint64_t*>(from[i].words)));
  }

  std::vector<Line> lines_;
};

}  // namespace tessera::benchmarks
