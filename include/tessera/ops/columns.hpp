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

/// Columns of x to be read while x lives: no copy in inference, the op on a tape.
template <Index Count = dyn, class T>
constexpr auto column_reader(const T& x, Index first, Index count = Count) noexcept {
  using Context = typename T::context_type;
  if constexpr (Context::training) {
    return columns<Count>(x, first, count);
  } else {
    auto& context = x.context();
    context.require(first >= 0 && count >= 0 && first + count <= x.size(1), "columns: they must lie inside of x",
                    x.size(1), first + count, Code::shape_mismatch, OpId::columns);
    View v = x.view();
    v.dim[1] = count;
    if (v.data != nullptr) v.data = static_cast<std::byte*>(v.data) + static_cast<std::size_t>(first) * size_of(v.type);
    return Tensor<Context, Extents<size_of_dim<T, 0>, Count>>(context, v, Slot(), -1);
  }
}

}  // namespace tessera
