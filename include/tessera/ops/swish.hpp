// swish: y = x * sigmoid(x).
//
// Source: Ramachandran, Zoph, Le, "Searching for Activation Functions" (2017).
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct swish {
  static constexpr OpId id = OpId::swish;
  enum : int { x };
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(x);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// Elementwise; x is overwritten where the context allows.
template <class T>
constexpr auto swish(T x) noexcept {
  auto& context = x.context();
  return context.template apply_in_place<op::swish>({}, std::move(x));
}

}  // namespace tessera
