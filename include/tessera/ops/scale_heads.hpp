// scale_heads: y[b, h] = x[b, h] * factor[h]: the head mask, multiplied to the probabilities without renormalising.
//
// Source: Michel, Levy, Neubig, "Are Sixteen Heads Really Better than One?" (2019), whose importance of a head is the
// gradient of its factor: dx = factor * dy, dfactor[h] = sum over texts, queries and keys of dy x.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct scale_heads {
  static constexpr OpId id = OpId::scale_heads;
  enum : int { x, factor };  ///< [B, h, Q, K]; [h]
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(x) | keeps_input(factor);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x: [B, h, Q, K], overwritten where the context allows; factor: [h]. Returns [B, h, Q, K].
template <class T>
constexpr auto scale_heads(T x, const Operand& factor) noexcept {
  auto& context = x.context();
  context.require(factor.view.count() == x.size(1), "head_mask: it must have an entry for each head that is left",
                  x.size(1), factor.view.count(), Code::shape_mismatch, OpId::scale_heads);
  return context.template apply_in_place<op::scale_heads>({}, std::move(x), factor);
}

}  // namespace tessera
