// The tables of the eigen backend.
#include "tessera/backends/eigen/eigen.hpp"
#include "tessera/backends/eigen/kernels.hpp"

namespace tessera::inline TESSERA_ISA {

namespace eigen {
namespace {

constexpr Kernels kernel_table = Kernels()
                                     .set(OpId::linear, &linear)
                                     .set(OpId::matmul, &matmul)
                                     .set(OpId::softmax, &softmax)
                                     .set(OpId::attention, &attention)
                                     .set(OpId::layer_norm, &layer_norm)
                                     .set(OpId::residual_norm, &residual_norm)
                                     .set(OpId::relative_scores, &relative_scores)
                                     .set(OpId::gelu, &gelu)
                                     .set(OpId::gelu_tanh, &gelu_tanh)
                                     .set(OpId::relu, &relu)
                                     .set(OpId::swish, &swish)
                                     .set(OpId::tanh, &tanh)
                                     .set(OpId::add, &add)
                                     .set(OpId::multiply, &multiply)
                                     .set(OpId::bias, &bias)
                                     .inherit(Reference<float>::kernels());

// The gradient of attention stays its composition's: matmul, softmax, matmul, all of them Eigen's.
constexpr Vjps vjp_table = Vjps()
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

}  // namespace
static const void* compiled_kernels() noexcept { return &kernel_table; }
static const void* compiled_vjps() noexcept { return &vjp_table; }

}  // namespace eigen

}  // namespace tessera

namespace TESSERA_COMPILED::eigen {
const void* kernels() noexcept { return tessera::eigen::compiled_kernels(); }
const void* vjps() noexcept { return tessera::eigen::compiled_vjps(); }
}  // namespace TESSERA_COMPILED::eigen
