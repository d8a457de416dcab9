// mean_squared_error, reference.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/mean_squared_error.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void mean_squared_error(const Call& call) noexcept {
  const View& x = call.in[op::mean_squared_error::x];
  const View& target = call.in[op::mean_squared_error::target];
  double total = 0;
  for (Index i = 0; i < x.count(); ++i) {
    const double error = static_cast<double>(at<T>(x, i)) - static_cast<double>(at<T>(target, i));
    total += error * error;
  }
  *call.out.as<T>() = static_cast<T>(total / static_cast<double>(x.count()));
}

template <class T>
void mean_squared_error_vjp(const VjpCall& call) noexcept {
  const View& x = call.in[op::mean_squared_error::x];
  const View& target = call.in[op::mean_squared_error::target];
  const View& grad = call.in_grad[op::mean_squared_error::x];
  if (grad.data == nullptr) return;
  const double share = 2 * static_cast<double>(*call.out_grad.as<T>()) / static_cast<double>(x.count());
  for (Index i = 0; i < x.count(); ++i)
    add_to(at<T>(grad, i), share * (static_cast<double>(at<T>(x, i)) - static_cast<double>(at<T>(target, i))));
}

}  // namespace tessera::reference
