// A BERT that stops at its sequence output, as sentence encoders use it: what is measured as `encode`.
#pragma once

#include "tessera/models/bert.hpp"

namespace tessera::benchmarks {

struct SequenceOutput {
  using Input = BertInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<dyn, dyn>> last_hidden_state;  ///< [rows, H]
  };

  Bert<>* bert;

  void visit(auto&& v) { bert->visit(v); }
  auto operator()(auto& context, const BertInput& in) const noexcept {
    using Context = std::remove_reference_t<decltype(context)>;
    return Output<Context>{bert->encode(context, in)};
  }
  Result<void> validate(const BertInput& in) const noexcept { return bert->validate(in); }
};

}  // namespace tessera::benchmarks
