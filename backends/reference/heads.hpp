// split_heads and merge_heads, reference: copies; without offsets each text has the rows of the longest.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/heads.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// Calls f(place, row, column) for each place of [B, h, T, d], in order; row is -1 behind the end of a text.
template <class F>
void for_each_in_heads(const View& heads, const View& offsets, const F& f) noexcept {
  const Index longest = heads.dim[2];
  const Index width = heads.dim[3];
  Index place = 0;
  for (Index text = 0; text < heads.dim[0]; ++text) {
    const bool ragged = offsets.present();
    const Index first = ragged ? offsets.as<std::int32_t>()[text] : text * longest;
    const Index length = ragged ? offsets.as<std::int32_t>()[text + 1] - first : longest;
    for (Index head = 0; head < heads.dim[1]; ++head)
      for (Index t = 0; t < longest; ++t)
        for (Index d = 0; d < width; ++d, ++place) f(place, t < length ? first + t : -1, head * width + d);
  }
}

template <class T>
void split_heads(const Call& call) noexcept {
  const View& in = call.in[op::split_heads::x];
  for_each_in_heads(call.out, call.in[op::split_heads::offsets], [&](Index place, Index row, Index column) {
    at<T>(call.out, place) = row >= 0 ? in.row<T>(row)[column] : T(0);
  });
}

template <class T>
void split_heads_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::split_heads::x];
  if (grad.data == nullptr) return;
  for_each_in_heads(call.out_grad, call.in[op::split_heads::offsets], [&](Index place, Index row, Index column) {
    if (row >= 0) add_to(grad.row<T>(row)[column], static_cast<double>(at<T>(call.out_grad, place)));
  });
}

template <class T>
void merge_heads(const Call& call) noexcept {
  const View& in = call.in[op::merge_heads::x];
  for_each_in_heads(in, call.in[op::merge_heads::offsets], [&](Index place, Index row, Index column) {
    if (row >= 0) call.out.row<T>(row)[column] = at<T>(in, place);
  });
}

template <class T>
void merge_heads_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::merge_heads::x];
  if (grad.data == nullptr) return;
  for_each_in_heads(grad, call.in[op::merge_heads::offsets], [&](Index place, Index row, Index column) {
    if (row >= 0) add_to(at<T>(grad, place), static_cast<double>(call.out_grad.row<T>(row)[column]));
  });
}

}  // namespace tessera::reference
