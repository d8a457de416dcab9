// layer_norm, reference: mean first, then the variance around it, both in double.
#pragma once

#include <cmath>

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/layer_norm.hpp"

namespace tessera::inline TESSERA_ISA::reference {

struct RowMoments {
  double mean = 0;
  double inverse_deviation = 0;  ///< 1 / sqrt(variance + eps)
};

template <class T>
RowMoments row_moments(const T* x, Index n, double eps) noexcept {
  RowMoments m;
  for (Index c = 0; c < n; ++c) m.mean += static_cast<double>(x[c]);
  m.mean /= static_cast<double>(n);
  double variance = 0;
  for (Index c = 0; c < n; ++c) {
    const double centred = static_cast<double>(x[c]) - m.mean;
    variance += centred * centred;
  }
  m.inverse_deviation = 1 / std::sqrt(variance / static_cast<double>(n) + eps);
  return m;
}

template <class T>
void layer_norm(const Call& call) noexcept {
  const View& in = call.in[op::layer_norm::x];
  const T* w = call.in[op::layer_norm::weight].as<T>();
  const T* b = call.in[op::layer_norm::bias].as<T>();
  for (Index r = 0; r < in.rows(); ++r) {
    const T* x = in.row<T>(r);
    T* y = call.out.row<T>(r);
    const RowMoments m = row_moments(x, in.columns(), call.as<op::layer_norm>().eps);
    for (Index c = 0; c < in.columns(); ++c)
      y[c] = static_cast<T>((static_cast<double>(x[c]) - m.mean) * m.inverse_deviation * static_cast<double>(w[c]) +
                            static_cast<double>(b[c]));
  }
}

/// With z = (x - mean) / deviation and g = dy * weight: dx = (g - mean(g) - z mean(g z)) / deviation,
/// dweight = sum over rows of dy z, dbias = sum over rows of dy.
template <class T>
void layer_norm_vjp(const VjpCall& call) noexcept {
  const View& in = call.in[op::layer_norm::x];
  const View& dout = call.out_grad;
  const View& dx = call.in_grad[op::layer_norm::x];
  const View& dw = call.in_grad[op::layer_norm::weight];
  const View& db = call.in_grad[op::layer_norm::bias];
  const T* w = call.in[op::layer_norm::weight].as<T>();
  const Index rows = in.rows();
  const Index columns = in.columns();
  RowMoments* moments = static_cast<RowMoments*>(call.scratch);
  for (Index r = 0; r < rows; ++r) moments[r] = row_moments(in.row<T>(r), columns, call.as<op::layer_norm>().eps);
  const auto normalised = [&](Index r, Index c) {
    return (static_cast<double>(in.row<T>(r)[c]) - moments[r].mean) * moments[r].inverse_deviation;
  };

  for (Index r = 0; dx.data != nullptr && r < rows; ++r) {
    const T* dy = dout.row<T>(r);
    double mean_g = 0;
    double mean_gz = 0;
    for (Index c = 0; c < columns; ++c) {
      const double g = static_cast<double>(dy[c]) * static_cast<double>(w[c]);
      mean_g += g;
      mean_gz += g * normalised(r, c);
    }
    mean_g /= static_cast<double>(columns);
    mean_gz /= static_cast<double>(columns);
    for (Index c = 0; c < columns; ++c) {
      const double g = static_cast<double>(dy[c]) * static_cast<double>(w[c]);
      add_to(dx.row<T>(r)[c], (g - mean_g - normalised(r, c) * mean_gz) * moments[r].inverse_deviation);
    }
  }
  for (Index c = 0; c < columns; ++c) {
    double sum_w = 0;
    double sum_b = 0;
    for (Index r = 0; r < rows; ++r) {
      const double dy = static_cast<double>(dout.row<T>(r)[c]);
      sum_w += dy * normalised(r, c);
      sum_b += dy;
    }
    if (dw.data != nullptr) add_to(dw.as<T>()[c], sum_w);
    if (db.data != nullptr) add_to(db.as<T>()[c], sum_b);
  }
}

/// The moments of each row.
inline std::size_t layer_norm_vjp_scratch(const VjpCall& call) noexcept {
  return static_cast<std::size_t>(call.in[op::layer_norm::x].rows()) * sizeof(RowMoments);
}

}  // namespace tessera::reference
