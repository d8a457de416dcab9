// MaskedLMHead: dense, activation, norm, then a decoder tied to the word embedding, with a bias of its own.
//
// Source: Devlin et al., "BERT" (2019), section 3.1, task 1.
#pragma once

#include "tessera/blocks/activation.hpp"
#include "tessera/blocks/linear.hpp"
#include "tessera/blocks/norm.hpp"

namespace tessera::inline TESSERA_ISA {

/// H: width of the model, V: vocabulary.
template <Index H = dyn, Index V = dyn>
struct MaskedLMHead {
  Linear<H, H> dense;
  LayerNorm<H> norm;
  Linear<H, V> decoder;
  Activation activation = Activation::gelu;

  constexpr MaskedLMHead() = default;
  constexpr MaskedLMHead(Index width, Index vocabulary, Activation kind, double eps)
      : dense(width, width), norm(width, eps), decoder(width, vocabulary), activation(kind) {}

  constexpr void visit(auto&& v) {
    v("dense", dense);
    v("norm", norm);
    v("decoder", decoder);
  }

  /// x: [rows, H]. Returns the logits, [rows, V].
  constexpr auto operator()(const auto& x) const noexcept {
    auto h = dense(x);
    h = activate(std::move(h), activation);
    h = norm(std::move(h));
    return decoder(h);
  }
};

}  // namespace tessera
