// Loops that several kernels share: over elements, and the two ways to sum products.
//
// All sums are doubles in a fixed order, so a result depends on the shapes and the numbers alone; it is rounded to the
// element type once, when it is stored.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// Element i in row-major order, whatever the row stride.
template <class T>
T& at(const View& v, Index i) noexcept {
  return v.row<T>(i / v.columns())[i % v.columns()];
}

/// target += value, rounded once.
template <class T>
void add_to(T& target, double value) noexcept {
  target = static_cast<T>(static_cast<double>(target) + value);
}

/// out = f(in[0]), element by element; out may be the memory of in[0].
template <class T, class F>
void map(const Call& call, const F& f) noexcept {
  const View& in = call.in[0];
  for (Index r = 0; r < in.rows(); ++r) {
    const T* x = in.row<T>(r);
    T* y = call.out.row<T>(r);
    for (Index c = 0; c < in.columns(); ++c) y[c] = static_cast<T>(f(static_cast<double>(x[c])));
  }
}

/// in_grad[0] += out_grad * derivative(kept), element by element; `kept` is the input or the output.
template <class T, class F>
void map_vjp(const VjpCall& call, const View& kept, const F& derivative) noexcept {
  const View& grad = call.in_grad[0];
  if (grad.data == nullptr) return;
  for (Index r = 0; r < grad.rows(); ++r) {
    const T* v = kept.row<T>(r);
    const T* dy = call.out_grad.row<T>(r);
    T* dx = grad.row<T>(r);
    for (Index c = 0; c < grad.columns(); ++c)
      add_to(dx[c], static_cast<double>(dy[c]) * derivative(static_cast<double>(v[c])));
  }
}

/// The dot product of two rows: eight sums, of elements 0, 8, ..., of 1, 9, ..., and so on, added as a tree. One sum
/// alone would wait for each addition to end.
template <class T>
double dot(const T* a, const T* b, Index n) noexcept {
  constexpr Index lanes = 8;
  double sum[lanes] = {};
  Index k = 0;
  for (; k + lanes <= n; k += lanes)
    for (Index l = 0; l < lanes; ++l) sum[l] += static_cast<double>(a[k + l]) * static_cast<double>(b[k + l]);
  for (Index l = 0; k < n; ++k, ++l) sum[l] += static_cast<double>(a[k]) * static_cast<double>(b[k]);
  return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

/// store(j, sum_k a[k * a_step] b[k][j]) for each column j of b, k ascending. Eight columns at a time, so that rows of
/// b are read along the memory.
template <class T, class Store>
void combine_rows(const T* a, Index a_step, const T* b, Index b_stride, Index n, Index columns,
                  const Store& store) noexcept {
  constexpr Index block = 8;
  Index j = 0;
  for (; j + block <= columns; j += block) {
    double sum[block] = {};
    for (Index k = 0; k < n; ++k) {
      const double factor = static_cast<double>(a[k * a_step]);
      const T* row = b + k * b_stride + j;
      for (Index l = 0; l < block; ++l) sum[l] += factor * static_cast<double>(row[l]);
    }
    for (Index l = 0; l < block; ++l) store(j + l, sum[l]);
  }
  for (; j < columns; ++j) {
    double sum = 0;
    for (Index k = 0; k < n; ++k) sum += static_cast<double>(a[k * a_step]) * static_cast<double>(b[k * b_stride + j]);
    store(j, sum);
  }
}

}  // namespace tessera::reference
