// layer_norm: y = (x - mean) / sqrt(variance + eps) * weight + bias over the last dimension, biased variance.
//
// Source: Ba, Kiros, Hinton, "Layer Normalization" (2016). The gradient recomputes mean and variance from x.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct layer_norm {
  static constexpr OpId id = OpId::layer_norm;
  enum : int { x, weight, bias };  ///< [n, H], [H], [H]
  struct Attributes {
    double eps = 1e-12;
  };
  static constexpr unsigned keeps = keeps_input(x) | keeps_input(weight);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x: [n, H]; overwritten where the context allows. Returns [n, H].
template <class T, Index H>
constexpr auto layer_norm(T x, const Param<H>& weight, const Param<H>& bias, double eps) noexcept {
  static_assert(may_equal(size_of_dim<T, 1>, H), "layer_norm: x columns must equal the norm's size");
  auto& context = x.context();
  context.require(x.size(1) == weight.view.dim[0], "layer_norm: x columns must equal the norm's size",
                  weight.view.dim[0], x.size(1), Code::shape_mismatch, OpId::layer_norm);
  context.require(bias.view.dim[0] == weight.view.dim[0], "layer_norm: weight and bias must have the same size",
                  weight.view.dim[0], bias.view.dim[0], Code::shape_mismatch, OpId::layer_norm);
  return context.template apply_in_place<op::layer_norm>({eps}, std::move(x), context.param(weight),
                                                         context.param(bias));
}

}  // namespace tessera
