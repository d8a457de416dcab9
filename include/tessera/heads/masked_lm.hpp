// MaskedLMHead: dense, activation, norm, then a decoder tied to the word embedding, with a bias of its own; and the
// class of masked language models.
//
// Source: Devlin et al., "BERT" (2019), section 3.1, task 1.
#pragma once

#include "tessera/blocks/linear.hpp"
#include "tessera/blocks/norm.hpp"
#include "tessera/heads/head_model.hpp"
#include "tessera/ops/activation.hpp"
#include "tessera/ops/cross_entropy.hpp"

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

/// BertForMaskedLM and its kin. labels: [rows], -1: not counted. Logits: [rows, V].
template <Index H = dyn, Index V = dyn, class Scores = PredictionScores>
struct MaskedLM {
  template <class In>
  using Input = LabelledInput<In>;
  template <class Context>
  using Output = LogitsOutput<Context, V, Scores>;

  MaskedLMHead<H, V> predictions;
  bool tied = true;

  constexpr MaskedLM() = default;
  constexpr explicit MaskedLM(const HeadConfig& c)
      : predictions(c.width, c.vocabulary, c.activation, c.norm_eps), tied(c.tied) {}
  constexpr void visit(auto&& v) { v("predictions", predictions); }
  constexpr void ties(auto&& t, auto& base) {
    if (tied) t(base.word().weight, predictions.decoder.weight);
  }
  constexpr void vocabulary(auto&& f) {
    f(predictions.decoder.weight);
    f(predictions.decoder.bias);
  }

  constexpr auto run(auto& context, const auto& base, const auto& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto x = base.encode(context, in);
    out.logits = predictions(x);
    x.reset();
    if (in.labels.present()) out.loss = cross_entropy(out.logits, context.ids(in.labels), -1);
    return out;
  }
  Result<void> validate(const auto& base, const auto& in) const noexcept {
    return check_ids(base.name, "masked_lm_labels", in.labels, in.layout, -1, predictions.decoder.weight.view.dim[0]);
  }
};

}  // namespace tessera
