// The device: its stream, the first error, launching kernels, and views as kernels take them.
//
// One stream carries everything, so that a kernel sees what was copied before it and nothing needs an event. It is made
// with the cuBLASLt handle and its workspace when memory is first asked for, which is set-up: runs allocate nothing.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <atomic>
#include <type_traits>

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA::cuda {

/// What cuBLASLt may use at most; NVIDIA's recommendation for Hopper.
inline constexpr std::size_t workspace_bytes = std::size_t{32} << 20;

struct Device {
  cudaStream_t stream = nullptr;
  cublasLtHandle_t blas = nullptr;
  void* workspace = nullptr;
  bool ready = false;
  std::atomic<bool> failed{false};  ///< since the last finish()

  Device() noexcept {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) {
      (void)cudaGetLastError();
      return;
    }
    // Non-blocking: the host program's own work on the default stream does not wait for ours.
    ready = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess &&
            cublasLtCreate(&blas) == CUBLAS_STATUS_SUCCESS && cudaMalloc(&workspace, workspace_bytes) == cudaSuccess;
    if (!ready) (void)cudaGetLastError();
  }
  // Never torn down: at the end of the program the driver may be gone before us.

  void note(cudaError_t result) noexcept {
    if (result != cudaSuccess) failed = true;
  }
  void note(cublasStatus_t result) noexcept {
    if (result != CUBLAS_STATUS_SUCCESS) failed = true;
  }
};

inline Device& device() noexcept {
  static Device the_device;
  return the_device;
}

inline constexpr int block_threads = 256;
inline constexpr int warp = 32;

/// Runs a kernel on `blocks` blocks of block_threads.
template <class... P>
void launch(void (*kernel)(P...), Index blocks, std::type_identity_t<P>... arguments) noexcept {
  if (blocks <= 0) return;
  if (blocks > 0x7fffffff) {
    device().failed = true;
    return;
  }
  kernel<<<dim3(static_cast<unsigned>(blocks)), dim3(block_threads), 0, device().stream>>>(arguments...);
  device().note(cudaGetLastError());
}

/// Blocks for one thread an element, and for one warp a row.
constexpr Index blocks_for(Index elements) noexcept { return (elements + block_threads - 1) / block_threads; }
constexpr Index warp_blocks_for(Index rows) noexcept { return blocks_for(rows * warp); }

/// The element of this thread, and the row and lane of this warp.
__device__ inline Index my_element() { return static_cast<Index>(blockIdx.x) * block_threads + threadIdx.x; }
__device__ inline Index my_row() { return my_element() / warp; }
__device__ inline int my_lane() { return static_cast<int>(threadIdx.x) % warp; }

/// The sum, or the largest, over a warp, in every lane; in an order that is always the same.
template <class T>
__device__ T warp_sum(T x) {
  for (int step = warp / 2; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffU, x, step);
  return x;
}
__device__ inline float warp_largest(float x) {
  for (int step = warp / 2; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffU, x, step));
  return x;
}

/// A view of floats in device memory.
struct Rows {
  float* data;
  Index stride;
  Index columns;

  __device__ float* row(Index r) const { return data + r * stride; }
  /// Element i in row-major order.
  __device__ float& at(Index i) const { return stride == columns ? data[i] : data[i / columns * stride + i % columns]; }
};
inline Rows rows_of(const View& v) noexcept { return {v.as<float>(), v.row_stride, v.columns()}; }

}  // namespace tessera::cuda
