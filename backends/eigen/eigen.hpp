// EigenBackend: kernels on Eigen's products and arrays, for programs that ship Eigen already.
//
// This header is light: the kernels are compiled once, in the .cpp files beside it (target tessera::eigen), and no
// Eigen header is seen here. Eigen may allocate inside of its products, so the promise of no heap during a run does
// not hold on this backend; everything else does, the same bits for any number of threads included.
#pragma once

#include "tessera/backends/reference/reference.hpp"
#include "tessera/context/backend.hpp"

namespace tessera {

namespace eigen {

void linear(const Call& call);
void matmul(const Call& call);
void softmax(const Call& call);
void attention(const Call& call);
void layer_norm(const Call& call);
void residual_norm(const Call& call);
void gelu(const Call& call);
void gelu_tanh(const Call& call);
void relu(const Call& call);
void swish(const Call& call);
void tanh(const Call& call);
void add(const Call& call);
void bias(const Call& call);

void linear_vjp(const VjpCall& call);
void matmul_vjp(const VjpCall& call);
void softmax_vjp(const VjpCall& call);
void layer_norm_vjp(const VjpCall& call);
void residual_norm_vjp(const VjpCall& call);
void gelu_vjp(const VjpCall& call);
void gelu_tanh_vjp(const VjpCall& call);
void relu_vjp(const VjpCall& call);
void swish_vjp(const VjpCall& call);
void tanh_vjp(const VjpCall& call);

/// Mean and 1 / standard deviation of each row.
constexpr std::size_t layer_norm_vjp_scratch(const VjpCall& call) noexcept {
  return static_cast<std::size_t>(call.out.rows()) * 2 * sizeof(double);
}
/// The same, and x + residual.
constexpr std::size_t residual_norm_vjp_scratch(const VjpCall& call) noexcept {
  return layer_norm_vjp_scratch(call) + static_cast<std::size_t>(call.out.count()) * sizeof(float);
}

inline constexpr Kernels kernels = Kernels()
                                       .set(OpId::linear, &linear)
                                       .set(OpId::matmul, &matmul)
                                       .set(OpId::softmax, &softmax)
                                       .set(OpId::attention, &attention)
                                       .set(OpId::layer_norm, &layer_norm)
                                       .set(OpId::residual_norm, &residual_norm)
                                       .set(OpId::gelu, &gelu)
                                       .set(OpId::gelu_tanh, &gelu_tanh)
                                       .set(OpId::relu, &relu)
                                       .set(OpId::swish, &swish)
                                       .set(OpId::tanh, &tanh)
                                       .set(OpId::add, &add)
                                       .set(OpId::bias, &bias)
                                       .inherit(Reference<float>::kernels());

// The gradient of attention stays its composition's: matmul, softmax, matmul, all of them Eigen's.
inline constexpr Vjps vjps = Vjps()
                                 .set(OpId::linear, &linear_vjp)
                                 .set(OpId::matmul, &matmul_vjp)
                                 .set(OpId::softmax, &softmax_vjp)
                                 .set(OpId::layer_norm, &layer_norm_vjp, &layer_norm_vjp_scratch)
                                 .set(OpId::residual_norm, &residual_norm_vjp, &residual_norm_vjp_scratch)
                                 .set(OpId::gelu, &gelu_vjp)
                                 .set(OpId::gelu_tanh, &gelu_tanh_vjp)
                                 .set(OpId::relu, &relu_vjp)
                                 .set(OpId::swish, &swish_vjp)
                                 .set(OpId::tanh, &tanh_vjp)
                                 .inherit(Reference<float>::vjps());

inline constexpr Memory memory;    // the host's
inline constexpr Packing packing;  // none: Eigen packs inside of each product

}  // namespace eigen

struct EigenBackend {
  using element = float;
  static constexpr const char* name() noexcept { return "eigen"; }
  static constexpr const Kernels& kernels() noexcept { return eigen::kernels; }
  static constexpr const Vjps& vjps() noexcept { return eigen::vjps; }
  static constexpr const Memory& memory() noexcept { return eigen::memory; }
  static constexpr const Packing& packing() noexcept { return eigen::packing; }
};

static_assert(Backend<EigenBackend>);

}  // namespace tessera
