// Budget: a stop request for a time and for a flag that another thread may set.
//
//   Budget budget(std::chrono::milliseconds(2), &cancelled);
//   auto done = session.step(budget.request());
//
// A run is stopped at the first place where it asks after the time is over (infer.hpp states how far apart these are).
// A header of its own, as <chrono> is dear to compile.
#pragma once

#include <atomic>
#include <chrono>

#include "tessera/context/frame.hpp"

namespace tessera::inline TESSERA_ISA {

class Budget {
 public:
  using Clock = std::chrono::steady_clock;

  /// From now on. `cancel` may be null, and must otherwise outlive the budget.
  explicit Budget(Clock::duration time, const std::atomic<bool>* cancel = nullptr) noexcept
      : end_(Clock::now() + time), cancel_(cancel) {}

  bool over() const noexcept {
    return (cancel_ != nullptr && cancel_->load(std::memory_order_relaxed)) || Clock::now() >= end_;
  }
  /// Valid as long as the budget.
  StopRequest request() noexcept {
    return {[](void* state) { return static_cast<const Budget*>(state)->over(); }, this};
  }

 private:
  Clock::time_point end_;
  const std::atomic<bool>* cancel_;
};

}  // namespace tessera
