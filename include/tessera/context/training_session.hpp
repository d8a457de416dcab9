// TrainingSession<Model, B>: forward with a tape, backward into gradients.
//
// The counterpart of Session for training. forward(input) runs the model and keeps what gradients need; backward()
// adds the gradient of `Output::loss` to the gradients, which the caller clears when a step begins (so that several
// passes accumulate). After the first step of the largest shape nothing is allocated.
#pragma once

#include "tessera/context/tape.hpp"

namespace tessera::inline TESSERA_ISA {

template <class Model, class B>
class TrainingSession {
 public:
  using Context = Tape<B>;
  using Input = typename Model::Input;
  using Output = typename Model::template Output<Context>;

  static constexpr bool has_loss = requires(const Output& output) { output.loss; };

  /// `packed` for a backend that reads the params' masters in another type or in its own memory; it must leave them
  /// plain (Packing), as gradients read them too. Null: the params as they are bound, f32 on a host backend.
  TrainingSession(const Model& model, const B& backend, Gradients<B>& gradients, const Packed<B>* packed = nullptr,
                  const Executor& executor = {}) noexcept
      : model_(&model), packed_(packed), context_(backend), gradients_(&gradients) {
    context_.set_executor(executor);
    context_.set_gradients(&gradients);
  }
  TrainingSession(const TrainingSession&) = delete;
  TrainingSession& operator=(const TrainingSession&) = delete;
  ~TrainingSession() { output_ = Output(); }

  void set_taps(const TapSink& taps) noexcept { context_.set_taps(taps); }
  /// Switches dropout on, drawn from `seed`; give each step its own.
  void set_dropout(bool enabled, std::uint64_t seed) noexcept { context_.set_dropout(enabled, seed); }

  /// Takes memory for forward and backward of inputs up to this one's sizes.
  Result<void> reserve(const Input& capacity) noexcept {
    recorded_ = false;
    TESSERA_TRY_ASSIGN(const Plan needed, plan_of(capacity));
    block_ = MemoryBlock();  // the old one first: never both
    TESSERA_TRY_ASSIGN(block_, MemoryBlock::allocate(context_.backend().memory(), needed.arena_bytes));
    return {};
  }

  /// Runs forward. The outputs, and the arrays behind `input`, are needed until backward is done.
  Result<const Output*> forward(const Input& input) noexcept {
    recorded_ = false;
    if (packed_ != nullptr && packed_->stale())
      return Error::format(Code::invalid_argument,
                           "session: the weights changed after they were packed; pack them again");
    TESSERA_TRY(model_->validate(input));
    TESSERA_TRY_ASSIGN(const Plan needed, plan_of(input));
    if (needed.arena_bytes > block_.bytes())
      return Error::format(Code::out_of_memory, "arena: this input needs %zu bytes, the session reserved %zu",
                           needed.arena_bytes, block_.bytes());
    context_.begin(Arena{block_.data(), block_.bytes()});
    output_ = (*model_)(context_, input);
    if (context_.failed()) return detail::error_of(context_.fault(), *model_);
    recorded_ = true;
    return static_cast<const Output*>(&output_);
  }
  /// Adds seed * d loss / d param to the gradients, once for each forward: the tape is used up.
  Result<void> backward(double seed = 1) noexcept {
    if constexpr (has_loss) {
      if (!std::exchange(recorded_, false))
        return Error::format(Code::invalid_argument, "backward: there is no forward to go back from");
      if (!output_.loss)
        return Error::format(Code::invalid_argument, "backward: there is no loss; give the model labels");
      context_.backward(output_.loss, seed);
    } else {
      return Error::format(Code::invalid_argument, "backward: a model without head has no loss");
    }
    if (context_.failed()) return detail::error_of(context_.fault(), *model_);
    const Memory& memory = context_.backend().memory();
    if (memory.finish != nullptr && !memory.finish())
      return Error::format(Code::io_failure, "backend %s: a kernel or a copy failed on the device",
                           context_.backend().name());
    return {};
  }

  const Output& output() const noexcept { return output_; }
  std::size_t arena_bytes() const noexcept { return block_.bytes(); }
  void read(const View& value, void* host) const noexcept {
    detail::download(context_.backend().memory(), host, value.data, value.bytes());
  }

 private:
  Result<Plan> plan_of(const Input& input) noexcept {
    TESSERA_TRY(detail::check_complete(*model_));
    // Each time: weights that were packed again lie elsewhere.
    context_.set_weights(packed_ != nullptr ? packed_->views() : PackedViews());
    output_ = Output();
    context_.begin_plan();
    {
      [[maybe_unused]] const auto output = (*model_)(context_, input);
      if constexpr (has_loss)
        if (output.loss) context_.backward(output.loss);
    }
    if (context_.failed()) return detail::error_of_plan(context_.fault(), *model_, input);
    return context_.plan();
  }

  const Model* model_;
  const Packed<B>* packed_;
  Context context_;
  Gradients<B>* gradients_;
  MemoryBlock block_;
  Output output_;
  bool recorded_ = false;  ///< the tape holds a forward
};

}  // namespace tessera
