// dropout: the same mask as every other backend draws, from Philox. One thread an element.
#pragma once

#include "tessera/backends/cuda/device.cuh"
#include "tessera/ops/dropout.hpp"

namespace tessera::inline TESSERA_ISA::cuda {

__device__ inline bool survives(const op::dropout::Attributes& a, Index i) {
  const auto element = static_cast<std::uint64_t>(i);
  return static_cast<double>(uniform(Philox::at(a.seed, element / 4, a.number).value[element % 4])) >= a.rate;
}

__global__ void dropout_kernel(Rows x, op::dropout::Attributes attributes, Rows y, Index count) {
  const Index i = my_element();
  if (i < count)
    y.at(i) = survives(attributes, i) ? static_cast<float>(static_cast<double>(x.at(i)) / (1 - attributes.rate)) : 0.0F;
}
__global__ void dropout_vjp_kernel(Rows dy, op::dropout::Attributes attributes, Rows dx, Index count) {
  const Index i = my_element();
  if (i < count && survives(attributes, i))
    dx.at(i) += static_cast<float>(static_cast<double>(dy.at(i)) / (1 - attributes.rate));
}

inline void dropout(const Call& call) {
  const View& x = call.in[op::dropout::x];
  launch(dropout_kernel, blocks_for(x.count()), rows_of(x), call.as<op::dropout>(), rows_of(call.out), x.count());
}
inline void dropout_vjp(const VjpCall& call) {
  const View& dx = call.in_grad[op::dropout::x];
  if (dx.data != nullptr)
    launch(dropout_vjp_kernel, blocks_for(dx.count()), rows_of(call.out_grad), call.as<op::dropout>(), rows_of(dx),
           dx.count());
}

}  // namespace tessera::cuda
