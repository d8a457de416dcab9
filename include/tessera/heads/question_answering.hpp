// Extractive question answering: a start and an end score for each token; the loss of the reference.
//
// Positions are clamped to [0, T], and T (past the end) does not count; the loss is the mean of both cross entropies.
// Source: Devlin et al., "BERT" (2019), section 4.2.
#pragma once

#include "tessera/context/frame.hpp"
#include "tessera/ops/add.hpp"
#include "tessera/ops/columns.hpp"
#include "tessera/ops/cross_entropy.hpp"
#include "tessera/ops/scale.hpp"

namespace tessera::inline TESSERA_ISA {

/// One column of [rows, 2] scores as [texts, longest]; as [1, rows] for a ragged batch.
template <class T>
constexpr auto span_scores(const T& logits, Index column, const Layout& layout) noexcept {
  auto scores = columns<1>(logits, column);
  const bool ragged = layout.is_ragged();
  return std::move(scores).reshape(Extents<dyn, dyn>(ragged ? 1 : layout.texts, ragged ? layout.rows : layout.longest));
}

/// start, end: [texts, T]; positions: host integers [texts]. Returns [1].
template <class T>
constexpr auto span_loss(const T& start, const T& end, const View& start_positions,
                         const View& end_positions) noexcept {
  auto& context = start.context();
  const auto length = static_cast<std::int32_t>(start.size(1));
  const auto clamped = [&](const View& positions) {
    return context.make_ids(positions.count(), [&](Index i) {
      const auto p = detail::element_as<Index>(positions, i);
      return p < 0 ? 0 : p > length ? length : static_cast<std::int32_t>(p);
    });
  };
  const Operand starts = clamped(start_positions);
  const Operand ends = clamped(end_positions);
  auto start_loss = cross_entropy(start, starts, length);
  auto end_loss = cross_entropy(end, ends, length);
  auto total = add(std::move(start_loss), end_loss);
  return scale(std::move(total), 0.5);
}

}  // namespace tessera
