// columns: out = x[:, first : first + count]. Gradient: the same columns of x gain out_grad.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct columns {
  static constexpr OpId id = OpId::columns;
  enum : int { x };  ///< [n, W]
  struct Attributes {
    Index first = 0;
  };
  static constexpr unsigned keeps = 0;
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x: [n, W]. Returns [n, count].
template <Index Count = dyn, class T>
constexpr auto columns(const T& x, Index first, Index count = Count) noexcept {
  auto& context = x.context();
  context.require(first >= 0 && count >= 0 && first + count <= x.size(1), "columns: they must lie inside of x",
                  x.size(1), first + count, Code::shape_mismatch, OpId::columns);
  return context.template apply<op::columns>({first}, Extents<size_of_dim<T, 0>, Count>(x.size(0), count), x.operand());
}

}  // namespace tessera
