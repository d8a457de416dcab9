// The tables of the cuda backend: which kernels it has, and its memory.
#include "tessera/backends/cuda/cuda.hpp"

#include "tessera/backends/cuda/dropout.cuh"
#include "tessera/backends/cuda/elementwise.cuh"
#include "tessera/backends/cuda/embedding.cuh"
#include "tessera/backends/cuda/heads.cuh"
#include "tessera/backends/cuda/layer_norm.cuh"
#include "tessera/backends/cuda/linear.cuh"
#include "tessera/backends/cuda/matmul.cuh"
#include "tessera/backends/cuda/move.cuh"
#include "tessera/backends/cuda/reduce.cuh"
#include "tessera/backends/cuda/softmax.cuh"
#include "tessera/backends/reference/reference.hpp"

namespace tessera::inline TESSERA_ISA {

namespace cuda {
namespace {

void* allocate(std::size_t bytes) {
  if (!device().ready) return nullptr;
  void* memory = nullptr;
  // Zero bytes get an address too; cudaMalloc would give none.
  if (cudaMalloc(&memory, bytes > 0 ? bytes : 1) == cudaSuccess) return memory;
  (void)cudaGetLastError();  // being out of memory is the caller's news, not a failure of the run before
  return nullptr;
}

void release(void* memory, std::size_t) { device().note(cudaFree(memory)); }

void upload(void* destination, const void* host, std::size_t bytes) {
  device().note(cudaMemcpyAsync(destination, host, bytes, cudaMemcpyHostToDevice, device().stream));
  // Pageable memory has been read when the call returns; pinned memory has not, and the caller may use it again.
  cudaPointerAttributes attributes{};
  const cudaError_t known = cudaPointerGetAttributes(&attributes, host);
  if (known != cudaSuccess || attributes.type != cudaMemoryTypeUnregistered)
    device().note(cudaStreamSynchronize(device().stream));
}

void download(void* host, const void* source, std::size_t bytes) {
  device().note(cudaMemcpyAsync(host, source, bytes, cudaMemcpyDeviceToHost, device().stream));
  device().note(cudaStreamSynchronize(device().stream));
}

void zero(void* memory, std::size_t bytes) { device().note(cudaMemsetAsync(memory, 0, bytes, device().stream)); }

bool finish() {
  if (!device().ready) return false;
  device().note(cudaStreamSynchronize(device().stream));
  return !device().failed.exchange(false);
}

constexpr Memory memory_table = {&allocate, &release, &upload, &download, &zero, &finish};
constexpr Packing packing_table;

constexpr Kernels kernel_table = Kernels()
                                     .set(OpId::embedding, &embedding)
                                     .set(OpId::linear, &linear)
                                     .set(OpId::matmul, &matmul)
                                     .set(OpId::softmax, &softmax)
                                     .set(OpId::layer_norm, &layer_norm)
                                     .set(OpId::residual_norm, &residual_norm)
                                     .set(OpId::gelu, &activate<Gelu>)
                                     .set(OpId::gelu_tanh, &activate<GeluTanh>)
                                     .set(OpId::relu, &activate<Relu>)
                                     .set(OpId::swish, &activate<Swish>)
                                     .set(OpId::tanh, &activate<Tanh>)
                                     .set(OpId::add, &add)
                                     .set(OpId::bias, &bias)
                                     .set(OpId::scale, &scale)
                                     .set(OpId::scale_heads, &scale_heads)
                                     .set(OpId::split_heads, &split_heads)
                                     .set(OpId::merge_heads, &merge_heads)
                                     .set(OpId::dropout, &dropout)
                                     .set(OpId::rel_shift, &rel_shift)
                                     .set(OpId::segment_select, &segment_select)
                                     .set(OpId::columns, &columns)
                                     .set(OpId::sum, &sum)
                                     .set(OpId::mean, &mean)
                                     .set(OpId::mean_pool, &mean_pool)
                                     .set(OpId::mean_squared_error, &mean_squared_error)
                                     .set(OpId::cross_entropy, &cross_entropy, &cross_entropy_scratch)
                                     .inherit(Reference<float>::kernels());

constexpr Vjps vjp_table = Vjps()
                               .set(OpId::linear, &linear_vjp)
                               .set(OpId::matmul, &matmul_vjp)
                               .set(OpId::softmax, &softmax_vjp)
                               .set(OpId::layer_norm, &layer_norm_vjp, &norm_vjp_scratch)
                               .set(OpId::residual_norm, &residual_norm_vjp, &norm_vjp_scratch)
                               .set(OpId::gelu, &activate_vjp<Gelu, op::gelu>)
                               .set(OpId::gelu_tanh, &activate_vjp<GeluTanh, op::gelu_tanh>)
                               .set(OpId::relu, &activate_vjp<Relu, op::relu>)
                               .set(OpId::swish, &activate_vjp<Swish, op::swish>)
                               .set(OpId::tanh, &activate_vjp<Tanh, op::tanh>)
                               .set(OpId::add, &add_vjp)
                               .set(OpId::scale, &scale_vjp)
                               .set(OpId::split_heads, &split_heads_vjp)
                               .set(OpId::merge_heads, &merge_heads_vjp)
                               .set(OpId::embedding, &embedding_vjp)
                               .set(OpId::bias, &bias_vjp)
                               .set(OpId::dropout, &dropout_vjp)
                               .set(OpId::rel_shift, &rel_shift_vjp)
                               .set(OpId::segment_select, &segment_select_vjp)
                               .set(OpId::columns, &columns_vjp)
                               .set(OpId::sum, &sum_vjp)
                               .set(OpId::mean, &mean_vjp)
                               .set(OpId::mean_pool, &mean_pool_vjp)
                               .set(OpId::scale_heads, &scale_heads_vjp)
                               .set(OpId::mean_squared_error, &mean_squared_error_vjp)
                               .set(OpId::cross_entropy, &cross_entropy_vjp, &cross_entropy_vjp_scratch)
                               .inherit(Reference<float>::vjps());

}  // namespace
}  // namespace cuda

}  // namespace tessera

namespace TESSERA_COMPILED::cuda {
bool available() noexcept { return tessera::cuda::device().ready; }
const void* kernels() noexcept { return &tessera::cuda::kernel_table; }
const void* vjps() noexcept { return &tessera::cuda::vjp_table; }
const void* memory() noexcept { return &tessera::cuda::memory_table; }
const void* packing() noexcept { return &tessera::cuda::packing_table; }
}  // namespace TESSERA_COMPILED::cuda
