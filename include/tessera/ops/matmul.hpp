// matmul: batched matrix product, out = scale * a b or scale * a b^T for each text and head.
//
// Gradient: da = scale * dout b^T (or dout b), db = scale * a^T dout (or dout^T a).
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct matmul {
  static constexpr OpId id = OpId::matmul;
  enum : int { a, b };  ///< [B, h, M, K]; [B, h, K, L], or [B, h, L, K] when transposed
  struct Attributes {
    bool transpose_b = false;
    double scale = 1;
  };
  static constexpr unsigned keeps = keeps_input(a) | keeps_input(b);
  static constexpr std::int64_t flops(const View* in, const View& out) noexcept {
    return 2 * in[a].count() * out.columns();
  }
};
}  // namespace op

/// a: [B, h, M, K], b: [B, h, L, K] when transpose_b, else [B, h, K, L]. Returns [B, h, M, L].
template <class A, class B>
constexpr auto matmul(const A& a, const B& b, bool transpose_b, double scale = 1) noexcept {
  auto& context = a.context();
  const Index inner = transpose_b ? b.size(3) : b.size(2);
  const Index columns = transpose_b ? b.size(2) : b.size(3);
  context.require(a.size(3) == inner, "matmul: inner sizes must agree", a.size(3), inner, Code::shape_mismatch,
                  OpId::matmul);
  context.require(a.size(0) == b.size(0) && a.size(1) == b.size(1), "matmul: batches must agree", a.size(0) * a.size(1),
                  b.size(0) * b.size(1), Code::shape_mismatch, OpId::matmul);
  return context.template apply<op::matmul>({transpose_b, scale},
                                            Extents<dyn, dyn, dyn, dyn>(a.size(0), a.size(1), a.size(2), columns),
                                            a.operand(), b.operand());
}

}  // namespace tessera
