// Stack: the layers of a model. Depth is an array, never a type.
#pragma once

#include "tessera/base/buffer.hpp"
#include "tessera/blocks/batch.hpp"
#include "tessera/blocks/self_attention.hpp"
#include "tessera/context/checkpoint.hpp"
#include "tessera/context/tap.hpp"

namespace tessera::inline TESSERA_ISA {

/// N layers in place; dyn: as many as the config says, from the heap, at set-up.
template <class Layer, Index N = dyn>
struct Stack {
  Layer layer[static_cast<std::size_t>(N)];

  constexpr Index size() const noexcept { return N; }
  constexpr bool resize(Index count) noexcept { return count == N; }
  constexpr Layer& operator[](Index i) noexcept { return layer[i]; }
  constexpr const Layer& operator[](Index i) const noexcept { return layer[i]; }
  constexpr void visit(auto&& v) {
    for (Index i = 0; i < N; ++i) v(i, layer[i]);
  }
};

template <class Layer>
struct Stack<Layer, dyn> {
  Buffer<Layer> layer;

  constexpr Index size() const noexcept { return static_cast<Index>(layer.size()); }
  constexpr bool resize(Index count) noexcept { return layer.resize(static_cast<std::size_t>(count)); }
  constexpr Layer& operator[](Index i) noexcept { return layer[static_cast<std::size_t>(i)]; }
  constexpr const Layer& operator[](Index i) const noexcept { return layer[static_cast<std::size_t>(i)]; }
  constexpr void visit(auto&& v) {
    for (Index i = 0; i < size(); ++i) v(i, (*this)[i]);
  }
};

/// The first size of a config that is not the constant that a model was compiled for; without a name when all are.
struct Misfit {
  const char* name = nullptr;
  Index expected = 0;
  Index found = 0;

  /// Compares a size of the config with the constant of the type.
  constexpr void see(const char* size, Index constant, Index given) noexcept {
    if (name == nullptr && !may_equal(constant, given)) *this = {size, constant, given};
  }
};

/// What every model says of the config that it was made from.
class ConfigFit {
 public:
  /// False when the config did not fit the constants of the type, or memory was short.
  constexpr bool complete() const noexcept { return complete_ && misfit_.name == nullptr; }
  constexpr const Misfit& misfit() const noexcept { return misfit_; }
  constexpr void fit(const char* size, Index constant, Index given) noexcept { misfit_.see(size, constant, given); }

 protected:
  bool complete_ = true;  ///< there was memory for all layers

 private:
  Misfit misfit_;
};

/// Layer after layer: x [rows, H], given up. Each layer's result is tapped as "hidden_states", the last one only where
/// it is the model's. `checkpointing` trades time for memory in training.
template <class Stack, class T>
constexpr T run_stack(const Stack& stack, T x, const Sequence& sequence, const Operand& head_mask, bool checkpointing,
                      const PastRows& past = {}, bool tap_last = true) noexcept {
  for (Index i = 0; i < stack.size(); ++i) {
    const LayerContext c{sequence, head_mask_of(head_mask, i), past.layer(i)};
    if (checkpointing)
      x = checkpoint(stack[i], std::move(x), c);
    else
      x = stack[i](std::move(x), c);
    if (i + 1 < stack.size() || tap_last) tap("hidden_states", x);
  }
  return x;
}

}  // namespace tessera
