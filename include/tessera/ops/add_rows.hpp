// add_rows: out = x, and out[rows[i]] += y[i]: the way back of take_rows. No row is named twice.
//
// Gradient: dx = dy_out, dy[i] = dy_out[rows[i]].
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct add_rows {
  static constexpr OpId id = OpId::add_rows;
  enum : int { x, y, rows };  ///< [n, W]; [m, W]; i32 [m], distinct, in [0, n): from the host
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(rows);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x: [n, W], overwritten where the context allows; y: [m, W]; rows: i32 [m]. Returns [n, W].
template <class T, class Y>
constexpr auto add_rows(T x, const Y& y, const Operand& rows) noexcept {
  auto& context = x.context();
  context.require(y.size(1) == x.size(1), "add_rows: both must have as many columns", x.size(1), y.size(1),
                  Code::shape_mismatch, OpId::add_rows);
  context.require(rows.view.count() == y.size(0), "add_rows: there must be a place for each row", y.size(0),
                  rows.view.count(), Code::shape_mismatch, OpId::add_rows);
  return context.template apply_in_place<op::add_rows>({}, std::move(x), y.operand(), rows);
}

}  // namespace tessera
