// Stack: the layers of a model. Depth is an array, never a type.
#pragma once

#include "tessera/base/buffer.hpp"
#include "tessera/tensor/param.hpp"

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

}  // namespace tessera
