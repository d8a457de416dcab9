// dropout, reference: element i in row-major order takes word i mod 4 of block i / 4 of the stream.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/dropout.hpp"

namespace tessera::inline TESSERA_ISA::reference {

inline bool dropout_keeps(const op::dropout::Attributes& a, Index i) noexcept {
  const auto element = static_cast<std::uint64_t>(i);
  return static_cast<double>(uniform(Philox::at(a.seed, element / 4, a.number).value[element % 4])) >= a.rate;
}

template <class T>
void dropout(const Call& call) noexcept {
  const View& in = call.in[op::dropout::x];
  const auto& attributes = call.as<op::dropout>();
  for (Index i = 0; i < in.count(); ++i)
    at<T>(call.out, i) =
        dropout_keeps(attributes, i) ? static_cast<T>(static_cast<double>(at<T>(in, i)) / (1 - attributes.rate)) : T(0);
}

template <class T>
void dropout_vjp(const VjpCall& call) noexcept {
  const View& grad = call.in_grad[op::dropout::x];
  if (grad.data == nullptr) return;
  const auto& attributes = call.as<op::dropout>();
  for (Index i = 0; i < grad.count(); ++i)
    if (dropout_keeps(attributes, i))
      add_to(at<T>(grad, i), static_cast<double>(at<T>(call.out_grad, i)) / (1 - attributes.rate));
}

}  // namespace tessera::reference
