// Embedding: a table whose rows are looked up by id.
#pragma once

#include "tessera/ops/embedding.hpp"

namespace tessera::inline TESSERA_ISA {

/// weight: [V, H].
template <Index V = dyn, Index H = dyn>
struct Embedding {
  Param<V, H> weight;
  Index padding_row = -1;  ///< the row whose lookups have no gradient; -1: none

  constexpr Embedding() = default;
  constexpr Embedding(Index rows, Index width, Index padding = -1, ParamRole role = ParamRole::trained)
      : weight(ParamUse::table, Extents<V, H>(rows, width), role), padding_row(padding) {}

  constexpr void visit(auto&& v) { v("weight", weight); }

  /// ids: i32 [n]. Returns [n, H].
  constexpr auto operator()(auto& context, const Operand& ids) const noexcept {
    return embedding(context, weight, ids, padding_row);
  }
};

}  // namespace tessera
