// linear, reference: a dot product for each output, the bias added before the only rounding.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/linear.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void linear(const Call& call) noexcept {
  const View& in = call.in[op::linear::x];
  const View& weight = call.in[op::linear::weight];
  const T* b = call.in[op::linear::bias].as<T>();
  const Index inputs = in.columns();
  const Index outputs = call.out.columns();
  for (Index r = 0; r < in.rows(); ++r) {
    const T* x = in.row<T>(r);
    T* y = call.out.row<T>(r);
    const auto store = [&](Index o, double sum) {
      y[o] = static_cast<T>(b != nullptr ? sum + static_cast<double>(b[o]) : sum);
    };
    if (call.as<op::linear>().in_out)
      combine_rows(x, 1, weight.as<T>(), weight.row_stride, inputs, outputs, store);
    else
      for (Index o = 0; o < outputs; ++o) store(o, dot(x, weight.row<T>(o), inputs));
  }
}

template <class T>
void linear_vjp(const VjpCall& call) noexcept {
  const View& in = call.in[op::linear::x];
  const View& weight = call.in[op::linear::weight];
  const View& dout = call.out_grad;
  const bool in_out = call.as<op::linear>().in_out;
  const Index rows = in.rows();
  const Index inputs = in.columns();
  const Index outputs = dout.columns();

  if (const View& dx = call.in_grad[op::linear::x]; dx.data != nullptr) {
    for (Index r = 0; r < rows; ++r) {
      const T* dy = dout.row<T>(r);
      const auto store = [&](Index i, double sum) { add_to(dx.row<T>(r)[i], sum); };
      if (in_out)
        for (Index i = 0; i < inputs; ++i) store(i, dot(dy, weight.row<T>(i), outputs));
      else
        combine_rows(dy, 1, weight.as<T>(), weight.row_stride, outputs, inputs, store);
    }
  }
  if (const View& dw = call.in_grad[op::linear::weight]; dw.data != nullptr) {
    // Row w of dW sums the rows of one side, each times column w of the other side.
    const View& column = in_out ? in : dout;
    const View& row = in_out ? dout : in;
    for (Index w = 0; w < dw.rows(); ++w)
      combine_rows(column.as<T>() + w, column.row_stride, row.as<T>(), row.row_stride, rows, row.columns(),
                   [&](Index j, double sum) { add_to(dw.row<T>(w)[j], sum); });
  }
  if (const View& db = call.in_grad[op::linear::bias]; db.data != nullptr) {
    for (Index o = 0; o < outputs; ++o) {
      double sum = 0;
      for (Index r = 0; r < rows; ++r) sum += static_cast<double>(dout.row<T>(r)[o]);
      add_to(db.as<T>()[o], sum);
    }
  }
}

}  // namespace tessera::reference
