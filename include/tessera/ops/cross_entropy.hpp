// cross_entropy: the mean over rows of -log softmax(logits)[label], without the rows whose label is `ignored`.
//
// The mean over no rows is NaN, as in the reference. Gradient: (softmax - onehot) / rows counted.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct cross_entropy {
  static constexpr OpId id = OpId::cross_entropy;
  enum : int { logits, labels };  ///< [n, C]; i32 [n], each in [0, C) or `ignored`
  struct Attributes {
    std::int32_t ignored = -1;
  };
  static constexpr unsigned keeps = keeps_input(logits) | keeps_input(labels);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// logits: [n, C]. Returns the loss, [1].
template <class T>
constexpr auto cross_entropy(const T& logits, const Operand& labels, std::int32_t ignored = -1) noexcept {
  auto& context = logits.context();
  context.require(labels.view.count() == logits.size(0), "cross_entropy: there must be a label for each row",
                  logits.size(0), labels.view.count(), Code::shape_mismatch, OpId::cross_entropy);
  return context.template apply<op::cross_entropy>({ignored}, Extents<1>(1), logits.operand(), labels);
}

}  // namespace tessera
