// multiply: y = a b, element by element, same shapes. Gradients: a gains b out_grad, b gains a out_grad.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct multiply {
  static constexpr OpId id = OpId::multiply;
  enum : int { a, b };
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(a) | keeps_input(b);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// a is overwritten where the context allows.
template <class A, class B>
constexpr auto multiply(A a, const B& b) noexcept {
  auto& context = a.context();
  context.require(same_shape(a.view(), b.view()), "multiply: both sides must have the same sizes", a.view().count(),
                  b.view().count(), Code::shape_mismatch, OpId::multiply);
  return context.template apply_in_place<op::multiply>({}, std::move(a), b.operand());
}

}  // namespace tessera
