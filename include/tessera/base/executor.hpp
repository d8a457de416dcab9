// Executor: how a kernel spreads its tiles over threads that belong to the host.
//
// A copyable handle of three words: serial by default, a ThreadPool (thread_pool.hpp), or the host's own parallel_for.
// Kernels cut their work into tiles by shape alone and never by the number of threads, so results have the same bits
// whatever executor runs them.
#pragma once

#include <cstdint>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA {

class Executor {
 public:
  /// Runs one tile: index in [0, count).
  using Body = void (*)(void* argument, std::int64_t index);
  /// Runs body(argument, i) once for each i in [0, count), in any order and on any threads, and returns when all are
  /// done. Must allow being called from inside a body (nested calls may run serially).
  using ParallelFor = void (*)(void* host, std::int64_t count, Body body, void* argument);

  constexpr Executor() noexcept = default;

  /// `threads`: how many threads `run_tiles` uses at most, the caller included; kernels size scratch by it.
  constexpr Executor(ParallelFor run_tiles, void* host, int threads) noexcept
      : parallel_for_(run_tiles), host_(host), threads_(threads > 0 ? threads : 1) {}

  constexpr int threads() const noexcept { return threads_; }

  /// Calls body(i) for each i in [0, count).
  template <class F>
  void parallel_for(std::int64_t count, const F& body) const {
    if (parallel_for_ == nullptr || count <= 1) {
      for (std::int64_t i = 0; i < count; ++i) body(i);
      return;
    }
    parallel_for_(
        host_, count, [](void* argument, std::int64_t index) { (*static_cast<const F*>(argument))(index); },
        const_cast<F*>(&body));
  }

 private:
  ParallelFor parallel_for_ = nullptr;
  void* host_ = nullptr;
  int threads_ = 1;
};

}  // namespace tessera
