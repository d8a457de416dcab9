// Infer<B>: runs a model on backend B in an arena. No heap, no gradient; dropout is nothing.
//
// With `begin_plan` the same walk only adds up sizes: in a constant expression too, so an arena can be a static array.
// With a stop request a run ends between two ops, or between parts of the rows of a large linear or feed_forward, and
// the next walk goes on where it stopped: ops before the cursor give the views they gave before, and compute nothing.
// So a request is answered at the latest after one part of these (2^25 multiply-adds, or 16 rows where these are more)
// or after one other op.
#pragma once

#include "tessera/context/frame.hpp"

namespace tessera::inline TESSERA_ISA {

/// Sees each op before and after it runs (trace.hpp). The default sees nothing and costs nothing.
struct NoProbe {
  constexpr void before(OpId, std::int32_t, const Call&) const noexcept {}
  constexpr void after(OpId, std::int32_t, const Call&, std::int64_t) const noexcept {}
};

template <class B, class Probe = NoProbe>
class Infer : public Frame<B> {
  using base = Frame<B>;

 public:
  using element = typename base::element;
  static constexpr bool training = false;

  constexpr explicit Infer(const B& backend, const Probe& probe = Probe()) noexcept : base(backend), probe_(probe) {}

  /// The next walk plans.
  constexpr void begin_plan() noexcept { base::begin_frame(true, Arena()); }
  /// The next walk runs from the first op, or from where the walk before stopped when `resume`.
  void begin(const Arena& arena, bool resume = false, const StopRequest& stop = {}) noexcept {
    base::begin_frame(false, arena);
    if (!resume) {
      cursor_ = 0;
      rows_done_ = 0;
    }
    this->stopped_ = false;
    stop_ = stop;
  }
  /// True when the last walk ended before its last op.
  constexpr bool stopped() const noexcept { return this->stopped_; }
  constexpr std::int32_t cursor() const noexcept { return cursor_; }

  constexpr Probe& probe() noexcept { return probe_; }

  /// Whether the backend runs this op itself. Fused ops ask before they choose.
  constexpr bool has(OpId id) const noexcept { return this->backend_.kernels().has(id); }

  TESSERA_NOINLINE constexpr void release(Slot slot, std::int32_t) noexcept { base::give_back(slot); }

  /// One op: out = Op(in...). `extents` are the sizes of the result.
  template <class Op, class E, class... In>
  constexpr Tensor<Infer, E> apply(const typename Op::Attributes& attributes, const E& extents,
                                   const In&... in) noexcept {
    const View views[max_inputs] = {in.view...};
    View out = View::of(nullptr, detail::out_type<Op, element>(), extents);
    const Slot slot = base::allocate(out.bytes());
    out.data = base::address(slot);
    perform(Op::id, &attributes, views, out, &Op::flops);
    return Tensor<Infer, E>(*this, out, slot, -1);
  }

  /// The same into memory that is not the context's, which outlives the walk.
  template <class Op, class E, class... In>
  constexpr Tensor<Infer, E> apply_to(const typename Op::Attributes& attributes, const View& memory,
                                      const In&... in) noexcept {
    const View views[max_inputs] = {in.view...};
    perform(Op::id, &attributes, views, memory, &Op::flops);
    return Tensor<Infer, E>(*this, memory, Slot(), -1);
  }

  /// The same for an elementwise op that may overwrite its first input, which is given up.
  template <class Op, class T, class... In>
  constexpr auto apply_in_place(const typename Op::Attributes& attributes, T x, const In&... in) noexcept {
    if (x.owns_memory()) {
      const View views[max_inputs] = {x.view(), in.view...};
      perform(Op::id, &attributes, views, x.view(), &Op::flops);
      this->end_loans_of(x.slot().offset);
      return x;
    }
    typename T::extents extents;
    for (int i = 0; i < T::extents::rank; ++i) extents.size[i] = x.size(i);
    return apply<Op>(attributes, extents, x.operand(), in...);
  }

  /// Shows a value to whoever asked for it by name.
  TESSERA_NOINLINE constexpr void tap(const char* tap_name, const View& value) noexcept {
    const std::int32_t number = this->number_++;
    if (this->planning_ || this->failed() || this->stopped_ || number < cursor_) return;
    if (this->wants(tap_name)) this->taps_.take(this->taps_.state, tap_name, value, this->backend_.memory());
    cursor_ = number + 1;
  }

 private:
  TESSERA_NOINLINE constexpr void perform(OpId id, const void* attributes, const View* in, const View& out,
                                          std::int64_t (*flops)(const View*, const View&)) noexcept {
    const std::int32_t number = this->number_++;
    if (this->failed()) return;
    const Kernels& kernels = this->backend_.kernels();
    if (!base::require(kernels.has(id), "backend: it has no kernel for this op", 1, 0, Code::unsupported, id)) return;
    Call call;
    call.in = in;
    call.out = out;
    call.attributes = attributes;
    call.executor = &this->executor_;
    Slot scratch;
    if (const Scratch need = kernels.scratch[static_cast<int>(id)]; need != nullptr) {
      scratch = base::allocate(need(call));
      call.scratch = base::address(scratch);
    }
    if (this->planning_) {
      this->flops_ += flops(in, out);
    } else if (!this->failed() && !this->stopped_ && number >= cursor_) {
      probe_.before(id, number, call);
      if (stop_.stop != nullptr && kernels.divisible[static_cast<int>(id)])
        execute_in_parts(id, call, flops(in, out) / 2);
      else
        base::execute(id, call);
      if (!this->stopped_) {
        probe_.after(id, number, call, flops(in, out));
        cursor_ = number + 1;
        rows_done_ = 0;
        if (stop_.stop != nullptr && stop_.stop(stop_.state)) this->stopped_ = true;
      }
    }
    base::give_back(scratch);
  }

  /// A divisible op [rows, in] -> [rows, out] of so many multiply-adds, from the first row that is not done; asks
  /// between parts whether to stop.
  void execute_in_parts(OpId id, const Call& call, std::int64_t multiply_adds) noexcept {
    constexpr Index work_each = Index{1} << 25;
    constexpr Index rows_least = 16;
    const Index rows = call.out.rows();
    const Index work = rows > 0 ? multiply_adds / rows : 0;
    Index each = work > 0 ? work_each / work : rows;
    if (each < rows_least) each = rows_least;
    const Index parts = rows > 0 ? (rows + each - 1) / each : 1;
    View in[max_inputs];
    for (int i = 0; i < max_inputs; ++i) in[i] = call.in[i];
    Call part = call;
    part.in = in;
    for (Index p = 0; p < parts; ++p) {
      const Index first = rows * p / parts;
      const Index end = rows * (p + 1) / parts;
      if (first < rows_done_) continue;
      in[0].data = call.in[0].template row<std::byte>(0) + byte_offset(call.in[0], first);
      part.out.data = call.out.template row<std::byte>(0) + byte_offset(call.out, first);
      in[0].dim[0] = part.out.dim[0] = end - first;
      base::execute(id, part);
      if (end < rows && stop_.stop(stop_.state)) {
        rows_done_ = end;
        this->stopped_ = true;
        return;
      }
    }
  }
  static std::size_t byte_offset(const View& v, Index row) noexcept {
    return static_cast<std::size_t>(row * v.row_stride) * size_of(v.type);
  }

  Probe probe_;
  StopRequest stop_;
  std::int32_t cursor_ = 0;
  Index rows_done_ = 0;  ///< of the op at the cursor
};

}  // namespace tessera
