// The kernels of the eigen backend, each in the .cpp file of its kind; eigen.cpp makes the tables.
#pragma once

#include "tessera/backends/reference/reference.hpp"
#include "tessera/context/backend.hpp"

namespace tessera::inline TESSERA_ISA {

namespace eigen {

void linear(const Call& call);
void matmul(const Call& call);
void softmax(const Call& call);
void attention(const Call& call);
void layer_norm(const Call& call);
void residual_norm(const Call& call);
void relative_scores(const Call& call);
void gelu(const Call& call);
void gelu_tanh(const Call& call);
void relu(const Call& call);
void swish(const Call& call);
void tanh(const Call& call);
void add(const Call& call);
void multiply(const Call& call);
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

}  // namespace eigen

}  // namespace tessera
