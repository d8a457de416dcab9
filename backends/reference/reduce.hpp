// sum, mean and mean_pool, reference: elements and rows in order.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/reduce.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
double sum_of(const View& v) noexcept {
  double total = 0;
  for (Index r = 0; r < v.rows(); ++r)
    for (Index c = 0; c < v.columns(); ++c) total += static_cast<double>(v.row<T>(r)[c]);
  return total;
}

/// in_grad[0] += value, everywhere.
template <class T>
void add_everywhere(const View& grad, double value) noexcept {
  for (Index r = 0; r < grad.rows(); ++r)
    for (Index c = 0; c < grad.columns(); ++c) add_to(grad.row<T>(r)[c], value);
}

template <class T>
void sum(const Call& call) noexcept {
  *call.out.as<T>() = static_cast<T>(sum_of<T>(call.in[op::sum::x]));
}

template <class T>
void sum_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::sum::x];
  if (grad.data != nullptr) add_everywhere<T>(grad, static_cast<double>(*call.out_grad.as<T>()));
}

template <class T>
void mean(const Call& call) noexcept {
  const View& in = call.in[op::mean::x];
  *call.out.as<T>() = static_cast<T>(sum_of<T>(in) / static_cast<double>(in.count()));
}

template <class T>
void mean_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::mean::x];
  if (grad.data != nullptr)
    add_everywhere<T>(grad, static_cast<double>(*call.out_grad.as<T>()) / static_cast<double>(grad.count()));
}

/// The rows of one text and what each of them counts.
template <class T>
struct RowsOfText {
  Index first = 0;
  Index length = 0;
  const T* keep = nullptr;  ///< null: each counts 1
  double total = 0;         ///< never below 1e-9

  /// `texts` in `rows` rows; `in` holds the offsets and the mask of mean_pool.
  RowsOfText(const View* in, Index text, Index texts, Index rows) noexcept {
    const View& offsets = in[op::mean_pool::offsets];
    const View& mask = in[op::mean_pool::keep];
    length = rows / texts;
    first = text * length;
    if (offsets.present()) {
      first = offsets.as<std::int32_t>()[text];
      length = offsets.as<std::int32_t>()[text + 1] - first;
    }
    if (mask.present()) keep = mask.row<T>(text);
    for (Index t = 0; t < length; ++t) total += share(t);
    if (total < 1e-9) total = 1e-9;
  }
  double share(Index t) const noexcept { return keep != nullptr ? static_cast<double>(keep[t]) : 1.0; }
};

template <class T>
void mean_pool(const Call& call) noexcept {
  const View& in = call.in[op::mean_pool::x];
  const View& out = call.out;
  for (Index text = 0; text < out.rows(); ++text) {
    const RowsOfText<T> rows(call.in, text, out.rows(), in.rows());
    for (Index c = 0; c < out.columns(); ++c) {
      double total = 0;
      for (Index t = 0; t < rows.length; ++t)
        total += rows.share(t) * static_cast<double>(in.row<T>(rows.first + t)[c]);
      out.row<T>(text)[c] = static_cast<T>(total / rows.total);
    }
  }
}

template <class T>
void mean_pool_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::mean_pool::x];
  const View& dout = call.out_grad;
  if (grad.data == nullptr) return;
  for (Index text = 0; text < dout.rows(); ++text) {
    const RowsOfText<T> rows(call.in, text, dout.rows(), grad.rows());
    for (Index t = 0; t < rows.length; ++t)
      for (Index c = 0; c < dout.columns(); ++c)
        add_to(grad.row<T>(rows.first + t)[c], static_cast<double>(dout.row<T>(text)[c]) * rows.share(t) / rows.total);
  }
}

}  // namespace tessera::reference
