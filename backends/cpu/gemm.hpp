// The matrix product behind linears, batched products and their gradients: what is to be computed, and how packed
// weights lie. The arithmetic is in gemm-inl.hpp; another library's product would be chosen in its `gemm`, by shape.
#pragma once

#include <cstddef>

#include "tessera/base/executor.hpp"
#include "tessera/tensor/view.hpp"

namespace tessera::inline TESSERA_ISA::cpu {

/// An activation, in place: c is [rows, columns].
using Activate = void (*)(float* c, Index c_row, Index rows, Index columns);

/// c = (bias | c | 0) + scale * a b for each batch; a: [rows, inner], b: [inner, columns], c: [rows, columns].
struct Gemm {
  Index batch = 1;
  Index rows = 0;
  Index columns = 0;
  Index inner = 0;

  const float* a = nullptr;
  Index a_row = 0;   ///< from one row to the next
  Index a_step = 1;  ///< along inner
  Index a_batch = 0;

  const float* b = nullptr;
  Index b_step = 0;  ///< along inner
  Index b_column = 1;
  Index b_batch = 0;
  bool packed = false;     ///< b lies in panels; b_step and b_column mean nothing, scale must be 1
  Index panel_stride = 0;  ///< from one panel to the next
  Index first_step = 0;    ///< steps of inner to leave out in each panel

  const float* bias = nullptr;  ///< [columns] or null
  bool accumulate = false;      ///< add to what c holds
  float scale = 1;
  Activate activate = nullptr;  ///< of what is finished, while it is in the cache

  float* c = nullptr;
  Index c_row = 0;
  Index c_batch = 0;
};

/// Packed form 1: panels of 48 columns, each [inner, 48] and contiguous; the last one as wide as what is left, rounded
/// up to 16, with zeros behind. 48 is three vectors of AVX-512, six of AVX2, twelve of SSE4: the same bytes everywhere.
inline constexpr Index panel_width = 48;
inline constexpr std::uint8_t f32_panels = 1;

constexpr Index round_up(Index n, Index multiple) noexcept { return (n + multiple - 1) / multiple * multiple; }
constexpr Index panel_count(Index columns) noexcept { return (columns + panel_width - 1) / panel_width; }
constexpr Index width_of_panel(Index columns, Index panel) noexcept {
  const Index left = columns - panel * panel_width;
  return left >= panel_width ? panel_width : round_up(left, 16);
}
constexpr Index packed_count(Index inner, Index columns) noexcept { return inner * round_up(columns, 16); }

/// The product by the best kernels of this machine (cpu.cpp).
void gemm(const Gemm& g, const Executor& executor) noexcept;

}  // namespace tessera::cpu
