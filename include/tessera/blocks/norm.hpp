// LayerNorm: the norm of BERT's family, with weight and bias. Ba, Kiros, Hinton, "Layer Normalization" (2016).
#pragma once

#include "tessera/ops/residual_norm.hpp"

namespace tessera::inline TESSERA_ISA {

template <Index H = dyn>
struct LayerNorm {
  Param<H> weight;
  Param<H> bias;
  double eps = 1e-12;

  constexpr LayerNorm() = default;
  constexpr LayerNorm(Index width, double epsilon)
      : weight(ParamUse::vector, Extents<H>(width)), bias(ParamUse::vector, Extents<H>(width)), eps(epsilon) {}

  constexpr void visit(auto&& v) {
    v("weight", weight);
    v("bias", bias);
  }

  /// x: [n, H], given up. Returns [n, H].
  template <class T>
  constexpr auto operator()(T x) const noexcept {
    return layer_norm(std::move(x), weight, bias, eps);
  }
};

/// norm(x + residual): post-norm, as BERT's layers end. x: [n, H], given up; residual: [n, H].
template <class T, class R, Index H>
constexpr auto residual_norm(T x, const R& residual, const LayerNorm<H>& norm) noexcept {
  return residual_norm(std::move(x), residual, norm.weight, norm.bias, norm.eps);
}

}  // namespace tessera
