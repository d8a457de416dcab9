// matmul, reference: one product a text and head; the scale multiplies the sum before the only rounding.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/matmul.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void matmul(const Call& call) noexcept {
  const View& a = call.in[op::matmul::a];
  const View& b = call.in[op::matmul::b];
  const auto& attributes = call.as<op::matmul>();
  const Index b_rows = b.dim[2];
  for (Index r = 0; r < a.rows(); ++r) {
    const Index first = r / a.dim[2] * b_rows;  // the row where b's matrix of this text and head begins
    const auto store = [&](Index j, double sum) { call.out.row<T>(r)[j] = static_cast<T>(attributes.scale * sum); };
    if (attributes.transpose_b)
      for (Index j = 0; j < b_rows; ++j) store(j, dot(a.row<T>(r), b.row<T>(first + j), a.columns()));
    else
      combine_rows(a.row<T>(r), 1, b.row<T>(first), b.row_stride, a.columns(), b.columns(), store);
  }
}

template <class T>
void matmul_vjp(const VjpCall& call) noexcept {
  const View& a = call.in[op::matmul::a];
  const View& b = call.in[op::matmul::b];
  const View& da = call.in_grad[op::matmul::a];
  const View& db = call.in_grad[op::matmul::b];
  const View& dout = call.out_grad;
  const auto& attributes = call.as<op::matmul>();
  const Index a_rows = a.dim[2];
  const Index b_rows = b.dim[2];
  for (Index m = 0; m < a.dim[0] * a.dim[1]; ++m) {
    const Index first_a = m * a_rows;  // also the first row of dout
    const Index first_b = m * b_rows;
    for (Index i = first_a; da.data != nullptr && i < first_a + a_rows; ++i) {
      const auto store = [&](Index k, double sum) { add_to(da.row<T>(i)[k], attributes.scale * sum); };
      if (attributes.transpose_b)
        combine_rows(dout.row<T>(i), 1, b.row<T>(first_b), b.row_stride, b_rows, a.columns(), store);
      else
        for (Index k = 0; k < b_rows; ++k) store(k, dot(dout.row<T>(i), b.row<T>(first_b + k), dout.columns()));
    }
    for (Index j = 0; db.data != nullptr && j < b_rows; ++j) {
      const View& column = attributes.transpose_b ? dout : a;
      const View& row = attributes.transpose_b ? a : dout;
      combine_rows(column.row<T>(first_a) + j, column.row_stride, row.row<T>(first_a), row.row_stride, a_rows,
                   row.columns(),
                   [&](Index c, double sum) { add_to(db.row<T>(first_b + j)[c], attributes.scale * sum); });
    }
  }
}

}  // namespace tessera::reference
