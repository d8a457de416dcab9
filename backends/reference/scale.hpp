// scale, reference.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/scale.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void scale(const Call& call) noexcept {
  const double factor = call.as<op::scale>().factor;
  map<T>(call, [&](double x) { return factor * x; });
}

template <class T>
void scale_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::scale::x];
  if (grad.data == nullptr) return;
  const double factor = call.as<op::scale>().factor;
  for (Index r = 0; r < grad.rows(); ++r)
    for (Index c = 0; c < grad.columns(); ++c)
      add_to(grad.row<T>(r)[c], factor * static_cast<double>(call.out_grad.row<T>(r)[c]));
}

}  // namespace tessera::reference
