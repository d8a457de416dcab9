// linear: y = x W^T + b, with W as [out, in] (torch's Linear) or as [in, out] (Conv1D of GPT: y = x W + b).
//
// Gradient: dx = dy W, dW = dy^T x, db = sum over rows of dy.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct linear {
  static constexpr OpId id = OpId::linear;
  enum : int { x, weight, bias };  ///< [n, in]; [out, in] or [in, out]; [out] or absent
  struct Attributes {
    bool in_out = false;  ///< the weight is [in, out]
  };
  static constexpr unsigned keeps = keeps_input(x) | keeps_input(weight);
  static constexpr std::int64_t flops(const View* in, const View& out) noexcept {
    return 2 * in[x].rows() * in[x].columns() * out.columns();
  }
};
}  // namespace op

/// x: [n, In], weight: [Out, In], bias: [Out] or absent. Returns [n, Out].
template <class T, Index Out, Index In>
constexpr auto linear(const T& x, const Param<Out, In>& weight, const Operand& bias = {}) noexcept {
  static_assert(may_equal(size_of_dim<T, 1>, In), "linear: x columns must equal weight columns");
  auto& context = x.context();
  context.require(x.size(1) == weight.view.dim[1], "linear: x columns must equal weight columns", weight.view.dim[1],
                  x.size(1), Code::shape_mismatch, OpId::linear);
  if (bias.present())
    context.require(bias.view.dim[0] == weight.view.dim[0], "linear: the bias must have an element for each output",
                    weight.view.dim[0], bias.view.dim[0], Code::shape_mismatch, OpId::linear);
  return context.template apply<op::linear>({false}, Extents<size_of_dim<T, 0>, Out>(x.size(0), weight.view.dim[0]),
                                            x.operand(), context.param(weight), bias);
}

/// The linear of outputs [first, first + count) alone. The weight is one that stays plain (ParamUse::table).
/// x: [n, In], weight: [Out, In], bias: [Out]. Returns [n, count].
template <class T, Index Out, Index In>
constexpr auto linear_of_rows(const T& x, const Param<Out, In>& weight, const Param<Out>& bias, Index first,
                              Index count) noexcept {
  static_assert(may_equal(size_of_dim<T, 1>, In), "linear: x columns must equal weight columns");
  auto& context = x.context();
  context.require(x.size(1) == weight.view.dim[1], "linear: x columns must equal weight columns", weight.view.dim[1],
                  x.size(1), Code::shape_mismatch, OpId::linear);
  context.require(first >= 0 && count >= 0 && first + count <= weight.view.dim[0],
                  "linear: the outputs must lie inside of the weight", weight.view.dim[0], first + count,
                  Code::shape_mismatch, OpId::linear);
  context.require(weight.use == ParamUse::table, "linear: a weight of which rows are taken must stay plain", 1, 0,
                  Code::invalid_argument, OpId::linear);
  return context.template apply<op::linear>({false}, Extents<size_of_dim<T, 0>, dyn>(x.size(0), count), x.operand(),
                                            slice_rows(context.param(weight), first, count),
                                            slice_rows(context.param(bias), first, count));
}

/// The layout of Conv1D. x: [n, In], weight: [In, Out], bias: [Out] or absent. Returns [n, Out].
template <class T, Index In, Index Out>
constexpr auto linear_io(const T& x, const Param<In, Out>& weight, const Operand& bias = {}) noexcept {
  static_assert(may_equal(size_of_dim<T, 1>, In), "linear: x columns must equal weight rows");
  auto& context = x.context();
  context.require(x.size(1) == weight.view.dim[0], "linear: x columns must equal weight rows", weight.view.dim[0],
                  x.size(1), Code::shape_mismatch, OpId::linear);
  if (bias.present())
    context.require(bias.view.dim[0] == weight.view.dim[1], "linear: the bias must have an element for each output",
                    weight.view.dim[1], bias.view.dim[0], Code::shape_mismatch, OpId::linear);
  return context.template apply<op::linear>({true}, Extents<size_of_dim<T, 0>, Out>(x.size(0), weight.view.dim[1]),
                                            x.operand(), context.param(weight), bias);
}

/// A weight that a checkpoint keeps as [rows, heads, d], read as the matrix [rows, heads * d].
constexpr Operand as_matrix(Operand weight) noexcept {
  View& v = weight.view;
  if (v.rank == 3) {
    v.dim[1] *= v.dim[2];
    v.dim[2] = 0;
    v.rank = 2;
    v.row_stride = v.dim[1];
  }
  return weight;
}

/// x: [n, In], weight: [In, heads, d] ([in, out] layout). Returns [n, heads * d].
template <class T, Index In, Index N, Index D>
constexpr auto linear_to_heads(const T& x, const Param<In, N, D>& weight) noexcept {
  static_assert(may_equal(size_of_dim<T, 1>, In), "linear: x columns must equal weight rows");
  auto& context = x.context();
  context.require(x.size(1) == weight.view.dim[0], "linear: x columns must equal weight rows", weight.view.dim[0],
                  x.size(1), Code::shape_mismatch, OpId::linear);
  return context.template apply<op::linear>(
      {true}, Extents<size_of_dim<T, 0>, product(N, D)>(x.size(0), weight.view.dim[1] * weight.view.dim[2]),
      x.operand(), as_matrix(context.param(weight)), Operand());
}

/// x: [n, heads * d], weight: [Out, heads, d] ([out, in] layout). Returns [n, Out].
template <class T, Index Out, Index N, Index D>
constexpr auto linear_from_heads(const T& x, const Param<Out, N, D>& weight) noexcept {
  static_assert(may_equal(size_of_dim<T, 1>, product(N, D)), "linear: x columns must equal weight columns");
  auto& context = x.context();
  context.require(x.size(1) == weight.view.dim[1] * weight.view.dim[2], "linear: x columns must equal weight columns",
                  weight.view.dim[1] * weight.view.dim[2], x.size(1), Code::shape_mismatch, OpId::linear);
  return context.template apply<op::linear>({false}, Extents<size_of_dim<T, 0>, Out>(x.size(0), weight.view.dim[0]),
                                            x.operand(), as_matrix(context.param(weight)), Operand());
}

}  // namespace tessera
