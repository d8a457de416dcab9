// feed_forward: y = f(x W^T + a) V^T + b, two linears with an activation between. A fused op; composition: linear,
// the activation, linear.
//
// What lies between is wider than x and y, is read once, and need not leave the caches; in a low precision it need not
// be f32 either. Source: Vaswani et al., "Attention Is All You Need" (2017), equation 2.
#pragma once

#include "tessera/ops/activation.hpp"
#include "tessera/ops/linear.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct feed_forward {
  static constexpr OpId id = OpId::feed_forward;
  /// [n, in]; [inner, in] and [out, inner], or [in, inner] and [inner, out]; [inner], [out]
  enum : int { x, inner_weight, inner_bias, weight, bias };
  struct Attributes {
    Activation activation = Activation::gelu;
    bool in_out = false;  ///< the weights are [in, inner] and [inner, out]
  };
  static constexpr unsigned keeps = keeps_input(x) | keeps_input(inner_weight) | keeps_input(weight);
  static constexpr std::int64_t flops(const View* in, const View& out) noexcept {
    return 2 * in[x].rows() * (in[x].columns() + out.columns()) * in[inner_bias].count();
  }
};
}  // namespace op

namespace detail {
/// `in_out`: which dimension of a weight is that of its outputs.
template <bool in_out, Index Out, class T>
constexpr auto apply_feed_forward(const T& x, const ParamBase& inner_weight, const ParamBase& inner_bias,
                                  const ParamBase& weight, const ParamBase& bias, Activation activation) noexcept {
  auto& context = x.context();
  constexpr int in = in_out ? 0 : 1, out = in_out ? 1 : 0;
  const Index between = inner_weight.view.dim[out];
  const auto require = [&](const char* what, Index expected, Index found) {
    context.require(expected == found, what, expected, found, Code::shape_mismatch, OpId::feed_forward);
  };
  require("feed_forward: x must have a column for each input", inner_weight.view.dim[in], x.size(1));
  require("feed_forward: both weights must have the inner width", between, weight.view.dim[in]);
  require("feed_forward: the inner bias must have the inner width", between, inner_bias.view.dim[0]);
  require("feed_forward: the bias must have an element for each output", weight.view.dim[out], bias.view.dim[0]);
  return context.template apply<op::feed_forward>(
      {activation, in_out}, Extents<size_of_dim<T, 0>, Out>(x.size(0), weight.view.dim[out]), x.operand(),
      context.param(inner_weight), context.param(inner_bias), context.param(weight), context.param(bias));
}
}  // namespace detail

/// x: [n, In], weights: [Inner, In] and [Out, Inner], biases: [Inner] and [Out]. Returns [n, Out].
template <class T, Index In, Index Inner, Index Out>
constexpr auto feed_forward(const T& x, const Param<Inner, In>& inner_weight, const Param<Inner>& inner_bias,
                            const Param<Out, Inner>& weight, const Param<Out>& bias, Activation activation) noexcept {
  static_assert(may_equal(size_of_dim<T, 1>, In), "feed_forward: x must have a column for each input");
  auto& context = x.context();
  if (context.has(OpId::feed_forward))
    return detail::apply_feed_forward<false, Out>(x, inner_weight, inner_bias, weight, bias, activation);
  auto inner = linear(x, inner_weight, context.param(inner_bias));
  inner = activate(std::move(inner), activation);
  return linear(inner, weight, context.param(bias));
}

/// The layout of Conv1D: weights [In, Inner] and [Inner, Out].
template <class T, Index In, Index Inner, Index Out>
constexpr auto feed_forward_io(const T& x, const Param<In, Inner>& inner_weight, const Param<Inner>& inner_bias,
                               const Param<Inner, Out>& weight, const Param<Out>& bias,
                               Activation activation) noexcept {
  static_assert(may_equal(size_of_dim<T, 1>, In), "feed_forward: x must have a column for each input");
  auto& context = x.context();
  if (context.has(OpId::feed_forward))
    return detail::apply_feed_forward<true, Out>(x, inner_weight, inner_bias, weight, bias, activation);
  auto inner = linear_io(x, inner_weight, context.param(inner_bias));
  inner = activate(std::move(inner), activation);
  return linear_io(inner, weight, context.param(bias));
}

}  // namespace tessera
