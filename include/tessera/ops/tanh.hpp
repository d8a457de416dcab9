// tanh: y = tanh(x). Gradient: 1 - y^2.
//
// Poolers and classification heads.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct tanh {
  static constexpr OpId id = OpId::tanh;
  enum : int { x };
  struct Attributes {};
  static constexpr unsigned keeps = keeps_output;
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// Elementwise; x is overwritten where the context allows.
template <class T>
constexpr auto tanh(T x) noexcept {
  auto& context = x.context();
  return context.template apply_in_place<op::tanh>({}, std::move(x));
}

}  // namespace tessera
