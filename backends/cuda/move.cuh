// Ops that move numbers: columns, rel_shift, segment_select, and their gradients. One thread an element.
#pragma once

#include "tessera/backends/cuda/device.cuh"
#include "tessera/ops/columns.hpp"
#include "tessera/ops/rel_shift.hpp"
#include "tessera/ops/segment_select.hpp"

namespace tessera::inline TESSERA_ISA::cuda {

__global__ void columns_kernel(Rows x, Index first, Rows out, Index count) {
  const Index i = my_element();
  if (i < count) out.at(i) = x.row(i / out.columns)[first + i % out.columns];
}
__global__ void columns_vjp_kernel(Rows dy, Index first, Rows dx, Index count) {
  const Index i = my_element();
  if (i < count) dx.row(i / dy.columns)[first + i % dy.columns] += dy.at(i);
}

/// Element i of [B, h, Q, K] comes from this one of [B, h, Q, P].
__device__ inline Index shifted(Index i, Index queries, Index keys, Index positions) {
  const Index j = i % keys, query = i / keys % queries, m = i / keys / queries;
  return m * queries * positions + queries + query * (positions - 1) + j;
}
__global__ void rel_shift_kernel(Rows x, Index queries, Rows out, Index count) {
  const Index i = my_element();
  if (i < count) out.at(i) = x.at(shifted(i, queries, out.columns, x.columns));
}
__global__ void rel_shift_vjp_kernel(Rows dy, Index queries, Rows dx, Index count) {
  const Index i = my_element();
  if (i < count) dx.at(shifted(i, queries, dy.columns, dx.columns)) += dy.at(i);
}

/// The relations [B, Q, K] of the rows of [B, h, Q, ...].
struct Relation {
  const std::int32_t* data;
  Index stride, heads, queries;

  static Relation of(const View& x, const View& relation) noexcept {
    return {relation.as<const std::int32_t>(), relation.row_stride, x.dim[1], x.dim[2]};
  }
  __device__ const std::int32_t* row(Index r) const {
    return data + (r / queries / heads * queries + r % queries) * stride;
  }
};
__global__ void segment_select_kernel(Rows x, Relation relation, Rows out, Index count) {
  const Index i = my_element();
  if (i >= count) return;
  const Index r = i / out.columns;
  const Index s = relation.row(r)[i % out.columns];
  out.at(i) = s >= 0 && s < x.columns ? x.row(r)[s] : 0.0F;
}
/// One thread an element of dx, keys in order.
__global__ void segment_select_vjp_kernel(Rows dy, Relation relation, Rows dx, Index count) {
  const Index i = my_element();
  if (i >= count) return;
  const Index r = i / dx.columns;
  double sum = 0;
  for (Index j = 0; j < dy.columns; ++j)
    if (relation.row(r)[j] == i % dx.columns) sum += static_cast<double>(dy.row(r)[j]);
  dx.at(i) += static_cast<float>(sum);
}

inline void columns(const Call& call) {
  launch(columns_kernel, blocks_for(call.out.count()), rows_of(call.in[0]), call.as<op::columns>().first,
         rows_of(call.out), call.out.count());
}
inline void columns_vjp(const VjpCall& call) {
  const View& dy = call.out_grad;
  if (call.in_grad[0].data != nullptr)
    launch(columns_vjp_kernel, blocks_for(dy.count()), rows_of(dy), call.as<op::columns>().first,
           rows_of(call.in_grad[0]), dy.count());
}

inline void rel_shift(const Call& call) {
  launch(rel_shift_kernel, blocks_for(call.out.count()), rows_of(call.in[0]), call.out.dim[2], rows_of(call.out),
         call.out.count());
}
inline void rel_shift_vjp(const VjpCall& call) {
  const View& dy = call.out_grad;
  if (call.in_grad[0].data != nullptr)
    launch(rel_shift_vjp_kernel, blocks_for(dy.count()), rows_of(dy), dy.dim[2], rows_of(call.in_grad[0]), dy.count());
}

inline void segment_select(const Call& call) {
  using op = tessera::op::segment_select;
  const View& x = call.in[op::x];
  launch(segment_select_kernel, blocks_for(call.out.count()), rows_of(x), Relation::of(x, call.in[op::relation]),
         rows_of(call.out), call.out.count());
}
inline void segment_select_vjp(const VjpCall& call) {
  using op = tessera::op::segment_select;
  const View& dx = call.in_grad[op::x];
  if (dx.data != nullptr)
    launch(segment_select_vjp_kernel, blocks_for(dx.count()), rows_of(call.out_grad),
           Relation::of(dx, call.in[op::relation]), rows_of(dx), dx.count());
}

}  // namespace tessera::cuda
