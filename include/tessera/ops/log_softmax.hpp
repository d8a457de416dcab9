// log_softmax: out[n, c] = x[n, c] - log sum_k exp(x[n, k]) + given[n, column].
//
// `given` is the log-probability of the cluster whose classes x scores, in a column of other log-probabilities; without
// it that term is 0. Gradient: dx = dy - softmax(x) sum_c dy; the column of given gains sum_c dy.
// Source: Grave et al., "Efficient softmax approximation for GPUs" (2017), section 4.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct log_softmax {
  static constexpr OpId id = OpId::log_softmax;
  enum : int { x, given };  ///< [n, C]; [n, W] or absent
  struct Attributes {
    Index column = 0;  ///< of given
  };
  static constexpr unsigned keeps = keeps_output | keeps_input(given);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x: [n, C], overwritten where the context allows. Returns [n, C].
template <class T>
constexpr auto log_softmax(T x) noexcept {
  auto& context = x.context();
  return context.template apply_in_place<op::log_softmax>({}, std::move(x));
}

/// The same plus column `column` of given, [n, W].
template <class T, class G>
constexpr auto log_softmax_given(T x, const G& given, Index column) noexcept {
  auto& context = x.context();
  context.require(given.size(0) == x.size(0), "log_softmax: what is given must have as many rows", x.size(0),
                  given.size(0), Code::shape_mismatch, OpId::log_softmax);
  context.require(column >= 0 && column < given.size(1), "log_softmax: the column must lie inside of what is given",
                  given.size(1), column, Code::shape_mismatch, OpId::log_softmax);
  return context.template apply_in_place<op::log_softmax>({column}, std::move(x), given.operand());
}

}  // namespace tessera
