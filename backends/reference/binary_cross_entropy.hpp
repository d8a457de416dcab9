// binary_cross_entropy, reference: log(1 + e^x) as max(x, 0) + log(1 + e^-|x|).
#pragma once

#include <cmath>

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/binary_cross_entropy.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void binary_cross_entropy(const Call& call) noexcept {
  const View& x = call.in[op::binary_cross_entropy::x];
  const View& target = call.in[op::binary_cross_entropy::target];
  double total = 0;
  for (Index i = 0; i < x.count(); ++i) {
    const double logit = static_cast<double>(at<T>(x, i));
    total +=
        std::fmax(logit, 0.0) + std::log1p(std::exp(-std::fabs(logit))) - logit * static_cast<double>(at<T>(target, i));
  }
  *call.out.as<T>() = static_cast<T>(total / static_cast<double>(x.count()));
}

template <class T>
void binary_cross_entropy_vjp(const VjpCall& call) noexcept {
  const View& x = call.in[op::binary_cross_entropy::x];
  const View& target = call.in[op::binary_cross_entropy::target];
  const View& grad = call.in_grad[op::binary_cross_entropy::x];
  if (grad.data == nullptr) return;
  const double share = static_cast<double>(*call.out_grad.as<T>()) / static_cast<double>(x.count());
  for (Index i = 0; i < x.count(); ++i) {
    const double probability = 1 / (1 + std::exp(-static_cast<double>(at<T>(x, i))));
    add_to(at<T>(grad, i), share * (probability - static_cast<double>(at<T>(target, i))));
  }
}

}  // namespace tessera::reference
