// Matrix products through cuBLASLt, in float throughout (no TF32).
//
// cuBLASLt counts by columns. A row-major [r, c] matrix is a column-major [c, r] one in the same bytes, so
// out = a b is computed as out^T = b^T a^T: the operands change places, and nothing is moved.
#pragma once

#include <cstdint>
#include <cstring>
#include <mutex>

#include "tessera/backends/cuda/device.cuh"

namespace tessera::inline TESSERA_ISA::cuda {

/// out[m, n] = alpha * a b + beta * out + bias, row-major, for each matrix of a batch.
struct Gemm {
  Index m = 0, n = 0, k = 0;
  const float* a = nullptr;  ///< [m, k], or [k, m] when transposed
  Index a_stride = 0;
  bool a_transposed = false;
  const float* b = nullptr;  ///< [k, n], or [n, k] when transposed
  Index b_stride = 0;
  bool b_transposed = false;
  float* out = nullptr;
  Index out_stride = 0;
  float alpha = 1;
  float beta = 0;
  const float* bias = nullptr;  ///< [n] or null; only with beta 0
  Index batch = 1;
  Index a_step = 0, b_step = 0, out_step = 0;  ///< elements from one matrix of the batch to the next
};

/// The product of nothing.
__global__ void fill_kernel(Rows out, Index count, const float* bias) {
  const Index i = my_element();
  if (i < count) out.at(i) = bias != nullptr ? bias[i % out.columns] : 0.0F;
}

/// The algorithms that cuBLASLt chose. Asking costs more than a small product, so answers are kept: a table of fixed
/// size, where a new shape takes the place of an old one.
class Algorithms {
 public:
  struct Key {
    std::int64_t sizes[12];
  };
  /// Null when it is not known.
  const cublasLtMatmulAlgo_t* find(const Key& key) const noexcept {
    const Entry& e = entry_[slot(key)];
    return e.known && std::memcmp(&e.key, &key, sizeof key) == 0 ? &e.algorithm : nullptr;
  }
  void keep(const Key& key, const cublasLtMatmulAlgo_t& algorithm) noexcept {
    entry_[slot(key)] = {key, algorithm, true};
  }

 private:
  struct Entry {
    Key key;
    cublasLtMatmulAlgo_t algorithm;
    bool known;
  };
  static constexpr std::size_t capacity = 256;
  static std::size_t slot(const Key& key) noexcept {
    std::uint64_t hash = 0;
    for (const std::int64_t s : key.sizes) hash = (hash ^ static_cast<std::uint64_t>(s)) * 0x9e3779b97f4a7c15U;
    return static_cast<std::size_t>(hash >> 56) % capacity;
  }
  Entry entry_[capacity] = {};
};

/// A descriptor on the stack, without the heap that cublasLt...Create would use.
struct Layout {
  cublasLtMatrixLayoutOpaque_t opaque;

  cublasStatus_t init(Index rows, Index columns, Index stride, Index batch, Index step) noexcept {
    cublasStatus_t status = cublasLtMatrixLayoutInit(&opaque, CUDA_R_32F, static_cast<std::uint64_t>(rows),
                                                     static_cast<std::uint64_t>(columns), stride);
    if (status != CUBLAS_STATUS_SUCCESS || batch == 1) return status;
    const auto count = static_cast<std::int32_t>(batch);
    const std::int64_t offset = step;
    status = cublasLtMatrixLayoutSetAttribute(&opaque, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count);
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    return cublasLtMatrixLayoutSetAttribute(&opaque, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &offset,
                                            sizeof offset);
  }
};

/// The largest power of two up to 256 that divides an address.
inline std::uint32_t alignment_of(const void* p) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(p) | 256U;
  return static_cast<std::uint32_t>(address & (~address + 1));
}

inline cublasStatus_t choose(const Gemm& g, cublasLtMatmulDescOpaque_t& operation, Layout& a, Layout& b, Layout& out,
                             cublasLtMatmulAlgo_t& algorithm) noexcept {
  cublasLtMatmulPreferenceOpaque_t preference;
  cublasStatus_t status = cublasLtMatmulPreferenceInit(&preference);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t what, const auto& value) {
    if (status == CUBLAS_STATUS_SUCCESS)
      status = cublasLtMatmulPreferenceSetAttribute(&preference, what, &value, sizeof value);
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<std::uint64_t>(workspace_bytes));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(g.b));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(g.a));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(g.out));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(g.out));
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  status = cublasLtMatmulAlgoGetHeuristic(device().blas, &operation, &a.opaque, &b.opaque, &out.opaque, &out.opaque,
                                          &preference, 1, &found, &count);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (count == 0) return CUBLAS_STATUS_NOT_SUPPORTED;
  algorithm = found.algo;
  return found.state;
}

inline cublasStatus_t try_multiply(const Gemm& g) noexcept {
  cublasLtMatmulDescOpaque_t operation;
  cublasStatus_t status = cublasLtMatmulDescInit(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const auto set = [&](cublasLtMatmulDescAttributes_t what, const auto& value) {
    if (status == CUBLAS_STATUS_SUCCESS)
      status = cublasLtMatmulDescSetAttribute(&operation, what, &value, sizeof value);
  };
  // The left side is our b, the right one our a; each is transposed already by being read by columns.
  set(CUBLASLT_MATMUL_DESC_TRANSA, static_cast<std::int32_t>(g.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N));
  set(CUBLASLT_MATMUL_DESC_TRANSB, static_cast<std::int32_t>(g.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N));
  if (g.bias != nullptr) {
    // One number for each row of out^T.
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<std::uint32_t>(CUBLASLT_EPILOGUE_BIAS));
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, g.bias);
  }
  if (status != CUBLAS_STATUS_SUCCESS) return status;

  Layout a, b, out;
  status = b.init(g.b_transposed ? g.k : g.n, g.b_transposed ? g.n : g.k, g.b_stride, g.batch, g.b_step);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  status = a.init(g.a_transposed ? g.m : g.k, g.a_transposed ? g.k : g.m, g.a_stride, g.batch, g.a_step);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  status = out.init(g.n, g.m, g.out_stride, g.batch, g.out_step);
  if (status != CUBLAS_STATUS_SUCCESS) return status;

  const std::int64_t kind = (g.a_transposed ? 1 : 0) + (g.b_transposed ? 2 : 0) + (g.bias != nullptr ? 4 : 0) +
                            (g.beta != 0 ? 8 : 0) + std::int64_t{16} * alignment_of(g.a) +
                            std::int64_t{16384} * alignment_of(g.b) + std::int64_t{16777216} * alignment_of(g.out);
  const Algorithms::Key key = {{g.m, g.n, g.k, g.a_stride, g.b_stride, g.out_stride, g.batch, g.a_step, g.b_step,
                                g.out_step, kind, alignment_of(g.bias)}};
  static Algorithms algorithms;
  static std::mutex guard;
  cublasLtMatmulAlgo_t algorithm;
  {
    const std::lock_guard<std::mutex> lock(guard);
    if (const cublasLtMatmulAlgo_t* known = algorithms.find(key); known != nullptr) {
      algorithm = *known;
    } else {
      status = choose(g, operation, b, a, out, algorithm);
      if (status != CUBLAS_STATUS_SUCCESS) return status;
      algorithms.keep(key, algorithm);
    }
  }
  return cublasLtMatmul(device().blas, &operation, &g.alpha, g.b, &b.opaque, g.a, &a.opaque, &g.beta, g.out,
                        &out.opaque, g.out, &out.opaque, &algorithm, device().workspace, workspace_bytes,
                        device().stream);
}

inline void multiply(const Gemm& g) noexcept {
  if (g.m == 0 || g.n == 0 || g.batch == 0) return;
  if (g.k == 0) {
    if (g.beta != 0) return;
    const Rows out{g.out, g.out_stride, g.n};
    for (Index i = 0; i < g.batch; ++i) {
      const Rows one{out.data + i * g.out_step, out.stride, out.columns};
      launch(fill_kernel, blocks_for(g.m * g.n), one, g.m * g.n, g.bias);
    }
    return;
  }
  device().note(try_multiply(g));
}

}  // namespace tessera::cuda
