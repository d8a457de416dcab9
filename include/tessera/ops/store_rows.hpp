// store_rows: memory[ids[n]] = x[n]: new keys and values into a cache, in place.
//
// The memory is the caller's and outlives the walk; other rows stay as they are. Gradient: dx[n] = dmemory[ids[n]];
// what was there before gets none.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct store_rows {
  static constexpr OpId id = OpId::store_rows;
  enum : int {
    x,
    ids
  };  ///< [n, W], rows strided; i32 [n], each in [0, R) and none twice; the result is the memory [R, W]
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(ids);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x: [n, W]; memory: [R, W] in the backend's memory. Returns the memory as a tensor that owns nothing, [R, W].
template <class T>
constexpr auto store_rows(const T& x, const View& memory, const Operand& ids) noexcept {
  auto& context = x.context();
  context.require(memory.rank == 2 && memory.columns() == x.size(1), "store_rows: memory must have x's columns",
                  x.size(1), memory.columns(), Code::shape_mismatch, OpId::store_rows);
  context.require(ids.view.count() == x.size(0), "store_rows: there must be an id for each row of x", x.size(0),
                  ids.view.count(), Code::shape_mismatch, OpId::store_rows);
  return context.template apply_to<op::store_rows, Extents<dyn, size_of_dim<T, 1>>>({}, memory, x.operand(), ids);
}

}  // namespace tessera
