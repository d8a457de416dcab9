// dropout: y = x / (1 - rate) where u >= rate, else 0.
//
// u of element i is word i mod 4 of Philox(seed, i / 4, number of the dropout in its walk): the same for any number of
// threads, and again when a checkpointed block is run a second time. Source: Srivastava et al., "Dropout" (2014).
#pragma once

#include "tessera/base/philox.hpp"
#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct dropout {
  static constexpr OpId id = OpId::dropout;
  enum : int { x };
  struct Attributes {
    double rate = 0;
    std::uint64_t seed = 0;
    std::uint64_t number = 0;  ///< how many dropouts came before it in the walk
  };
  static constexpr unsigned keeps = 0;  // the mask is drawn again
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// In inference: x itself, by type. In training with a rate of 0: x itself.
template <class T>
constexpr auto dropout(T x, [[maybe_unused]] double rate) noexcept {
  using Context = typename T::context_type;
  if constexpr (Context::training) {
    auto& context = x.context();
    if (rate > 0 && context.dropout_enabled())
      return context.template apply_in_place<op::dropout>(
          {rate, context.seed(), static_cast<std::uint64_t>(context.next_dropout())}, std::move(x));
  }
  return x;
}

}  // namespace tessera
