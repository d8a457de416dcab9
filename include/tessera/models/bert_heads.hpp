// The seven BERT classes with heads, as pytorch-transformers 1.2.0 has them: BertForPreTraining, ForMaskedLM,
// ForNextSentencePrediction, ForSequenceClassification, ForMultipleChoice, ForTokenClassification,
// ForQuestionAnswering.
//
// Each is the base model, a head, and the loss that its labels ask for. Labels are optional; without them there is no
// loss (an empty tensor).
#pragma once

#include "tessera/heads/classification.hpp"
#include "tessera/heads/masked_lm.hpp"
#include "tessera/heads/question_answering.hpp"
#include "tessera/models/bert.hpp"

namespace tessera::inline TESSERA_ISA {

template <class In>
struct PreTrainingInput : In {
  View masked_lm_labels;     ///< [rows], -1: not counted
  View next_sentence_label;  ///< [texts], 0: the second text follows the first, 1: it does not
};

/// Both heads of pre-training; the loss needs both labels and is their sum.
template <Index H = dyn, Index V = dyn>
struct PreTraining {
  template <class In>
  using Input = PreTrainingInput<In>;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss;
    Tensor<Context, Extents<dyn, V>> prediction_scores;       ///< [rows, V]
    Tensor<Context, Extents<dyn, 2>> seq_relationship_score;  ///< [texts, 2]
    constexpr void visit(auto&& v) const {
      v("loss", loss);
      v("prediction_scores", prediction_scores);
      v("seq_relationship_score", seq_relationship_score);
    }
  };

  MaskedLMHead<H, V> predictions;
  Linear<H, 2> seq_relationship;

  constexpr PreTraining() = default;
  constexpr explicit PreTraining(const HeadConfig& c)
      : predictions(c.width, c.vocabulary, c.activation, c.norm_eps), seq_relationship(c.width, 2) {}
  constexpr void visit(auto&& v) {
    v("predictions", predictions);
    v("seq_relationship", seq_relationship);
  }
  constexpr void ties(auto&& t, auto& base) { t(base.word().weight, predictions.decoder.weight); }
  constexpr void vocabulary(auto&& f) {
    f(predictions.decoder.weight);
    f(predictions.decoder.bias);
  }

  constexpr auto run(auto& context, const auto& base, const auto& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto encoded = base(context, in);
    out.prediction_scores = predictions(encoded.last_hidden_state);
    encoded.last_hidden_state.reset();
    out.seq_relationship_score = seq_relationship(encoded.pooler_output);
    if (in.masked_lm_labels.present() && in.next_sentence_label.present()) {
      auto masked = cross_entropy(out.prediction_scores, context.ids(in.masked_lm_labels), -1);
      auto next = cross_entropy(out.seq_relationship_score, context.ids(in.next_sentence_label), -1);
      out.loss = add(std::move(masked), next);
    }
    return out;
  }
  Result<void> validate(const auto& base, const auto& in) const noexcept {
    TESSERA_TRY(check_ids(base.name, "masked_lm_labels", in.masked_lm_labels, in.layout, -1,
                          predictions.decoder.weight.view.dim[0]));
    return check_ids(base.name, "next_sentence_label", in.next_sentence_label, in.layout.texts, -1, 2);
  }
};

/// Whether the second text follows the first. labels: [texts], 0, 1, or -1: not counted. Logits: [texts, 2].
template <Index H = dyn>
struct NextSentence {
  template <class In>
  using Input = LabelledInput<In>;
  template <class Context>
  using Output = LogitsOutput<Context, 2, NextSentenceScores>;

  Linear<H, 2> seq_relationship;

  constexpr NextSentence() = default;
  constexpr explicit NextSentence(const HeadConfig& c) : seq_relationship(c.width, 2) {}
  constexpr void visit(auto&& v) { v("seq_relationship", seq_relationship); }

  constexpr auto run(auto& context, const auto& base, const auto& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto pooled = base.pooled(context, in);
    out.logits = seq_relationship(pooled);
    if (in.labels.present()) out.loss = cross_entropy(out.logits, context.ids(in.labels), -1);
    return out;
  }
  Result<void> validate(const auto& base, const auto& in) const noexcept {
    return check_ids(base.name, "next_sentence_label", in.labels, in.layout.texts, -1, 2);
  }
};

using BertLabelledInput = LabelledInput<BertInput>;
using BertPreTrainingInput = PreTrainingInput<BertInput>;
using BertMultipleChoiceInput = MultipleChoiceInput<BertInput>;
using BertQuestionAnsweringInput = SpanInput<BertInput>;

template <BertSizes S = BertSizes{}>
using BertForPreTraining = HeadModel<Bert<S>, PreTraining<S.hidden, S.vocabulary>>;
template <BertSizes S = BertSizes{}>
using BertForMaskedLM = HeadModel<Bert<S>, MaskedLM<S.hidden, S.vocabulary>>;
template <BertSizes S = BertSizes{}>
using BertForNextSentencePrediction = HeadModel<Bert<S>, NextSentence<S.hidden>>;
template <BertSizes S = BertSizes{}, Index Classes = dyn>
using BertForSequenceClassification = HeadModel<Bert<S>, SequenceClassification<PooledClassifier<S.hidden, Classes>>>;
template <BertSizes S = BertSizes{}>
using BertForMultipleChoice = HeadModel<Bert<S>, MultipleChoice<S.hidden>>;
template <BertSizes S = BertSizes{}, Index Classes = dyn>
using BertForTokenClassification = HeadModel<Bert<S>, TokenClassification<S.hidden, Classes>>;
template <BertSizes S = BertSizes{}>
using BertForQuestionAnswering = HeadModel<Bert<S>, QuestionAnswering<S.hidden>>;

}  // namespace tessera
