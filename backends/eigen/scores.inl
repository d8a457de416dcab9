// Scores under a visibility, and exp: what softmax and attention share.
#pragma once

#include <cmath>

#include "tessera/backends/eigen/maps.inl"
#include "tessera/tensor/sequence.hpp"

namespace tessera::inline TESSERA_ISA::eigen {

/// The most that any of n keys of a query keeps; those from `seen` on are hidden by causality. 1 where the value is so
/// large that it swallows scores in double too: then a row whose keys are all hidden is uniform, or NaN.
inline float most_kept(Index n, Index seen, const float* keep, const Visibility& visibility) {
  const Index end = std::min(n, seen);
  if (!(std::abs(visibility.value) < 1e15)) return 1.0F;
  if (end <= 0) return 0.0F;
  return keep == nullptr ? 1.0F : ConstLine(keep, end).maxCoeff();
}

/// Scores [0, n) of one query become what the fill says, less the part of the value that they all have in common:
/// softmax does not see it, and a row whose keys are all hidden would lose its digits to it. `keep` starts at the first
/// of them, or is null; `most` is of the whole query.
inline void hide(float* scores, Index n, Index seen, const float* keep, float most, const Visibility& visibility) {
  if (keep == nullptr && seen >= n) return;
  const auto value = static_cast<float>(visibility.value);
  for (Index j = keep == nullptr ? std::max<Index>(seen, 0) : 0; j < n; ++j) {
    const float k = j >= seen ? 0.0F : keep != nullptr ? keep[j] : 1.0F;
    if (k == 1.0F) continue;
    const float hidden = k == most ? 0.0F : (most - k) * value;  // 0 * infinity stays out
    switch (visibility.fill) {
      case Fill::add: scores[j] += hidden; break;
      case Fill::replace: scores[j] = scores[j] * k + hidden; break;
      case Fill::set:
        if (k == 0.0F) scores[j] = value;
        break;
    }
  }
}

/// line = exp(line - top) with exact zeros far below (Eigen's exp ends at 4e-39), NaN where the difference is NaN.
/// Returns the sum, in double.
inline double exp_below(Line line, float top) {
  line -= top;
  line = (line < -87.0F).select(0.0F, (line == line).select(line.exp(), line));
  return line.cast<double>().sum();
}

}  // namespace tessera::eigen
