// sinusoids: out[p] = sin(position[p] f_0), ..., sin(position[p] f_(H/2-1)), cos(position[p] f_0), ...
//
// f_i are the frequencies of a checkpoint, or 10000^(-2i / H) where it has none. Gradient: none.
// Source: Vaswani et al., "Attention Is All You Need" (2017), section 3.5; sines and cosines in two halves as in Dai et
// al., "Transformer-XL" (2019).
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct sinusoids {
  static constexpr OpId id = OpId::sinusoids;
  enum : int { positions, frequencies };  ///< i32 [P], may be negative; [H / 2] or absent
  struct Attributes {};
  static constexpr unsigned keeps = no_gradient;
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// positions: i32 [P]; frequencies: [width / 2] or absent; the width is even. Returns [P, width].
template <Index Width = dyn, class Context>
constexpr auto sinusoids(Context& context, const Operand& positions, const Operand& frequencies, Index width) noexcept {
  context.require(width % 2 == 0, "sinusoids: the width must be even", width + 1, width, Code::shape_mismatch,
                  OpId::sinusoids);
  if (frequencies.present())
    context.require(2 * frequencies.view.count() == width, "sinusoids: there must be a frequency for two columns",
                    width / 2, frequencies.view.count(), Code::shape_mismatch, OpId::sinusoids);
  return context.template apply<op::sinusoids>({}, Extents<dyn, Width>(positions.view.count(), width), positions,
                                               frequencies);
}

}  // namespace tessera
