// columns, reference.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/columns.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void columns(const Call& call) noexcept {
  const Index first = call.as<op::columns>().first;
  for (Index r = 0; r < call.out.rows(); ++r)
    for (Index c = 0; c < call.out.columns(); ++c) call.out.row<T>(r)[c] = call.in[op::columns::x].row<T>(r)[first + c];
}

template <class T>
void columns_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::columns::x];
  if (grad.data == nullptr) return;
  const Index first = call.as<op::columns>().first;
  for (Index r = 0; r < call.out_grad.rows(); ++r)
    for (Index c = 0; c < call.out_grad.columns(); ++c)
      add_to(grad.row<T>(r)[first + c], static_cast<double>(call.out_grad.row<T>(r)[c]));
}

}  // namespace tessera::reference
