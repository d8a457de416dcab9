// bias, reference.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/bias.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void bias(const Call& call) noexcept {
  const View& in = call.in[op::bias::x];
  const View& b = call.in[op::bias::b];
  for (Index r = 0; r < in.rows(); ++r) {
    const T* x = in.row<T>(r);
    T* y = call.out.row<T>(r);
    for (Index c = 0; c < in.columns(); ++c) y[c] = x[c] + at<T>(b, c);
  }
}

template <class T>
void bias_vjp(const VjpCall& call) noexcept {
  const View& dx = call.in_grad[op::bias::x];
  const View& db = call.in_grad[op::bias::b];
  const View& dout = call.out_grad;
  for (Index c = 0; c < dout.columns(); ++c) {
    double sum = 0;
    for (Index r = 0; r < dout.rows(); ++r) {
      const double dy = static_cast<double>(dout.row<T>(r)[c]);
      if (dx.data != nullptr) add_to(dx.row<T>(r)[c], dy);
      sum += dy;
    }
    if (db.data != nullptr) add_to(at<T>(db, c), sum);
  }
}

}  // namespace tessera::reference
