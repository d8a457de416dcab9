// add, reference.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/add.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void add(const Call& call) noexcept {
  const View& out = call.out;
  for (Index r = 0; r < out.rows(); ++r) {
    const T* a = call.in[op::add::a].row<T>(r);
    const T* b = call.in[op::add::b].row<T>(r);
    T* y = out.row<T>(r);
    for (Index c = 0; c < out.columns(); ++c) y[c] = a[c] + b[c];
  }
}

template <class T>
void add_vjp(const VjpCall& call) noexcept {
  for (int side = op::add::a; side <= op::add::b; ++side) {
    const View& grad = call.in_grad[side];
    if (grad.data == nullptr) continue;
    for (Index r = 0; r < grad.rows(); ++r)
      for (Index c = 0; c < grad.columns(); ++c)
        add_to(grad.row<T>(r)[c], static_cast<double>(call.out_grad.row<T>(r)[c]));
  }
}

}  // namespace tessera::reference
