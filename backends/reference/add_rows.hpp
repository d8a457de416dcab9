// add_rows, reference; a row outside of x is passed over, and gives an assertion.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/base/assert.hpp"
#include "tessera/ops/add_rows.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void add_rows(const Call& call) noexcept {
  const View& x = call.in[op::add_rows::x];
  const View& y = call.in[op::add_rows::y];
  if (call.out.data != x.data)
    for (Index r = 0; r < x.rows(); ++r)
      for (Index c = 0; c < x.columns(); ++c) call.out.row<T>(r)[c] = x.row<T>(r)[c];
  for (Index i = 0; i < y.rows(); ++i) {
    const Index row = at<std::int32_t>(call.in[op::add_rows::rows], i);
    const bool inside = row >= 0 && row < x.rows();
    TESSERA_ASSERT(inside, "add_rows: a row is outside of x");
    for (Index c = 0; inside && c < y.columns(); ++c)
      add_to(call.out.row<T>(row)[c], static_cast<double>(y.row<T>(i)[c]));
  }
}

template <class T>
void add_rows_vjp(const VjpCall& call) noexcept {
  const View& dout = call.out_grad;
  const View& dx = call.in_grad[op::add_rows::x];
  const View& dy = call.in_grad[op::add_rows::y];
  for (Index r = 0; dx.data != nullptr && r < dx.rows(); ++r)
    for (Index c = 0; c < dx.columns(); ++c) add_to(dx.row<T>(r)[c], static_cast<double>(dout.row<T>(r)[c]));
  for (Index i = 0; dy.data != nullptr && i < dy.rows(); ++i) {
    const Index row = at<std::int32_t>(call.in[op::add_rows::rows], i);
    if (row < 0 || row >= dout.rows()) continue;
    for (Index c = 0; c < dy.columns(); ++c) add_to(dy.row<T>(i)[c], static_cast<double>(dout.row<T>(row)[c]));
  }
}

}  // namespace tessera::reference
