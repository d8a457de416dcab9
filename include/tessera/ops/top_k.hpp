// top_k and pick: where the largest elements of each row are, and the elements at such places.
//
// top_k: out[b, i, s] = step * b + the column of the i-th largest of x[b, s, :]; of equal ones the first comes first,
// NaN comes before all. No gradient. pick: out[b, i, s] = x[b, s, ids[b, i, s]]. Gradient: these elements gain
// out_grad.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct top_k {
  static constexpr OpId id = OpId::top_k;
  enum : int { x };  ///< [B, S, C], k <= C
  struct Attributes {
    Index step = 0;  ///< C: ids are rows of [B * C, ...]
  };
  static constexpr unsigned keeps = no_gradient;
  static constexpr DType out_type = DType::i32;
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};

struct pick {
  static constexpr OpId id = OpId::pick;
  enum : int { x, ids };  ///< [B, S, C]; i32 [B, k, S] in [0, C)
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(ids);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x: [B, S, C]. Returns i32 [B, k, S].
template <class T>
constexpr auto top_k(const T& x, Index k, Index step = 0) noexcept {
  auto& context = x.context();
  context.require(k > 0 && k <= x.size(2), "top_k: there must be as many columns to choose from", k, x.size(2),
                  Code::shape_mismatch, OpId::top_k);
  return context.template apply<op::top_k>({step}, Extents<dyn, dyn, dyn>(x.size(0), k, x.size(1)), x.operand());
}

/// x: [B, S, C], ids: i32 [B, k, S]. Returns [B, k, S].
template <class T>
constexpr auto pick(const T& x, const Operand& ids) noexcept {
  auto& context = x.context();
  context.require(ids.view.rank == 3 && ids.view.dim[0] == x.size(0) && ids.view.dim[2] == x.size(1),
                  "pick: ids must be [B, k, S] for x [B, S, C]", x.size(0) * x.size(1),
                  ids.view.dim[0] * ids.view.dim[2], Code::shape_mismatch, OpId::pick);
  return context.template apply<op::pick>({}, Extents<dyn, dyn, dyn>(x.size(0), ids.view.dim[1], x.size(1)),
                                          x.operand(), ids);
}

}  // namespace tessera
