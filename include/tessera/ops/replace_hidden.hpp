// replace_hidden: y = x keep + (1 - keep) value: what is hidden (keep 0) becomes a value.
//
// Gradient: dx = keep dy.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct replace_hidden {
  static constexpr OpId id = OpId::replace_hidden;
  enum : int { x, keep };  ///< any shape; as many elements, or one for each row of x
  struct Attributes {
    double value = 0;
  };
  static constexpr unsigned keeps = keeps_input(keep);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x is overwritten where the context allows. keep: an element for each of x, or one for each row.
template <class T>
constexpr auto replace_hidden(T x, const Operand& keep, double value) noexcept {
  auto& context = x.context();
  const Index given = keep.view.count();
  context.require(given == x.view().count() || given == x.view().rows(),
                  "replace_hidden: keep must have an element for each of x or for each row", x.view().count(), given,
                  Code::shape_mismatch, OpId::replace_hidden);
  return context.template apply_in_place<op::replace_hidden>({value}, std::move(x), keep);
}

}  // namespace tessera
