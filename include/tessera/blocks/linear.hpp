// Linear: y = x W^T + b, the dense layer of every architecture.
#pragma once

#include "tessera/ops/feed_forward.hpp"
#include "tessera/ops/linear.hpp"

namespace tessera::inline TESSERA_ISA {

/// weight: [Out, In], bias: [Out].
template <Index In = dyn, Index Out = dyn>
struct Linear {
  Param<Out, In> weight;
  Param<Out> bias;

  constexpr Linear() = default;
  constexpr Linear(Index in, Index out)
      : weight(ParamUse::matrix, Extents<Out, In>(out, in)), bias(ParamUse::vector, Extents<Out>(out)) {}

  constexpr void visit(auto&& v) {
    v("weight", weight);
    v("bias", bias);
  }

  /// x: [n, In]. Returns [n, Out].
  constexpr auto operator()(const auto& x) const noexcept { return linear(x, weight, x.context().param(bias)); }
};

/// A linear as GPT keeps it: weight: [In, Out], bias: [Out].
template <Index In = dyn, Index Out = dyn>
struct Conv1D {
  Param<In, Out> weight;
  Param<Out> bias;

  constexpr Conv1D() = default;
  constexpr Conv1D(Index in, Index out)
      : weight(ParamUse::matrix_io, Extents<In, Out>(in, out)), bias(ParamUse::vector, Extents<Out>(out)) {}

  constexpr void visit(auto&& v) {
    v("weight", weight);
    v("bias", bias);
  }

  /// x: [n, In]. Returns [n, Out].
  constexpr auto operator()(const auto& x) const noexcept { return linear_io(x, weight, x.context().param(bias)); }
};

/// Two linears of one layout with an activation between. x: [n, In]. Returns [n, Out].
template <class T, Index In, Index Inner, Index Out>
constexpr auto feed_forward(const T& x, const Linear<In, Inner>& inner, const Linear<Inner, Out>& outer,
                            Activation activation) noexcept {
  return feed_forward(x, inner.weight, inner.bias, outer.weight, outer.bias, activation);
}
template <class T, Index In, Index Inner, Index Out>
constexpr auto feed_forward(const T& x, const Conv1D<In, Inner>& inner, const Conv1D<Inner, Out>& outer,
                            Activation activation) noexcept {
  return feed_forward_io(x, inner.weight, inner.bias, outer.weight, outer.bias, activation);
}

/// A linear without bias. weight: [Out, In].
template <Index In = dyn, Index Out = dyn>
struct Projection {
  Param<Out, In> weight;

  constexpr Projection() = default;
  constexpr Projection(Index in, Index out) : weight(ParamUse::matrix, Extents<Out, In>(out, in)) {}

  constexpr void visit(auto&& v) { v("weight", weight); }

  /// x: [n, In]. Returns [n, Out].
  constexpr auto operator()(const auto& x) const noexcept { return linear(x, weight); }
};

}  // namespace tessera
