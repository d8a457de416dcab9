// A base model that stops at its sequence output, without a pooler: what is measured as `encode`.
#pragma once

#include "tessera/context/frame.hpp"

namespace tessera::benchmarks {

template <class Model>
struct SequenceOutput {
  using Input = typename Model::Input;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<dyn, dyn>> last_hidden_state;  ///< [rows, H]
  };

  Model* base;

  void visit(auto&& v) { base->visit(v); }
  auto operator()(auto& context, const Input& in) const noexcept {
    using Context = std::remove_reference_t<decltype(context)>;
    return Output<Context>{base->encode(context, in)};
  }
  Result<void> validate(const Input& in) const noexcept { return base->validate(in); }
};

}  // namespace tessera::benchmarks
