// The DistilBERT classes with heads: DistilBertForMaskedLM, ForSequenceClassification, ForQuestionAnswering.
#pragma once

#include "tessera/heads/classification.hpp"
#include "tessera/heads/masked_lm.hpp"
#include "tessera/heads/question_answering.hpp"
#include "tessera/models/distilbert.hpp"

namespace tessera::inline TESSERA_ISA {

/// Dense and relu on the first token of each text, dropout, and the classifier.
template <Index H = dyn, Index Classes = dyn>
struct PreClassifier {
  static constexpr Index classes_constant = Classes;

  Linear<H, H> pre_classifier;
  Linear<H, Classes> classifier;
  double dropout_rate = 0;

  constexpr PreClassifier() = default;
  constexpr explicit PreClassifier(const HeadConfig& c)
      : pre_classifier(c.width, c.width), classifier(c.width, size_or<Classes>(c.labels)), dropout_rate(c.dropout) {}
  constexpr void visit(auto&& v) {
    v("pre_classifier", pre_classifier);
    v("classifier", classifier);
  }
  constexpr Index classes() const noexcept { return classifier.bias.view.dim[0]; }

  /// Returns [texts, Classes].
  constexpr auto logits(auto& context, const auto& base, const auto& in) const noexcept {
    const Operand first = first_rows(context, in.layout);
    auto rows = base.encode(context, in);
    auto x = take_rows(rows, first);
    rows.reset();
    auto y = pre_classifier(x);
    y = relu(std::move(y));
    y = dropout(std::move(y), dropout_rate);
    return classifier(y);
  }
};

template <DistilBertSizes S = DistilBertSizes{}>
using DistilBertForMaskedLM = HeadModel<DistilBert<S>, MaskedLM<S.hidden, S.vocabulary, PredictionLogits>>;
template <DistilBertSizes S = DistilBertSizes{}, Index Classes = dyn>
using DistilBertForSequenceClassification =
    HeadModel<DistilBert<S>, SequenceClassification<PreClassifier<S.hidden, Classes>>>;
template <DistilBertSizes S = DistilBertSizes{}>
using DistilBertForQuestionAnswering = HeadModel<DistilBert<S>, QuestionAnswering<S.hidden>>;

}  // namespace tessera
