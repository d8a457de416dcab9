// XLNet's classes with heads, as pytorch-transformers 1.2.0 has them: XLNetLMHeadModel, ForSequenceClassification,
// ForQuestionAnswering.
#pragma once

#include "tessera/heads/answer_beam.hpp"
#include "tessera/heads/classification.hpp"
#include "tessera/models/xlnet.hpp"

namespace tessera::inline TESSERA_ISA {

/// Scores of each target's word by the word embedding, with a bias. labels: [texts * targets], -1: not counted; not
/// shifted.
template <Index H = dyn, Index V = dyn>
struct XLNetLMHead {
  template <class In>
  using Input = LabelledInput<In>;
  template <class Context>
  using Output = LogitsOutput<Context, V>;

  Linear<H, V> lm_loss;

  constexpr XLNetLMHead() = default;
  constexpr explicit XLNetLMHead(const HeadConfig& c) : lm_loss(c.width, c.vocabulary) {}
  constexpr void visit(auto&& v) { v("lm_loss", lm_loss); }
  constexpr void ties(auto&& t, auto& base) { t(base.word().weight, lm_loss.weight); }
  constexpr void vocabulary(auto&& f) {
    f(lm_loss.weight);
    f(lm_loss.bias);
  }

  constexpr auto run(auto& context, const auto& base, const auto& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto x = base.encode(context, in);
    out.logits = lm_loss(x);
    x.reset();
    if (in.labels.present()) out.loss = cross_entropy(out.logits, context.ids(in.labels), -1);
    return out;
  }
  Result<void> validate(const auto& base, const auto& in) const noexcept {
    return check_ids(base.name, "labels", in.labels, in.outputs().rows, -1, lm_loss.bias.view.dim[0]);
  }
};

/// A summary of each text, and its scores. labels: [texts], classes or no_label, or floats when num_labels is 1.
template <Index H = dyn, Index Classes = dyn>
struct XLNetClassifier {
  template <class In>
  using Input = LabelledInput<In>;
  template <class Context>
  using Output = LogitsOutput<Context, Classes>;

  SequenceSummary<H, H> sequence_summary;
  Linear<H, Classes> logits_proj;

  constexpr XLNetClassifier() = default;
  constexpr explicit XLNetClassifier(const HeadConfig& c)
      : sequence_summary(c.width, c.labels, c.summary), logits_proj(c.width, c.labels) {}
  constexpr void visit(auto&& v) {
    v("sequence_summary", sequence_summary);
    v("logits_proj", logits_proj);
  }

  constexpr auto run(auto& context, const auto& base, const auto& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto x = base.encode(context, in);
    auto summary = sequence_summary(x, in.outputs(), View());
    x.reset();
    out.logits = logits_proj(summary);
    if (in.labels.present()) out.loss = classification_loss(out.logits, in.labels);
    return out;
  }
  Result<void> validate(const auto& base, const auto& in) const noexcept {
    return check_class_labels(base.name, in.labels, in.layout.texts, logits_proj.bias.view.dim[0]);
  }
};

template <XLNetSizes S = XLNetSizes{}>
using XLNetLMHeadModel = HeadModel<XLNet<S>, XLNetLMHead<S.hidden, S.vocabulary>>;
template <XLNetSizes S = XLNetSizes{}, Index Classes = dyn>
using XLNetForSequenceClassification = HeadModel<XLNet<S>, XLNetClassifier<S.hidden, Classes>>;
template <XLNetSizes S = XLNetSizes{}>
using XLNetForQuestionAnswering = HeadModel<XLNet<S>, AnswerBeam<S.hidden>>;

}  // namespace tessera
