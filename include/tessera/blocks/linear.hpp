// Linear: y = x W^T + b, the dense layer of every architecture.
#pragma once

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
