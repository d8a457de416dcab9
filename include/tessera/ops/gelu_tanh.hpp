// gelu_tanh: y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))).
//
// The approximation of the same paper. GPT, GPT-2, XLNet.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct gelu_tanh {
  static constexpr OpId id = OpId::gelu_tanh;
  enum : int { x };
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(x);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// Elementwise; x is overwritten where the context allows.
template <class T>
constexpr auto gelu_tanh(T x) noexcept {
  auto& context = x.context();
  return context.template apply_in_place<op::gelu_tanh>({}, std::move(x));
}

}  // namespace tessera
