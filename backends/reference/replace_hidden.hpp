// replace_hidden, reference.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/replace_hidden.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// What element c of row r keeps.
template <class T>
double kept_at(const View& keep, const View& x, Index r, Index c) noexcept {
  return static_cast<double>(at<T>(keep, keep.count() == x.count() ? r * x.columns() + c : r));
}

template <class T>
void replace_hidden(const Call& call) noexcept {
  const View& x = call.in[op::replace_hidden::x];
  const double value = call.as<op::replace_hidden>().value;
  for (Index r = 0; r < x.rows(); ++r)
    for (Index c = 0; c < x.columns(); ++c) {
      const double k = kept_at<T>(call.in[op::replace_hidden::keep], x, r, c);
      call.out.row<T>(r)[c] = static_cast<T>(static_cast<double>(x.row<T>(r)[c]) * k + (1 - k) * value);
    }
}

template <class T>
void replace_hidden_vjp(const VjpCall& call) noexcept {
  const View& dx = call.in_grad[op::replace_hidden::x];
  if (dx.data == nullptr) return;
  for (Index r = 0; r < dx.rows(); ++r)
    for (Index c = 0; c < dx.columns(); ++c)
      add_to(dx.row<T>(r)[c],
             static_cast<double>(call.out_grad.row<T>(r)[c]) * kept_at<T>(call.in[op::replace_hidden::keep], dx, r, c));
}

}  // namespace tessera::reference
