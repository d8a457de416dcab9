// top_k and pick, reference. The chosen ones are found one after the other, each below the last in the order of (value,
// place): no memory is needed.
#pragma once

#include <cmath>

#include "tessera/backends/reference/loops.hpp"
#include "tessera/base/assert.hpp"
#include "tessera/ops/top_k.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// Whether element a of a row comes before element b.
template <class T>
bool comes_before(const T* x, Index a, Index b) noexcept {
  const bool nan_a = std::isnan(x[a]), nan_b = std::isnan(x[b]);
  if (nan_a != nan_b) return nan_a;
  if (!nan_a && x[a] != x[b]) return x[a] > x[b];
  return a < b;
}

template <class T>
void top_k(const Call& call) noexcept {
  const View& x = call.in[op::top_k::x];
  const Index sets = x.dim[1], k = call.out.dim[1], step = call.as<op::top_k>().step;
  for (Index r = 0; r < x.rows(); ++r) {
    const T* row = x.row<T>(r);
    const Index b = r / sets, s = r % sets;
    Index last = -1;
    for (Index i = 0; i < k; ++i) {
      Index best = -1;
      for (Index c = 0; c < x.columns(); ++c)
        if ((last < 0 || comes_before(row, last, c)) && (best < 0 || comes_before(row, c, best))) best = c;
      last = best;
      at<std::int32_t>(call.out, (b * k + i) * sets + s) = static_cast<std::int32_t>(step * b + best);
    }
  }
}

/// Calls f(place, row, column) for each element of out [B, k, S] and where it is taken from; column is -1 for an id
/// outside of x.
template <class F>
void for_each_pick(const View& x, const View& ids, const F& f) noexcept {
  const Index sets = ids.dim[2], k = ids.dim[1];
  for (Index place = 0; place < ids.count(); ++place) {
    const Index id = at<std::int32_t>(ids, place);
    f(place, place / (k * sets) * sets + place % sets, id >= 0 && id < x.columns() ? id : -1);
  }
}

template <class T>
void pick(const Call& call) noexcept {
  const View& x = call.in[op::pick::x];
  for_each_pick(x, call.in[op::pick::ids], [&](Index place, Index row, Index column) {
    TESSERA_ASSERT(column >= 0, "pick: an id is outside of x");
    at<T>(call.out, place) = column >= 0 ? x.row<T>(row)[column] : T(0);
  });
}

template <class T>
void pick_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::pick::x];
  if (grad.data == nullptr) return;
  for_each_pick(grad, call.in[op::pick::ids], [&](Index place, Index row, Index column) {
    if (column >= 0) add_to(grad.row<T>(row)[column], static_cast<double>(at<T>(call.out_grad, place)));
  });
}

}  // namespace tessera::reference
