// embedding: rows of a table by id. out[n] = table[ids[n]].
//
// Also picks rows of activations (the first token of each text): the table may be any [rows, width] value.
// Gradient: row ids[n] of the table gains out_grad[n]; the padding row gains nothing.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct embedding {
  static constexpr OpId id = OpId::embedding;
  enum : int { table, ids };  ///< [V, H], i32 [n]; ids are in [0, V): checked on the host before a run
  struct Attributes {
    Index padding_row = -1;  ///< the row of the table without gradient; -1: none
  };
  static constexpr unsigned keeps = keeps_input(ids);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

namespace detail {
constexpr bool require_ids(auto& context, const Operand& ids) noexcept {
  return context.require(ids.view.type == DType::i32, "embedding: the ids must be i32 (context.ids(...)); bytes of one",
                         static_cast<Index>(size_of(DType::i32)), static_cast<Index>(size_of(ids.view.type)),
                         Code::invalid_argument, OpId::embedding);
}
}  // namespace detail

/// table: a param [V, H] of this context's model. Returns [n, H].
template <class Context, Index V, Index H>
constexpr auto embedding(Context& context, const Param<V, H>& table, const Operand& ids,
                         Index padding_row = -1) noexcept {
  detail::require_ids(context, ids);
  return context.template apply<op::embedding>({padding_row}, Extents<dyn, H>(ids.view.count(), table.view.dim[1]),
                                               context.param(table), ids);
}

/// x: [rows, H]. Returns the rows of x that `ids` names, [n, H].
template <class T>
constexpr auto take_rows(const T& x, const Operand& ids) noexcept {
  detail::require_ids(x.context(), ids);
  return x.context().template apply<op::embedding>({-1}, Extents<dyn, size_of_dim<T, 1>>(ids.view.count(), x.size(1)),
                                                   x.operand(), ids);
}

}  // namespace tessera
