// add: y = a + b, same shapes. Gradient: both inputs gain out_grad.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct add {
  static constexpr OpId id = OpId::add;
  enum : int { a, b };
  struct Attributes {};
  static constexpr unsigned keeps = 0;
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// a is overwritten where the context allows.
template <class A, class B>
constexpr auto add(A a, const B& b) noexcept {
  auto& context = a.context();
  context.require(same_shape(a.view(), b.view()), "add: both sides must have the same sizes", a.view().count(),
                  b.view().count(), Code::shape_mismatch, OpId::add);
  return context.template apply_in_place<op::add>({}, std::move(a), b.operand());
}

}  // namespace tessera
