// negative_log_likelihood, reference; a label outside of the classes gives 0, no gradient, and an assertion.
#pragma once

#include "tessera/backends/reference/cross_entropy.hpp"
#include "tessera/ops/negative_log_likelihood.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void negative_log_likelihood(const Call& call) noexcept {
  const View& logits = call.in[op::negative_log_likelihood::logits];
  for (Index r = 0; r < logits.rows(); ++r) {
    const Index label = label_of(call.in[op::negative_log_likelihood::labels], r, -1, logits.columns());
    TESSERA_ASSERT(label >= 0, "negative_log_likelihood: a label is not a class");
    const T* x = logits.row<T>(r);
    at<T>(call.out, r) =
        label < 0 ? T(0) : static_cast<T>(log_sum_exp(x, logits.columns()) - static_cast<double>(x[label]));
  }
}

template <class T>
void negative_log_likelihood_vjp(const VjpCall& call) noexcept {
  const View& logits = call.in[op::negative_log_likelihood::logits];
  const View& grad = call.in_grad[op::negative_log_likelihood::logits];
  if (grad.data == nullptr) return;
  for (Index r = 0; r < logits.rows(); ++r) {
    const Index label = label_of(call.in[op::negative_log_likelihood::labels], r, -1, logits.columns());
    if (label < 0) continue;
    const T* x = logits.row<T>(r);
    const double dy = static_cast<double>(at<T>(call.out_grad, r));
    const double log_sum = log_sum_exp(x, logits.columns());
    for (Index c = 0; c < logits.columns(); ++c)
      add_to(grad.row<T>(r)[c], dy * (std::exp(static_cast<double>(x[c]) - log_sum) - (c == label ? 1 : 0)));
  }
}

}  // namespace tessera::reference
