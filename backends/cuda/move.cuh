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

/// Element i of [B, h, Q, K] comes from this one of [G, h, (B / G) Q, P].
struct Shift {
  Index heads, queries, keys, positions, per_group;

  static Shift of(const View& x, const View& out) noexcept {
    return {out.dim[1], out.dim[2], out.dim[3], x.dim[3], x.dim[0] > 0 ? out.dim[0] / x.dim[0] : 1};
  }
  __device__ Index source(Index i) const {
    const Index j = i % keys, query = i / keys % queries, head = i / keys / queries % heads;
    const Index text = i / keys / queries / heads;
    const Index block = ((text / per_group * heads + head) * per_group + text % per_group) * queries;
    return block * positions + queries + query * (positions - 1) + j;
  }
};
__global__ void rel_shift_kernel(Rows x, Shift shift, Rows out, Index count) {
  const Index i = my_element();
  if (i < count) out.at(i) = x.at(shift.source(i));
}
__global__ void rel_shift_vjp_kernel(Rows dy, Shift shift, Rows dx, Index count) {
  const Index i = my_element();
  if (i < count) dx.at(shift.source(i)) += dy.at(i);
}

/// Rows of x [1, h, B Q, S] and of the relation [B, Q, K] for those of out [B, h, Q, K].
struct Relation {
  const std::int32_t* data;
  Index stride, texts, heads, queries;

  static Relation of(const View& out, const View& relation) noexcept {
    return {relation.as<const std::int32_t>(), relation.row_stride, out.dim[0], out.dim[1], out.dim[2]};
  }
  /// Of row r of out.
  __device__ Index place(Index r) const { return r / queries / heads * queries + r % queries; }
  __device__ const std::int32_t* row(Index place) const { return data + place * stride; }
  __device__ Index x_row(Index r) const { return r / queries % heads * texts * queries + place(r); }
  /// Row of out for row q of x.
  __device__ Index out_row(Index q) const {
    const Index p = q % (texts * queries);
    return (p / queries * heads + q / (texts * queries)) * queries + p % queries;
  }
};
__global__ void segment_select_kernel(Rows x, Relation relation, Rows out, Index count) {
  const Index i = my_element();
  if (i >= count) return;
  const Index r = i / out.columns;
  const Index s = relation.row(relation.place(r))[i % out.columns];
  out.at(i) = s >= 0 && s < x.columns ? x.row(relation.x_row(r))[s] : 0.0F;
}
/// One thread an element of dx, keys in order.
__global__ void segment_select_vjp_kernel(Rows dy, Relation relation, Rows dx, Index count) {
  const Index i = my_element();
  if (i >= count) return;
  const Index r = relation.out_row(i / dx.columns);
  const std::int32_t* const relations = relation.row(relation.place(r));
  double sum = 0;
  for (Index j = 0; j < dy.columns; ++j)
    if (relations[j] == i % dx.columns) sum += static_cast<double>(dy.row(r)[j]);
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
  launch(rel_shift_kernel, blocks_for(call.out.count()), rows_of(call.in[0]), Shift::of(call.in[0], call.out),
         rows_of(call.out), call.out.count());
}
inline void rel_shift_vjp(const VjpCall& call) {
  const View& dy = call.out_grad;
  if (call.in_grad[0].data != nullptr)
    launch(rel_shift_vjp_kernel, blocks_for(dy.count()), rows_of(dy), Shift::of(call.in_grad[0], dy),
           rows_of(call.in_grad[0]), dy.count());
}

inline void segment_select(const Call& call) {
  using op = tessera::op::segment_select;
  const View& x = call.in[op::x];
  launch(segment_select_kernel, blocks_for(call.out.count()), rows_of(x), Relation::of(call.out, call.in[op::relation]),
         rows_of(call.out), call.out.count());
}
inline void segment_select_vjp(const VjpCall& call) {
  using op = tessera::op::segment_select;
  const View& dx = call.in_grad[op::x];
  if (dx.data != nullptr)
    launch(segment_select_vjp_kernel, blocks_for(dx.count()), rows_of(call.out_grad),
           Relation::of(call.out_grad, call.in[op::relation]), rows_of(dx), dx.count());
}

}  // namespace tessera::cuda
