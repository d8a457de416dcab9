// The reference backend: what each op means, as plain loops over host memory in float or double.
//
// Every other backend is tested against it, and takes from it the kernels that it lacks. Fused ops have no entry: their
// composition is what they mean. To get the same bits everywhere, compile with -ffp-contract=off.
#pragma once

#include "tessera/backends/reference/add.hpp"
#include "tessera/backends/reference/add_rows.hpp"
#include "tessera/backends/reference/bias.hpp"
#include "tessera/backends/reference/binary_cross_entropy.hpp"
#include "tessera/backends/reference/columns.hpp"
#include "tessera/backends/reference/concat.hpp"
#include "tessera/backends/reference/cross_entropy.hpp"
#include "tessera/backends/reference/dropout.hpp"
#include "tessera/backends/reference/embedding.hpp"
#include "tessera/backends/reference/gelu.hpp"
#include "tessera/backends/reference/gelu_tanh.hpp"
#include "tessera/backends/reference/heads.hpp"
#include "tessera/backends/reference/layer_norm.hpp"
#include "tessera/backends/reference/linear.hpp"
#include "tessera/backends/reference/log_softmax.hpp"
#include "tessera/backends/reference/matmul.hpp"
#include "tessera/backends/reference/mean_squared_error.hpp"
#include "tessera/backends/reference/multiply.hpp"
#include "tessera/backends/reference/negative_log_likelihood.hpp"
#include "tessera/backends/reference/reduce.hpp"
#include "tessera/backends/reference/rel_shift.hpp"
#include "tessera/backends/reference/relu.hpp"
#include "tessera/backends/reference/replace_hidden.hpp"
#include "tessera/backends/reference/scale.hpp"
#include "tessera/backends/reference/scale_heads.hpp"
#include "tessera/backends/reference/segment_select.hpp"
#include "tessera/backends/reference/sinusoids.hpp"
#include "tessera/backends/reference/softmax.hpp"
#include "tessera/backends/reference/store_rows.hpp"
#include "tessera/backends/reference/swish.hpp"
#include "tessera/backends/reference/tanh.hpp"
#include "tessera/backends/reference/top_k.hpp"
#include "tessera/backends/reference/zeros.hpp"
#include "tessera/context/backend.hpp"

namespace tessera::inline TESSERA_ISA {

namespace reference {

template <class T>
inline constexpr Kernels kernels = Kernels()
                                       .set(OpId::embedding, &embedding<T>)
                                       .set(OpId::linear, &linear<T>)
                                       .divide(OpId::linear)
                                       .set(OpId::matmul, &matmul<T>)
                                       .set(OpId::softmax, &softmax<T>)
                                       .set(OpId::layer_norm, &layer_norm<T>)
                                       .set(OpId::gelu, &gelu<T>)
                                       .set(OpId::gelu_tanh, &gelu_tanh<T>)
                                       .set(OpId::relu, &relu<T>)
                                       .set(OpId::swish, &swish<T>)
                                       .set(OpId::tanh, &tanh<T>)
                                       .set(OpId::add, &add<T>)
                                       .set(OpId::multiply, &multiply<T>)
                                       .set(OpId::bias, &bias<T>)
                                       .set(OpId::scale, &scale<T>)
                                       .set(OpId::scale_heads, &scale_heads<T>)
                                       .set(OpId::dropout, &dropout<T>)
                                       .set(OpId::split_heads, &split_heads<T>)
                                       .set(OpId::merge_heads, &merge_heads<T>)
                                       .set(OpId::rel_shift, &rel_shift<T>)
                                       .set(OpId::segment_select, &segment_select<T>)
                                       .set(OpId::columns, &columns<T>)
                                       .set(OpId::concat, &concat<T>)
                                       .set(OpId::add_rows, &add_rows<T>)
                                       .set(OpId::zeros, &zeros<T>)
                                       .set(OpId::sinusoids, &sinusoids<T>)
                                       .set(OpId::replace_hidden, &replace_hidden<T>)
                                       .set(OpId::top_k, &top_k<T>)
                                       .set(OpId::pick, &pick<T>)
                                       .set(OpId::store_rows, &store_rows<T>)
                                       .set(OpId::sum, &sum<T>)
                                       .set(OpId::mean, &mean<T>)
                                       .set(OpId::mean_pool, &mean_pool<T>)
                                       .set(OpId::log_softmax, &log_softmax<T>)
                                       .set(OpId::negative_log_likelihood, &negative_log_likelihood<T>)
                                       .set(OpId::binary_cross_entropy, &binary_cross_entropy<T>)
                                       .set(OpId::cross_entropy, &cross_entropy<T>)
                                       .set(OpId::mean_squared_error, &mean_squared_error<T>);

/// A table of its own, so that a program that only infers holds no gradients.
template <class T>
inline constexpr Vjps vjps = Vjps()
                                 .set(OpId::embedding, &embedding_vjp<T>)
                                 .set(OpId::linear, &linear_vjp<T>)
                                 .set(OpId::matmul, &matmul_vjp<T>)
                                 .set(OpId::softmax, &softmax_vjp<T>)
                                 .set(OpId::layer_norm, &layer_norm_vjp<T>, &layer_norm_vjp_scratch)
                                 .set(OpId::gelu, &gelu_vjp<T>)
                                 .set(OpId::gelu_tanh, &gelu_tanh_vjp<T>)
                                 .set(OpId::relu, &relu_vjp<T>)
                                 .set(OpId::swish, &swish_vjp<T>)
                                 .set(OpId::tanh, &tanh_vjp<T>)
                                 .set(OpId::add, &add_vjp<T>)
                                 .set(OpId::multiply, &multiply_vjp<T>)
                                 .set(OpId::bias, &bias_vjp<T>)
                                 .set(OpId::scale, &scale_vjp<T>)
                                 .set(OpId::scale_heads, &scale_heads_vjp<T>)
                                 .set(OpId::dropout, &dropout_vjp<T>)
                                 .set(OpId::split_heads, &split_heads_vjp<T>)
                                 .set(OpId::merge_heads, &merge_heads_vjp<T>)
                                 .set(OpId::rel_shift, &rel_shift_vjp<T>)
                                 .set(OpId::segment_select, &segment_select_vjp<T>)
                                 .set(OpId::columns, &columns_vjp<T>)
                                 .set(OpId::concat, &concat_vjp<T>)
                                 .set(OpId::add_rows, &add_rows_vjp<T>)
                                 .set(OpId::replace_hidden, &replace_hidden_vjp<T>)
                                 .set(OpId::pick, &pick_vjp<T>)
                                 .set(OpId::store_rows, &store_rows_vjp<T>)
                                 .set(OpId::sum, &sum_vjp<T>)
                                 .set(OpId::mean, &mean_vjp<T>)
                                 .set(OpId::mean_pool, &mean_pool_vjp<T>)
                                 .set(OpId::log_softmax, &log_softmax_vjp<T>)
                                 .set(OpId::negative_log_likelihood, &negative_log_likelihood_vjp<T>)
                                 .set(OpId::binary_cross_entropy, &binary_cross_entropy_vjp<T>)
                                 .set(OpId::cross_entropy, &cross_entropy_vjp<T>)
                                 .set(OpId::mean_squared_error, &mean_squared_error_vjp<T>);

inline constexpr Memory memory = Memory();
inline constexpr Packing packing = Packing();

}  // namespace reference

template <class T = float>
struct Reference {
  using element = T;

  static constexpr const char* name() noexcept { return sizeof(T) == sizeof(float) ? "reference" : "reference f64"; }
  static constexpr const Kernels& kernels() noexcept { return reference::kernels<T>; }
  static constexpr const Vjps& vjps() noexcept { return reference::vjps<T>; }
  static constexpr const Memory& memory() noexcept { return reference::memory; }
  static constexpr const Packing& packing() noexcept { return reference::packing; }
};

static_assert(Backend<Reference<float>> && Backend<Reference<double>>);

}  // namespace tessera
