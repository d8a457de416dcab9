// mean_squared_error: the mean of (x - target)^2. Gradient: 2 (x - target) / n.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct mean_squared_error {
  static constexpr OpId id = OpId::mean_squared_error;
  enum : int { x, target };  ///< any shape, as many elements; the target has no gradient
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(x) | keeps_input(target);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// Returns the loss, [1].
template <class T>
constexpr auto mean_squared_error(const T& x, const Operand& target) noexcept {
  auto& context = x.context();
  context.require(target.view.count() == x.view().count(),
                  "mean_squared_error: there must be a target for each element", x.view().count(), target.view.count(),
                  Code::shape_mismatch, OpId::mean_squared_error);
  return context.template apply<op::mean_squared_error>({}, Extents<1>(1), x.operand(), target);
}

}  // namespace tessera
