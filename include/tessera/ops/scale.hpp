// scale: y = factor * x.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct scale {
  static constexpr OpId id = OpId::scale;
  enum : int { x };
  struct Attributes {
    double factor = 1;
  };
  static constexpr unsigned keeps = 0;
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x is overwritten where the context allows.
template <class T>
constexpr auto scale(T x, double factor) noexcept {
  auto& context = x.context();
  return context.template apply_in_place<op::scale>({factor}, std::move(x));
}

}  // namespace tessera
