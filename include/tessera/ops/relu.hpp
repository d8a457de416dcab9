// relu: y = max(x, 0). The gradient at 0 is 0.
//
// NaN stays NaN.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct relu {
  static constexpr OpId id = OpId::relu;
  enum : int { x };
  struct Attributes {};
  static constexpr unsigned keeps = keeps_output;
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// Elementwise; x is overwritten where the context allows.
template <class T>
constexpr auto relu(T x) noexcept {
  auto& context = x.context();
  return context.template apply_in_place<op::relu>({}, std::move(x));
}

}  // namespace tessera
