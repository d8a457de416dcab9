// binary_cross_entropy: the mean of log(1 + e^x) - x target: the loss of a yes or no question, from its logit.
//
// Gradient: (1 / (1 + e^-x) - target) / n.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct binary_cross_entropy {
  static constexpr OpId id = OpId::binary_cross_entropy;
  enum : int { x, target };  ///< any shape, as many elements; the target, in [0, 1], has no gradient
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(x) | keeps_input(target);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// Returns the loss, [1].
template <class T>
constexpr auto binary_cross_entropy(const T& x, const Operand& target) noexcept {
  auto& context = x.context();
  context.require(target.view.count() == x.view().count(),
                  "binary_cross_entropy: there must be a target for each element", x.view().count(),
                  target.view.count(), Code::shape_mismatch, OpId::binary_cross_entropy);
  return context.template apply<op::binary_cross_entropy>({}, Extents<1>(1), x.operand(), target);
}

}  // namespace tessera
