// store_rows, reference: copies of rows.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/store_rows.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void store_rows(const Call& call) noexcept {
  const View& x = call.in[op::store_rows::x];
  const std::int32_t* ids = call.in[op::store_rows::ids].as<std::int32_t>();
  for (Index n = 0; n < x.rows(); ++n) {
    const T* from = x.row<T>(n);
    T* to = call.out.row<T>(ids[n]);
    for (Index c = 0; c < x.columns(); ++c) to[c] = from[c];
  }
}

template <class T>
void store_rows_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::store_rows::x];
  if (grad.data == nullptr) return;
  const std::int32_t* ids = call.in[op::store_rows::ids].as<std::int32_t>();
  for (Index n = 0; n < grad.rows(); ++n) {
    const T* from = call.out_grad.row<T>(ids[n]);
    T* to = grad.row<T>(n);
    for (Index c = 0; c < grad.columns(); ++c) add_to(to[c], static_cast<double>(from[c]));
  }
}

}  // namespace tessera::reference
