// softmax, reference: the largest score is subtracted before the exponentials; max, exponentials and sum in double.
//
// A row whose keys are all hidden under a fill of -infinity is NaN.
#pragma once

#include <cmath>
#include <limits>

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/softmax.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// What the keys of one query keep, and where they end.
template <class T>
struct KeysOfQuery {
  const T* keep;    ///< null: all of them
  Index last_seen;  ///< keys after it are hidden (causal)
  Index end;        ///< keys from here on do not exist (ragged); 0 for a query that does not exist
  Visibility visibility;

  /// Row r of scores [B, h, Q, K].
  KeysOfQuery(const View* in, Index r, const Visibility& v) noexcept : visibility(v) {
    const View& scores = in[op::softmax::scores];
    const View& offsets = in[op::softmax::offsets];
    const View& mask = in[op::softmax::keep];
    const Index queries = scores.dim[2];
    const Index keys = scores.columns();
    const Index text = r / (scores.dim[1] * queries);
    const Index query = r % queries;
    const Index memory = keys - queries;
    keep = !mask.present() ? nullptr : mask.rank == 2 ? mask.row<T>(text) : mask.row<T>(text * queries + query);
    last_seen = v.causal ? query + memory : keys - 1;
    end = keys;
    if (offsets.present()) {
      const std::int32_t* first = offsets.as<std::int32_t>();
      const Index length = first[text + 1] - first[text];
      end = query < length ? memory + length : 0;
    }
  }

  double kept(Index key) const noexcept {
    return key > last_seen ? 0.0 : keep != nullptr ? static_cast<double>(keep[key]) : 1.0;
  }
  double filled(double score, Index key) const noexcept {
    const double k = kept(key);
    if (k == 1) return score;  // also when the value is infinite
    switch (visibility.fill) {
      case Fill::add: return score + (1 - k) * visibility.value;
      case Fill::replace: return score * k + (1 - k) * visibility.value;
      case Fill::set: return k == 0 ? visibility.value : score;
    }
    return score;
  }
  /// d filled / d score
  double slope(Index key) const noexcept {
    switch (visibility.fill) {
      case Fill::add: return 1;
      case Fill::replace: return kept(key);
      case Fill::set: return kept(key) == 0 ? 0.0 : 1.0;
    }
    return 1;
  }
};

template <class T>
void softmax(const Call& call) noexcept {
  const View& scores = call.in[op::softmax::scores];
  for (Index r = 0; r < scores.rows(); ++r) {
    const KeysOfQuery<T> keys(call.in, r, call.as<op::softmax>().visibility);
    const T* s = scores.row<T>(r);
    T* p = call.out.row<T>(r);
    double largest = -std::numeric_limits<double>::infinity();
    for (Index j = 0; j < keys.end; ++j) largest = std::fmax(largest, keys.filled(static_cast<double>(s[j]), j));
    double sum = 0;
    for (Index j = 0; j < keys.end; ++j) sum += std::exp(keys.filled(static_cast<double>(s[j]), j) - largest);
    for (Index j = 0; j < scores.columns(); ++j)
      p[j] = j < keys.end ? static_cast<T>(std::exp(keys.filled(static_cast<double>(s[j]), j) - largest) / sum) : T(0);
  }
}

template <class T>
void softmax_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::softmax::scores];
  if (grad.data == nullptr) return;
  for (Index r = 0; r < grad.rows(); ++r) {
    const KeysOfQuery<T> keys(call.in, r, call.as<op::softmax>().visibility);
    const T* p = call.out.row<T>(r);
    const T* dp = call.out_grad.row<T>(r);
    T* ds = grad.row<T>(r);
    const double mean = dot(dp, p, keys.end);
    for (Index j = 0; j < keys.end; ++j)
      add_to(ds[j], static_cast<double>(p[j]) * (static_cast<double>(dp[j]) - mean) * keys.slope(j));
  }
}

}  // namespace tessera::reference
