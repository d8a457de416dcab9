// embedding, reference: copies the row of each id; an id outside of the table gives zeros and an assertion.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/base/assert.hpp"
#include "tessera/ops/embedding.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void embedding(const Call& call) noexcept {
  const View& table = call.in[op::embedding::table];
  const View& ids = call.in[op::embedding::ids];
  for (Index n = 0; n < call.out.rows(); ++n) {
    const Index id = at<std::int32_t>(ids, n);
    const bool inside = id >= 0 && id < table.rows();
    TESSERA_ASSERT(inside, "embedding: an id is outside of the table");
    T* y = call.out.row<T>(n);
    for (Index c = 0; c < call.out.columns(); ++c) y[c] = inside ? table.row<T>(id)[c] : T(0);
  }
}

/// Rows of the gradient are added one after the other, n ascending: the only sums here that round at each term.
template <class T>
void embedding_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::embedding::table];
  if (grad.data == nullptr) return;
  const View& ids = call.in[op::embedding::ids];
  const Index padding_row = call.as<op::embedding>().padding_row;
  for (Index n = 0; n < call.out_grad.rows(); ++n) {
    const Index id = at<std::int32_t>(ids, n);
    if (id < 0 || id >= grad.rows() || id == padding_row) continue;
    const T* dy = call.out_grad.row<T>(n);
    T* dx = grad.row<T>(id);
    for (Index c = 0; c < grad.columns(); ++c) add_to(dx[c], static_cast<double>(dy[c]));
  }
}

}  // namespace tessera::reference
