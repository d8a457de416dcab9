// residual_norm: y = layer_norm(x + residual). A fused op; composition: add, layer_norm.
#pragma once

#include "tessera/ops/add.hpp"
#include "tessera/ops/layer_norm.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct residual_norm {
  static constexpr OpId id = OpId::residual_norm;
  enum : int { x, residual, weight, bias };  ///< [n, H], [n, H], [H], [H]
  using Attributes = layer_norm::Attributes;
  static constexpr unsigned keeps = keeps_input(x) | keeps_input(residual) | keeps_input(weight);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x, residual: [n, H]; x is overwritten where the context allows. Returns [n, H].
template <class T, class R, Index H>
constexpr auto residual_norm(T x, const R& residual, const Param<H>& weight, const Param<H>& bias,
                             double eps) noexcept {
  static_assert(may_equal(size_of_dim<T, 1>, H), "residual_norm: x columns must equal the norm's size");
  auto& context = x.context();
  if (!context.has(OpId::residual_norm)) {
    auto sum = add(std::move(x), residual);
    return layer_norm(std::move(sum), weight, bias, eps);
  }
  context.require(same_shape(x.view(), residual.view()), "residual_norm: both sides must have the same sizes",
                  x.view().count(), residual.view().count(), Code::shape_mismatch, OpId::residual_norm);
  context.require(x.size(1) == weight.view.dim[0], "residual_norm: x columns must equal the norm's size",
                  weight.view.dim[0], x.size(1), Code::shape_mismatch, OpId::residual_norm);
  context.require(bias.view.dim[0] == weight.view.dim[0], "residual_norm: weight and bias must have the same size",
                  weight.view.dim[0], bias.view.dim[0], Code::shape_mismatch, OpId::residual_norm);
  return context.template apply_in_place<op::residual_norm>({eps}, std::move(x), residual.operand(),
                                                            context.param(weight), context.param(bias));
}

}  // namespace tessera
