// embedding: rows of a table by id. An id outside of the table gives a row of zeros, as the reference does.
#pragma once

#include "tessera/backends/cuda/device.cuh"
#include "tessera/ops/embedding.hpp"

namespace tessera::cuda {

__global__ void embedding_kernel(Rows table, Index rows, const std::int32_t* ids, Rows out, Index count) {
  const Index i = my_element();
  if (i >= count) return;
  const Index id = ids[i / out.columns];
  out.at(i) = id >= 0 && id < rows ? table.row(id)[i % out.columns] : 0.0F;
}

inline void embedding(const Call& call) {
  using op = tessera::op::embedding;
  const View& table = call.in[op::table];
  launch(embedding_kernel, blocks_for(call.out.count()), rows_of(table), table.rows(),
         call.in[op::ids].as<const std::int32_t>(), rows_of(call.out), call.out.count());
}

}  // namespace tessera::cuda
