// bias: y = x + b for each row. Gradient: db = sum over rows of out_grad.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct bias {
  static constexpr OpId id = OpId::bias;
  enum : int { x, b };  ///< [n, H]; any shape with H elements
  struct Attributes {};
  static constexpr unsigned keeps = 0;
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x: [n, H], overwritten where the context allows; b: H elements. Returns [n, H].
template <class T>
constexpr auto bias(T x, const Operand& b) noexcept {
  auto& context = x.context();
  context.require(x.view().columns() == b.view.count(), "bias: it must have an element for each column of x",
                  x.view().columns(), b.view.count(), Code::shape_mismatch, OpId::bias);
  return context.template apply_in_place<op::bias>({}, std::move(x), b);
}
/// b: a param with H elements.
template <class T>
constexpr auto bias(T x, const ParamBase& b) noexcept {
  auto& context = x.context();
  return bias(std::move(x), context.param(b));
}

}  // namespace tessera
