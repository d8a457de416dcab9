// embedding: rows of a table by id. An id outside of the table gives a row of zeros, as the reference does.
// Gradient: the rows of the table gain those of the result.
#pragma once

#include "tessera/backends/cuda/device.cuh"
#include "tessera/ops/embedding.hpp"

namespace tessera::inline TESSERA_ISA::cuda {

__global__ void embedding_kernel(Rows table, Index rows, const std::int32_t* ids, Rows out, Index count) {
  const Index i = my_element();
  if (i >= count) return;
  const Index id = ids[i / out.columns];
  out.at(i) = id >= 0 && id < rows ? table.row(id)[i % out.columns] : 0.0F;
}

/// One thread a column, ids in order: several rows may go to one, and the sum must not depend on who comes first.
__global__ void embedding_vjp_kernel(Rows dy, Index rows, const std::int32_t* ids, Index padding_row, Rows dtable,
                                     Index table_rows) {
  const Index c = my_element();
  if (c >= dtable.columns) return;
  for (Index n = 0; n < rows; ++n) {
    const Index id = ids[n];
    if (id >= 0 && id < table_rows && id != padding_row) dtable.row(id)[c] += dy.row(n)[c];
  }
}

inline void embedding(const Call& call) {
  using op = tessera::op::embedding;
  const View& table = call.in[op::table];
  launch(embedding_kernel, blocks_for(call.out.count()), rows_of(table), table.rows(),
         call.in[op::ids].as<const std::int32_t>(), rows_of(call.out), call.out.count());
}

inline void embedding_vjp(const VjpCall& call) {
  using op = tessera::op::embedding;
  const View& dtable = call.in_grad[op::table];
  if (dtable.data == nullptr) return;
  launch(embedding_vjp_kernel, blocks_for(dtable.columns()), rows_of(call.out_grad), call.out_grad.rows(),
         call.in[op::ids].as<const std::int32_t>(), call.as<op>().padding_row, rows_of(dtable), dtable.rows());
}

}  // namespace tessera::cuda
