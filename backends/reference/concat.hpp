// concat, reference.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/concat.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// Calls f(input, row, place) for each row of each input; place: where its first element stands in the result.
template <class F>
void for_each_in_concat(const View* in, Index outer, const F& f) noexcept {
  Index place = 0;
  for (Index o = 0; o < outer; ++o)
    for (int i = 0; i < max_inputs; ++i) {
      const Index rows = in[i].rows() / outer;
      for (Index r = o * rows; r < (o + 1) * rows; ++r, place += in[i].columns()) f(i, r, place);
    }
}

template <class T>
void concat(const Call& call) noexcept {
  for_each_in_concat(call.in, call.as<op::concat>().outer, [&](int i, Index row, Index place) {
    for (Index c = 0; c < call.in[i].columns(); ++c) at<T>(call.out, place + c) = call.in[i].row<T>(row)[c];
  });
}

template <class T>
void concat_vjp(const VjpCall& call) noexcept {
  for_each_in_concat(call.in, call.as<op::concat>().outer, [&](int i, Index row, Index place) {
    const View& grad = call.in_grad[i];
    if (grad.data == nullptr) return;
    for (Index c = 0; c < grad.columns(); ++c)
      add_to(grad.row<T>(row)[c], static_cast<double>(at<T>(call.out_grad, place + c)));
  });
}

}  // namespace tessera::reference
