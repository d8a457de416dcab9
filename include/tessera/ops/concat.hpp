// concat: the pieces of several inputs, one after the other, again and again.
//
// Each input is read as `outer` pieces; out is, for each o, the o-th piece of the first input, of the second, and so
// on. With outer = rows that joins columns; with outer = texts it puts the rows of a memory before those of each text.
// Gradient: each input gains its pieces of out_grad.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct concat {
  static constexpr OpId id = OpId::concat;
  enum : int { first };  ///< up to six, [n_i, W_i]; absent ones at the end
  struct Attributes {
    Index outer = 1;
  };
  static constexpr unsigned keeps = 0;
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// All [n, W_i], at most six. Returns [n, sum of W_i].
template <class T, class... More>
constexpr auto concat_columns(const T& x, const More&... more) noexcept {
  static_assert(sizeof...(More) < max_inputs, "concat: at most six inputs");
  auto& context = x.context();
  const Index width = (x.size(1) + ... + more.size(1));
  const Index rows[] = {x.size(0), more.size(0)...};
  for (const Index n : rows)
    context.require(n == x.size(0), "concat: all must have as many rows", x.size(0), n, Code::shape_mismatch,
                    OpId::concat);
  return context.template apply<op::concat>({x.size(0)}, Extents<size_of_dim<T, 0>, dyn>(x.size(0), width), x.operand(),
                                            more.operand()...);
}

/// For each of `texts` texts its rows of a, then its rows of b. a: [texts * M, H], b: [texts * Q, H].
/// Returns [texts * (M + Q), H].
template <class B>
constexpr auto concat_texts(const Operand& a, const B& b, Index texts) noexcept {
  auto& context = b.context();
  const Index rows_of_a = a.view.rows();
  context.require(a.view.columns() == b.size(1), "concat: both must have as many columns", b.size(1), a.view.columns(),
                  Code::shape_mismatch, OpId::concat);
  context.require(texts > 0 && rows_of_a % texts == 0 && b.size(0) % texts == 0,
                  "concat: rows must be a multiple of the texts", texts, rows_of_a, Code::shape_mismatch, OpId::concat);
  return context.template apply<op::concat>({texts}, Extents<dyn, size_of_dim<B, 1>>(rows_of_a + b.size(0), b.size(1)),
                                            a, b.operand());
}

}  // namespace tessera
