// gelu: y = x * Phi(x) = x / 2 * (1 + erf(x / sqrt(2))).
//
// Source: Hendrycks, Gimpel, "Gaussian Error Linear Units" (2016). BERT, RoBERTa, XLM, DistilBERT.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct gelu {
  static constexpr OpId id = OpId::gelu;
  enum : int { x };
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(x);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// Elementwise; x is overwritten where the context allows.
template <class T>
constexpr auto gelu(T x) noexcept {
  auto& context = x.context();
  return context.template apply_in_place<op::gelu>({}, std::move(x));
}

}  // namespace tessera
