// store_rows, reference: copies of rows; one outside of the memory is passed over, and gives an assertion.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/base/assert.hpp"
#include "tessera/ops/store_rows.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void store_rows(const Call& call) noexcept {
  const View& x = call.in[op::store_rows::x];
  for (Index n = 0; n < x.rows(); ++n) {
    const Index row = at<std::int32_t>(call.in[op::store_rows::ids], n);
    const bool inside = row >= 0 && row < call.out.rows();
    TESSERA_ASSERT(inside, "store_rows: a row is outside of the memory");
    const T* from = x.row<T>(n);
    for (Index c = 0; inside && c < x.columns(); ++c) call.out.row<T>(row)[c] = from[c];
  }
}

template <class T>
void store_rows_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::store_rows::x];
  if (grad.data == nullptr) return;
  for (Index n = 0; n < grad.rows(); ++n) {
    const Index row = at<std::int32_t>(call.in[op::store_rows::ids], n);
    if (row < 0 || row >= call.out_grad.rows()) continue;
    const T* from = call.out_grad.row<T>(row);
    for (Index c = 0; c < grad.columns(); ++c) add_to(grad.row<T>(n)[c], static_cast<double>(from[c]));
  }
}

}  // namespace tessera::reference
