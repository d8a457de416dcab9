// negative_log_likelihood: out[n] = -log softmax(logits[n])[label[n]]: cross entropy of each row, without the mean.
//
// Gradient: dlogits[n] = dy[n] (softmax(logits[n]) - onehot(label[n])).
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct negative_log_likelihood {
  static constexpr OpId id = OpId::negative_log_likelihood;
  enum : int { logits, labels };  ///< [n, C]; i32 [n] in [0, C)
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(logits) | keeps_input(labels);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// logits: [n, C], labels: i32 [n] in [0, C). Returns [n, 1].
template <class T>
constexpr auto negative_log_likelihood(const T& logits, const Operand& labels) noexcept {
  auto& context = logits.context();
  context.require(labels.view.count() == logits.size(0), "negative_log_likelihood: there must be a label for each row",
                  logits.size(0), labels.view.count(), Code::shape_mismatch, OpId::negative_log_likelihood);
  return context.template apply<op::negative_log_likelihood>({}, Extents<dyn, 1>(logits.size(0), 1), logits.operand(),
                                                             labels);
}

}  // namespace tessera
