// log_softmax, reference: the largest is subtracted before the exponentials; all sums in double.
#pragma once

#include "tessera/backends/reference/cross_entropy.hpp"
#include "tessera/ops/log_softmax.hpp"

namespace tessera::inline TESSERA_ISA::reference {

/// What is added to row r.
template <class T>
double given_log_probability(const View& given, Index r, Index column) noexcept {
  return given.present() ? static_cast<double>(given.row<T>(r)[column]) : 0.0;
}

template <class T>
void log_softmax(const Call& call) noexcept {
  const View& x = call.in[op::log_softmax::x];
  const Index column = call.as<op::log_softmax>().column;
  for (Index r = 0; r < x.rows(); ++r) {
    const double shift =
        given_log_probability<T>(call.in[op::log_softmax::given], r, column) - log_sum_exp(x.row<T>(r), x.columns());
    for (Index c = 0; c < x.columns(); ++c)
      call.out.row<T>(r)[c] = static_cast<T>(static_cast<double>(x.row<T>(r)[c]) + shift);
  }
}

template <class T>
void log_softmax_vjp(const VjpCall& call) noexcept {
  const View& dx = call.in_grad[op::log_softmax::x];
  const View& dgiven = call.in_grad[op::log_softmax::given];
  const Index column = call.as<op::log_softmax>().column;
  for (Index r = 0; r < call.out.rows(); ++r) {
    const T* y = call.out.row<T>(r);
    const T* dy = call.out_grad.row<T>(r);
    const double shift = given_log_probability<T>(call.in[op::log_softmax::given], r, column);
    double total = 0;
    for (Index c = 0; c < call.out.columns(); ++c) total += static_cast<double>(dy[c]);
    if (dx.data != nullptr)
      for (Index c = 0; c < call.out.columns(); ++c)
        add_to(dx.row<T>(r)[c], static_cast<double>(dy[c]) - std::exp(static_cast<double>(y[c]) - shift) * total);
    if (dgiven.data != nullptr) add_to(dgiven.row<T>(r)[column], total);
  }
}

}  // namespace tessera::reference
