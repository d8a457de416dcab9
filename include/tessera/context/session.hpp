// Session<Model, B>: everything mutable of one caller of a shared const model: arena, cursor, outputs.
//
// reserve(capacity) plans for the largest input and takes the memory; run(input) takes any input that fits and
// allocates nothing. step(stop) is a run in pieces. A model is a call operator model(context, input) with the types
// Model::Input (plain views of host arrays), Model::Output<Context> (an aggregate of tensors) and a member
// validate(input), which looks at ids, lengths and masks once, on the host.
#pragma once

#include "tessera/context/infer.hpp"
#include "tessera/context/weights.hpp"

namespace tessera::inline TESSERA_ISA {

/// What `input` needs: bytes of the arena, FLOPs, ops. A constant expression where backend, model and input are.
template <class Model, class B>
constexpr Plan plan(const Model& model, const typename Model::Input& input, const B& backend,
                    const Executor& executor = {}, const TapSink& taps = {}) noexcept {
  Infer<B> context(backend);
  context.set_executor(executor);
  context.set_taps(taps);
  context.begin_plan();
  if (const Fault incomplete = detail::fault_of_sizes(model); incomplete.code != Code::ok) {
    Plan plan;
    plan.fault = incomplete;
    return plan;
  }
  { [[maybe_unused]] const auto output = model(context, input); }
  return detail::plan_of_model(model, context.plan());
}

template <class Model, class B, class Probe = NoProbe>
class Session {
 public:
  using Context = Infer<B, Probe>;
  using Input = typename Model::Input;
  using Output = typename Model::template Output<Context>;

  /// `model` and `packed` must outlive the session; null: the model's params as they are bound.
  Session(const Model& model, const B& backend, const Packed<B>* packed = nullptr, const Executor& executor = {},
          const Probe& probe = Probe()) noexcept
      : model_(&model), packed_(packed), context_(backend, probe) {
    context_.set_executor(executor);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { output_ = Output(); }

  /// Asks for inner values by name in each run. Set before reserve: taps may need room.
  void set_taps(const TapSink& taps) noexcept { context_.set_taps(taps); }
  Probe& probe() noexcept { return context_.probe(); }

  /// Takes memory for inputs up to this one's sizes; only its shapes matter, its data may be null.
  Result<void> reserve(const Input& capacity) noexcept {
    progress_ = Progress::none;
    TESSERA_TRY_ASSIGN(const std::size_t bytes, bytes_for(capacity));
    return reserve_bytes(bytes);
  }
  /// What `input` needs here, with the packed weights and the taps of this session. Ends a run that is not done.
  Result<Plan> plan(const Input& input) noexcept {
    progress_ = Progress::none;
    TESSERA_TRY_ASSIGN(const Plan needed, plan_of(input));
    return detail::plan_of_model(*model_, needed);
  }
  /// What an input of this shape needs, and memory of a given size: for a session that meets several shapes. An arena
  /// is exact for one, and not monotone in it.
  Result<std::size_t> bytes_for(const Input& shape) noexcept {
    TESSERA_TRY_ASSIGN(const Plan needed, plan_of(shape));
    return needed.arena_bytes;
  }
  Result<void> reserve_bytes(std::size_t bytes) noexcept {
    output_ = Output();
    progress_ = Progress::none;
    arena_ = Arena();
    block_ = MemoryBlock();  // the old one first: never both
    TESSERA_TRY_ASSIGN(block_, MemoryBlock::allocate(context_.backend().memory(), bytes));
    arena_ = Arena{block_.data(), block_.bytes()};
    return {};
  }
  /// Uses memory of the host instead, aligned to 64 bytes, in the backend's memory.
  void use_arena(void* data, std::size_t bytes) noexcept {
    output_ = Output();
    progress_ = Progress::none;
    arena_ = Arena{data, bytes};
  }

  /// Runs the model. The outputs live in the arena until the next run.
  Result<const Output*> run(const Input& input) noexcept {
    TESSERA_TRY(start(input));
    TESSERA_TRY(step(StopRequest()));
    return static_cast<const Output*>(&output_);
  }

  /// Begins a run in pieces, and gives up one that is not done. The arrays behind `input` must stay until the run is
  /// done.
  Result<void> start(const Input& input) noexcept {
    progress_ = Progress::none;
    if (packed_ != nullptr && packed_->stale())
      return Error::format(Code::invalid_argument,
                           "session: the weights changed after they were packed; pack them again");
    if (reinterpret_cast<std::uintptr_t>(arena_.data) % FreeList::alignment != 0)
      return Error::format(Code::invalid_argument, "arena: its address must be a multiple of %zu", FreeList::alignment);
    TESSERA_TRY(detail::check_complete(*model_));
    TESSERA_TRY(model_->validate(input));
    input_ = input;
    progress_ = Progress::started;
    return {};
  }
  /// Goes on until done or until `stop` says so: it is asked after each op and between parts of large linears
  /// (infer.hpp states how late it is heard). True when the outputs are ready.
  Result<bool> step(const StopRequest& stop) noexcept {
    if (progress_ == Progress::none)
      return Error::format(Code::invalid_argument, "step: there is no run to go on with; start one");
    output_ = Output();
    use_weights();
    context_.begin(arena_, progress_ == Progress::running, stop);
    progress_ = Progress::none;  // an error ends the run
    output_ = (*model_)(context_, input_);
    if (context_.failed()) return error_of_run();
    if (context_.stopped()) {
      progress_ = Progress::running;
      return false;
    }
    const Memory& memory = context_.backend().memory();
    if (memory.finish != nullptr && !memory.finish())
      return Error::format(Code::io_failure, "backend %s: a kernel or a copy failed on the device",
                           context_.backend().name());
    return true;
  }

  const Output& output() const noexcept { return output_; }
  std::size_t arena_bytes() const noexcept { return arena_.bytes; }

  /// Copies a value of the outputs to host memory: value.count() elements of the backend's type.
  void read(const View& value, void* host) const noexcept {
    detail::download(context_.backend().memory(), host, value.data, value.bytes());
  }

 private:
  enum class Progress : std::uint8_t { none, started, running };

  /// A run does not plan before: its allocations are those of a plan, one by one, so it notices by itself that the
  /// arena ends. Only then is it planned how much was needed.
  Error error_of_run() noexcept {
    const Error found = detail::error_of(context_.fault(), *model_);
    if (found.code() != Code::out_of_memory) return found;
    const auto needed = plan_of(input_);
    if (!needed) return needed.error();  // it does not fit any arena
    if (needed->arena_bytes <= arena_.bytes) return found;
    return Error::format(Code::out_of_memory, "arena: this input needs %zu bytes, the session reserved %zu",
                         needed->arena_bytes, arena_.bytes);
  }

  /// Each time: weights that were packed again lie elsewhere.
  void use_weights() noexcept {
    context_.set_weights(packed_ != nullptr ? packed_->views() : PackedViews());
    context_.set_low_precision(packed_ != nullptr && packed_->low_precision());
  }

  Result<Plan> plan_of(const Input& input) noexcept {
    TESSERA_TRY(detail::check_complete(*model_));
    use_weights();
    output_ = Output();
    context_.begin_plan();
    { [[maybe_unused]] const auto output = (*model_)(context_, input); }
    if (context_.failed()) return detail::error_of_plan(context_.fault(), *model_, input);
    return context_.plan();
  }

  const Model* model_;
  const Packed<B>* packed_;
  Context context_;
  MemoryBlock block_;
  Arena arena_;
  Input input_;
  Output output_;
  Progress progress_ = Progress::none;
};

}  // namespace tessera
