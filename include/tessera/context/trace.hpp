// Trace<B>: inference that reports each op: number, name, shape, time, FLOPs, and how far it is from another backend.
//
// The deviation is op by op: the same inputs through the other kernel, so errors do not add up. Tracing allocates and
// is slow; it is for profiles, for finding the first op that goes wrong, and for comparing backends.
#pragma once

#include <chrono>
#include <cmath>

#include "tessera/context/infer.hpp"

namespace tessera::inline TESSERA_ISA {

struct TraceEvent {
  OpId op = OpId::count;
  std::int32_t number = 0;
  View out;                  ///< valid during the report only
  const View* in = nullptr;  ///< [max_inputs], as the kernel saw them; one that was not given has rank 0
  double microseconds = 0;
  std::int64_t flops = 0;
  double deviation = 0;   ///< max |this - other|; NaN when there was nothing to compare with
  double scale = 0;       ///< max |other|
  bool borrowed = false;  ///< the kernel is the reference's: the backend has none of its own

  /// What the op has to read and write at least; of a table it reads the rows that it gives.
  std::size_t bytes() const noexcept {
    std::size_t sum = 2 * out.bytes();
    if (op != OpId::embedding) sum = out.bytes() + in[0].bytes();
    for (int i = 1; i < max_inputs; ++i) sum += in[i].bytes();
    return sum;
  }
};

/// The probe behind Trace. Plain data: the host owns what `state` points to.
class TraceProbe {
 public:
  using Report = void (*)(void* state, const TraceEvent& event);

  TraceProbe() = default;
  /// `truth`: the kernels of the other backend (f32, host memory), null for none. `own`: the traced backend's.
  TraceProbe(Report report, void* state, const Kernels* own, const Kernels* truth, const Memory& memory) noexcept
      : report_(report), state_(state), own_(own), truth_(truth), memory_(memory) {}
  TraceProbe(const TraceProbe& other) noexcept
      : report_(other.report_), state_(other.state_), own_(other.own_), truth_(other.truth_), memory_(other.memory_) {}

  void before(OpId id, std::int32_t, const Call& call) noexcept {
    compared_ =
        truth_ != nullptr && truth_->has(id) && memory_.host() && !has_packed_input(call) && truth_fits(id, call);
    if (compared_) {
      // Into memory of its own, since the op may overwrite its input.
      Call twin = call;
      twin.out.data = expected_.data();
      twin.scratch = scratch_.data();
      truth_->run[static_cast<int>(id)](twin);
    }
    start_ = std::chrono::steady_clock::now();
  }

  void after(OpId id, std::int32_t number, const Call& call, std::int64_t flops) noexcept {
    if (memory_.finish != nullptr) (void)memory_.finish();
    const auto end = std::chrono::steady_clock::now();
    TraceEvent event;
    event.op = id;
    event.number = number;
    event.out = call.out;
    event.in = call.in;
    event.microseconds = std::chrono::duration<double, std::micro>(end - start_).count();
    event.flops = flops;
    event.borrowed = own_ != nullptr && own_->origin[static_cast<int>(id)] == Origin::reference;
    event.deviation = std::nan("");
    if (compared_) {
      event.deviation = 0;
      const auto* other = reinterpret_cast<const float*>(expected_.data());
      for (Index i = 0; i < call.out.count(); ++i) {
        const double a = static_cast<double>(call.out.as<const float>()[i]), b = static_cast<double>(other[i]);
        event.scale = std::fmax(event.scale, std::fabs(b));
        event.deviation = std::fmax(event.deviation, std::fabs(a - b));
      }
    }
    if (report_ != nullptr) report_(state_, event);
  }

 private:
  static bool has_packed_input(const Call& call) noexcept {
    for (int i = 0; i < max_inputs; ++i)
      if (call.in[i].packing != 0) return true;
    return false;
  }
  bool truth_fits(OpId id, const Call& call) noexcept {
    const Scratch need = truth_->scratch[static_cast<int>(id)];
    return call.out.type == DType::f32 && expected_.resize(call.out.bytes()) &&
           scratch_.resize(need != nullptr ? need(call) : 0);
  }

  Report report_ = nullptr;
  void* state_ = nullptr;
  const Kernels* own_ = nullptr;
  const Kernels* truth_ = nullptr;
  Memory memory_;
  Buffer<std::byte> expected_, scratch_;
  std::chrono::steady_clock::time_point start_;
  bool compared_ = false;
};

/// Use as Session<Model, B, TraceProbe>, or on its own.
template <class B>
using Trace = Infer<B, TraceProbe>;

}  // namespace tessera
