// Losses of classification heads: cross entropy over classes, or mean squared error when there is one label.
#pragma once

#include "tessera/ops/cross_entropy.hpp"
#include "tessera/ops/mean_squared_error.hpp"

namespace tessera::inline TESSERA_ISA {

/// A label that no data has: rows that carry it do not count.
inline constexpr std::int32_t no_label = INT32_MIN;

/// logits: [n, C]; labels: host array [n], integers in [0, C), or floats when C is 1 (regression). Returns [1].
template <class T>
constexpr auto classification_loss(const T& logits, const View& labels) noexcept {
  auto& context = logits.context();
  if (logits.size(1) == 1) return mean_squared_error(logits, context.numbers(labels));
  return cross_entropy(logits, context.ids(labels), no_label);
}

}  // namespace tessera
