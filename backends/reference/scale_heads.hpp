// scale_heads, reference.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/scale_heads.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void scale_heads(const Call& call) noexcept {
  const View& in = call.in[op::scale_heads::x];
  for (Index r = 0; r < in.rows(); ++r) {
    const T factor = at<T>(call.in[op::scale_heads::factor], r / in.dim[2] % in.dim[1]);
    const T* x = in.row<T>(r);
    T* y = call.out.row<T>(r);
    for (Index c = 0; c < in.columns(); ++c) y[c] = x[c] * factor;
  }
}

template <class T>
void scale_heads_vjp(const VjpCall& call) noexcept {
  const View& in = call.in[op::scale_heads::x];
  const View& dout = call.out_grad;
  const View& dx = call.in_grad[op::scale_heads::x];
  for (Index r = 0; dx.data != nullptr && r < in.rows(); ++r) {
    const double factor = static_cast<double>(at<T>(call.in[op::scale_heads::factor], r / in.dim[2] % in.dim[1]));
    for (Index c = 0; c < in.columns(); ++c) add_to(dx.row<T>(r)[c], factor * static_cast<double>(dout.row<T>(r)[c]));
  }
  const View& dfactor = call.in_grad[op::scale_heads::factor];
  for (Index head = 0; dfactor.data != nullptr && head < in.dim[1]; ++head) {
    double sum = 0;
    for (Index r = 0; r < in.rows(); ++r)
      if (r / in.dim[2] % in.dim[1] == head) sum += dot(in.row<T>(r), dout.row<T>(r), in.columns());
    add_to(at<T>(dfactor, head), sum);
  }
}

}  // namespace tessera::reference
