// multiply, reference.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/multiply.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void multiply(const Call& call) noexcept {
  const View& out = call.out;
  for (Index r = 0; r < out.rows(); ++r) {
    const T* a = call.in[op::multiply::a].row<T>(r);
    const T* b = call.in[op::multiply::b].row<T>(r);
    T* y = out.row<T>(r);
    for (Index c = 0; c < out.columns(); ++c) y[c] = a[c] * b[c];
  }
}

template <class T>
void multiply_vjp(const VjpCall& call) noexcept {
  for (int side = op::multiply::a; side <= op::multiply::b; ++side) {
    const View& grad = call.in_grad[side];
    if (grad.data == nullptr) continue;
    const View& other = call.in[side == op::multiply::a ? op::multiply::b : op::multiply::a];
    for (Index r = 0; r < grad.rows(); ++r)
      for (Index c = 0; c < grad.columns(); ++c)
        add_to(grad.row<T>(r)[c],
               static_cast<double>(call.out_grad.row<T>(r)[c]) * static_cast<double>(other.row<T>(r)[c]));
  }
}

}  // namespace tessera::reference
