// rel_shift: turns scores by relative position into scores by key.
//
// Read [Q, P] as one line, drop its first Q numbers, read the rest as [Q, P - 1], keep the first K columns:
// out[i, j] = flat[Q + i (P - 1) + j]. Requires Q + (Q - 1)(P - 1) + K <= Q P, that is K < P.
// Texts that share their positions have their scores from one product: x is [G, h, (B / G) Q, P] for G groups of texts.
// Source: Dai et al., "Transformer-XL" (2019), appendix B, in the form that XLNet uses.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct rel_shift {
  static constexpr OpId id = OpId::rel_shift;
  enum : int { x };  ///< [G, h, (B / G) Q, P]
  struct Attributes {};
  static constexpr unsigned keeps = 0;
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x: [G, h, (texts / G) Q, P]. Returns [texts, h, Q, keys].
template <class T>
constexpr auto rel_shift(const T& x, Index texts, Index keys) noexcept {
  auto& context = x.context();
  context.require(keys < x.size(3), "rel_shift: there must be more positions than keys", keys + 1, x.size(3),
                  Code::shape_mismatch, OpId::rel_shift);
  context.require(texts > 0 && x.size(0) > 0 && x.size(0) * x.size(2) % texts == 0 && texts % x.size(0) == 0,
                  "rel_shift: texts must be a multiple of the groups, and rows one of the texts", texts,
                  x.size(0) * x.size(2), Code::shape_mismatch, OpId::rel_shift);
  const Index queries = texts > 0 ? x.size(0) * x.size(2) / texts : 0;
  return context.template apply<op::rel_shift>({}, Extents<dyn, dyn, dyn, dyn>(texts, x.size(1), queries, keys),
                                               x.operand());
}

}  // namespace tessera
