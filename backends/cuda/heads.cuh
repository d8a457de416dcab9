// split_heads and merge_heads: rows of all heads to and from one matrix a head. Each is the other's gradient.
#pragma once

#include "tessera/backends/cuda/device.cuh"
#include "tessera/ops/heads.hpp"

namespace tessera::inline TESSERA_ISA::cuda {

/// Sizes of [B, h, T, d], and where texts begin.
struct Heads {
  const std::int32_t* offsets;  ///< null: padded
  Index heads, longest, width;

  static Heads of(const View& split, const View& offsets) noexcept {
    return {offsets.present() ? offsets.as<const std::int32_t>() : nullptr, split.dim[1], split.dim[2], split.dim[3]};
  }

  /// The row and column of all heads for element i of [B, h, T, d]. False behind the end of a text.
  __device__ bool place(Index i, Index& row, Index& column) const {
    const Index c = i % width, t = i / width % longest, h = i / width / longest % heads;
    const Index text = i / width / longest / heads;
    column = h * width + c;
    row = offsets != nullptr ? offsets[text] + t : text * longest + t;
    return offsets == nullptr || t < offsets[text + 1] - offsets[text];
  }
};

/// to[B, h, T, d] = from[rows, h * d], or += with `adds`; zeros behind the texts.
__global__ void split_kernel(Rows from, Rows to, Index count, Heads heads, bool adds) {
  const Index i = my_element();
  if (i >= count) return;
  Index row, column;
  const bool exists = heads.place(i, row, column);
  if (adds) {
    if (exists) to.at(i) += from.row(row)[column];
  } else {
    to.at(i) = exists ? from.row(row)[column] : 0.0F;
  }
}
/// to[rows, h * d] = from[B, h, T, d], or += with `adds`.
__global__ void merge_kernel(Rows from, Rows to, Index count, Heads heads, bool adds) {
  const Index i = my_element();
  if (i >= count) return;
  Index row, column;
  if (!heads.place(i, row, column)) return;
  float& target = to.row(row)[column];
  target = adds ? target + from.at(i) : from.at(i);
}

inline void split_heads(const Call& call) {
  using op = tessera::op::split_heads;
  launch(split_kernel, blocks_for(call.out.count()), rows_of(call.in[op::x]), rows_of(call.out), call.out.count(),
         Heads::of(call.out, call.in[op::offsets]), false);
}

inline void merge_heads(const Call& call) {
  using op = tessera::op::merge_heads;
  const View& x = call.in[op::x];
  launch(merge_kernel, blocks_for(x.count()), rows_of(x), rows_of(call.out), x.count(),
         Heads::of(x, call.in[op::offsets]), false);
}

inline void split_heads_vjp(const VjpCall& call) {
  using op = tessera::op::split_heads;
  const View& dy = call.out_grad;
  if (call.in_grad[op::x].data == nullptr) return;
  launch(merge_kernel, blocks_for(dy.count()), rows_of(dy), rows_of(call.in_grad[op::x]), dy.count(),
         Heads::of(dy, call.in[op::offsets]), true);
}

inline void merge_heads_vjp(const VjpCall& call) {
  using op = tessera::op::merge_heads;
  const View& dx = call.in_grad[op::x];
  if (dx.data == nullptr) return;
  launch(split_kernel, blocks_for(dx.count()), rows_of(call.out_grad), rows_of(dx), dx.count(),
         Heads::of(dx, call.in[op::offsets]), true);
}

}  // namespace tessera::cuda
