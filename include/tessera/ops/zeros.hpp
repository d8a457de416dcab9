// zeros: a value of nothing but zeros, to add to. Gradient: none.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct zeros {
  static constexpr OpId id = OpId::zeros;
  struct Attributes {};
  static constexpr unsigned keeps = no_gradient;
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// Zeros of these sizes.
template <class Context, class E>
constexpr auto zeros(Context& context, const E& extents) noexcept {
  return context.template apply<op::zeros>({}, extents);
}

}  // namespace tessera
