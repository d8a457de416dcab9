// cross_entropy, reference; a label outside of the classes is passed over as if ignored, and gives an assertion.
#pragma once

#include <cmath>
#include <limits>

#include "tessera/backends/reference/loops.hpp"
#include "tessera/base/assert.hpp"
#include "tessera/ops/cross_entropy.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// The label of a row, or -1 for one that does not count.
inline Index label_of(const View& labels, Index r, std::int32_t ignored, Index classes) noexcept {
  const std::int32_t label = at<std::int32_t>(labels, r);
  return label == ignored || label < 0 || label >= classes ? -1 : label;
}

/// log sum_c exp(x[c])
template <class T>
double log_sum_exp(const T* x, Index n) noexcept {
  double largest = -std::numeric_limits<double>::infinity();
  for (Index c = 0; c < n; ++c)  // not std::fmax, on which g++ 12 for aarch64 fails (vect_transform_reduction)
    if (static_cast<double>(x[c]) > largest) largest = static_cast<double>(x[c]);
  double total = 0;
  for (Index c = 0; c < n; ++c) total += std::exp(static_cast<double>(x[c]) - largest);
  return largest + std::log(total);
}

template <class T>
void cross_entropy(const Call& call) noexcept {
  const View& logits = call.in[op::cross_entropy::logits];
  const View& labels = call.in[op::cross_entropy::labels];
  const std::int32_t ignored = call.as<op::cross_entropy>().ignored;
  double total = 0;
  Index counted = 0;
  for (Index r = 0; r < logits.rows(); ++r) {
    const Index label = label_of(labels, r, ignored, logits.columns());
    TESSERA_ASSERT(label >= 0 || at<std::int32_t>(labels, r) == ignored, "cross_entropy: a label is not a class");
    if (label < 0) continue;
    const T* x = logits.row<T>(r);
    total += log_sum_exp(x, logits.columns()) - static_cast<double>(x[label]);
    ++counted;
  }
  *call.out.as<T>() =
      counted > 0 ? static_cast<T>(total / static_cast<double>(counted)) : std::numeric_limits<T>::quiet_NaN();
}

template <class T>
void cross_entropy_vjp(const VjpCall& call) noexcept {
  const View& logits = call.in[op::cross_entropy::logits];
  const View& labels = call.in[op::cross_entropy::labels];
  const View& grad = call.in_grad[op::cross_entropy::logits];
  if (grad.data == nullptr) return;
  const std::int32_t ignored = call.as<op::cross_entropy>().ignored;
  Index counted = 0;
  for (Index r = 0; r < logits.rows(); ++r)
    if (label_of(labels, r, ignored, logits.columns()) >= 0) ++counted;
  const double share = static_cast<double>(*call.out_grad.as<T>()) / static_cast<double>(counted > 0 ? counted : 1);
  for (Index r = 0; r < logits.rows(); ++r) {
    const Index label = label_of(labels, r, ignored, logits.columns());
    if (label < 0) continue;
    const T* x = logits.row<T>(r);
    const double log_total = log_sum_exp(x, logits.columns());
    for (Index c = 0; c < logits.columns(); ++c)
      add_to(grad.row<T>(r)[c], share * (std::exp(static_cast<double>(x[c]) - log_total) - (c == label ? 1.0 : 0.0)));
  }
}

}  // namespace tessera::reference
