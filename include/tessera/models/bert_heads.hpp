// The seven BERT classes with heads, as pytorch-transformers 1.2.0 has them: BertForPreTraining, ForMaskedLM,
// ForNextSentencePrediction, ForSequenceClassification, ForMultipleChoice, ForTokenClassification,
// ForQuestionAnswering.
//
// Each is the base model, a head, and the loss that its labels ask for. Labels are optional; without them there is no
// loss (an empty tensor).
#pragma once

#include "tessera/models/bert.hpp"

namespace tessera::inline TESSERA_ISA {

namespace detail {
/// What the classes of this file share: the base model under the role "bert".
template <BertSizes S>
struct BertBase {
  static constexpr const NameTable& names = bert_names;
  using Config = BertConfig;
  Bert<S> base;

  constexpr BertBase() = default;
  constexpr explicit BertBase(const BertConfig& c) : base(c) {}
  constexpr bool complete() const noexcept { return base.complete(); }
  constexpr const Misfit& misfit() const noexcept { return base.misfit(); }
  constexpr void vocabulary(auto&& f) { base.vocabulary(f); }

  constexpr Sequence sequence_of(auto& context, const BertInput& in) const noexcept {
    return make_sequence(context, in.layout, in.attention_mask, {false, Fill::add, -10000.0});
  }
  /// The pooled first token of each text, dropped out: [texts, H].
  constexpr auto pooled(auto& context, const BertInput& in) const noexcept {
    auto out = base(context, in);
    out.last_hidden_state.reset();
    return dropout(std::move(out.pooler_output), base.embeddings.dropout_rate);
  }
};

/// Labels of a classification over `classes`: integers in range, or floats for regression (one class).
inline Result<void> check_class_labels(const char* what, const View& labels, Index count, Index classes) noexcept {
  if (classes == 1) return check_numbers("bert", what, labels, count);
  return check_ids("bert", what, labels, count, 0, classes);
}
}  // namespace detail

/// An input with one more array: labels, as each class says.
struct BertLabelledInput : BertInput {
  View labels;  ///< absent: no loss

  static constexpr BertLabelledInput shape(Index texts, Index longest, const View& labels) noexcept {
    return {BertInput::shape(texts, longest), labels};
  }
};

/// What the reference calls the scores of a class.
struct ClassScores {
  static constexpr const char* name = "logits";
};
struct PredictionScores {
  static constexpr const char* name = "prediction_scores";
};
struct NextSentenceScores {
  static constexpr const char* name = "seq_relationship_score";
};

/// Logits and the loss, if there were labels.
template <class Context, Index Classes = dyn, class Scores = ClassScores>
struct LogitsOutput {
  Tensor<Context, Extents<1>> loss;
  Tensor<Context, Extents<dyn, Classes>> logits;
  constexpr void visit(auto&& v) const {
    v("loss", loss);
    v(Scores::name, logits);
  }
};

// --- pre-training ---

struct BertPreTrainingInput : BertInput {
  View masked_lm_labels;     ///< [rows], -1: not counted
  View next_sentence_label;  ///< [texts], 0: the second text follows the first, 1: it does not
};

/// BertForPreTraining: both heads; the loss needs both labels and is their sum.
template <BertSizes S = BertSizes{}>
struct BertForPreTraining : detail::BertBase<S> {
  using Input = BertPreTrainingInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss;
    Tensor<Context, Extents<dyn, S.vocabulary>> prediction_scores;  ///< [rows, V]
    Tensor<Context, Extents<dyn, 2>> seq_relationship_score;        ///< [texts, 2]
    constexpr void visit(auto&& v) const {
      v("loss", loss);
      v("prediction_scores", prediction_scores);
      v("seq_relationship_score", seq_relationship_score);
    }
  };

  MaskedLMHead<S.hidden, S.vocabulary> predictions;
  Linear<S.hidden, 2> seq_relationship;

  constexpr BertForPreTraining() = default;
  constexpr explicit BertForPreTraining(const BertConfig& c)
      : detail::BertBase<S>(c),
        predictions(c.hidden_size, c.vocab_size, c.hidden_act, c.layer_norm_eps),
        seq_relationship(c.hidden_size, 2) {
    number_params(*this);
  }
  constexpr void visit(auto&& v) {
    v("bert", this->base);
    v("predictions", predictions);
    v("seq_relationship", seq_relationship);
  }
  constexpr void ties(auto&& t) { t(this->base.embeddings.word.weight, predictions.decoder.weight); }
  constexpr void vocabulary(auto&& f) {
    this->base.vocabulary(f);
    f(predictions.decoder.weight);
    f(predictions.decoder.bias);
  }

  constexpr auto operator()(auto& context, const Input& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto encoded = this->base(context, in);
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
  Result<void> validate(const Input& in) const noexcept {
    TESSERA_TRY(this->base.validate(in));
    TESSERA_TRY(check_ids("bert", "masked_lm_labels", in.masked_lm_labels, in.layout.rows, -1,
                          predictions.decoder.weight.view.dim[0]));
    return check_ids("bert", "next_sentence_label", in.next_sentence_label, in.layout.texts, -1, 2);
  }
};

/// BertForMaskedLM. labels: [rows], -1: not counted. Logits: [rows, V].
template <BertSizes S = BertSizes{}>
struct BertForMaskedLM : detail::BertBase<S> {
  using Input = BertLabelledInput;
  template <class Context>
  using Output = LogitsOutput<Context, S.vocabulary, PredictionScores>;

  MaskedLMHead<S.hidden, S.vocabulary> predictions;

  constexpr BertForMaskedLM() = default;
  constexpr explicit BertForMaskedLM(const BertConfig& c)
      : detail::BertBase<S>(c), predictions(c.hidden_size, c.vocab_size, c.hidden_act, c.layer_norm_eps) {
    number_params(*this);
  }
  constexpr void visit(auto&& v) {
    v("bert", this->base);
    v("predictions", predictions);
  }
  constexpr void ties(auto&& t) { t(this->base.embeddings.word.weight, predictions.decoder.weight); }
  constexpr void vocabulary(auto&& f) {
    this->base.vocabulary(f);
    f(predictions.decoder.weight);
    f(predictions.decoder.bias);
  }

  constexpr auto operator()(auto& context, const Input& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto x = this->base.encode(context, in, this->sequence_of(context, in));
    out.logits = predictions(x);
    x.reset();
    if (in.labels.present()) out.loss = cross_entropy(out.logits, context.ids(in.labels), -1);
    return out;
  }
  Result<void> validate(const Input& in) const noexcept {
    TESSERA_TRY(this->base.validate(in));
    return check_ids("bert", "masked_lm_labels", in.labels, in.layout.rows, -1, predictions.decoder.weight.view.dim[0]);
  }
};

/// BertForNextSentencePrediction. labels: [texts], 0, 1, or -1: not counted. Logits: [texts, 2].
template <BertSizes S = BertSizes{}>
struct BertForNextSentencePrediction : detail::BertBase<S> {
  using Input = BertLabelledInput;
  template <class Context>
  using Output = LogitsOutput<Context, 2, NextSentenceScores>;

  Linear<S.hidden, 2> seq_relationship;

  constexpr BertForNextSentencePrediction() = default;
  constexpr explicit BertForNextSentencePrediction(const BertConfig& c)
      : detail::BertBase<S>(c), seq_relationship(c.hidden_size, 2) {
    number_params(*this);
  }
  constexpr void visit(auto&& v) {
    v("bert", this->base);
    v("seq_relationship", seq_relationship);
  }

  constexpr auto operator()(auto& context, const Input& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto encoded = this->base(context, in);
    encoded.last_hidden_state.reset();
    out.logits = seq_relationship(encoded.pooler_output);
    if (in.labels.present()) out.loss = cross_entropy(out.logits, context.ids(in.labels), -1);
    return out;
  }
  Result<void> validate(const Input& in) const noexcept {
    TESSERA_TRY(this->base.validate(in));
    return check_ids("bert", "next_sentence_label", in.labels, in.layout.texts, -1, 2);
  }
};

// --- classification ---

/// BertForSequenceClassification. labels: [texts], classes, or floats when num_labels is 1. Logits: [texts, labels].
template <BertSizes S = BertSizes{}, Index Classes = dyn>
struct BertForSequenceClassification : detail::BertBase<S> {
  using Input = BertLabelledInput;
  template <class Context>
  using Output = LogitsOutput<Context, Classes>;

  Linear<S.hidden, Classes> classifier;

  constexpr BertForSequenceClassification() = default;
  constexpr explicit BertForSequenceClassification(const BertConfig& c)
      : detail::BertBase<S>(c), classifier(c.hidden_size, c.num_labels) {
    this->base.fit("num_labels", Classes, c.num_labels);
    number_params(*this);
  }
  constexpr void visit(auto&& v) {
    v("bert", this->base);
    v("classifier", classifier);
  }

  constexpr auto operator()(auto& context, const Input& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto pooled = this->pooled(context, in);
    out.logits = classifier(pooled);
    if (in.labels.present()) out.loss = classification_loss(out.logits, in.labels);
    return out;
  }
  Result<void> validate(const Input& in) const noexcept {
    TESSERA_TRY(this->base.validate(in));
    return detail::check_class_labels("labels", in.labels, in.layout.texts, classifier.bias.view.dim[0]);
  }
};

struct BertMultipleChoiceInput : BertLabelledInput {
  Index choices = 1;  ///< the layout's texts are the choices of each question, one after the other
};

/// BertForMultipleChoice. labels: [questions], the right choice. Logits: [questions, choices].
template <BertSizes S = BertSizes{}>
struct BertForMultipleChoice : detail::BertBase<S> {
  using Input = BertMultipleChoiceInput;
  template <class Context>
  using Output = LogitsOutput<Context>;

  Linear<S.hidden, 1> classifier;

  constexpr BertForMultipleChoice() = default;
  constexpr explicit BertForMultipleChoice(const BertConfig& c) : detail::BertBase<S>(c), classifier(c.hidden_size, 1) {
    number_params(*this);
  }
  constexpr void visit(auto&& v) {
    v("bert", this->base);
    v("classifier", classifier);
  }

  constexpr auto operator()(auto& context, const Input& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto pooled = this->pooled(context, in);
    auto scores = classifier(pooled);
    const Index choices = in.choices > 0 ? in.choices : 1;
    context.require(in.layout.texts % choices == 0, "bert: texts must be a multiple of the choices", choices,
                    in.layout.texts);
    out.logits = std::move(scores).reshape(Extents<dyn, dyn>(in.layout.texts / choices, choices));
    if (in.labels.present()) out.loss = cross_entropy(out.logits, context.ids(in.labels), no_label);
    return out;
  }
  Result<void> validate(const Input& in) const noexcept {
    TESSERA_TRY(this->base.validate(in));
    if (in.choices <= 0 || in.layout.texts % in.choices != 0)
      return Error::format(Code::shape_mismatch, "bert: %lld texts are not a multiple of %lld choices",
                           static_cast<long long>(in.layout.texts), static_cast<long long>(in.choices));
    return check_ids("bert", "labels", in.labels, in.layout.texts / in.choices, 0, in.choices);
  }
};

/// BertForTokenClassification. labels: [rows]; only rows whose attention_mask is 1 count. Logits: [rows, labels].
template <BertSizes S = BertSizes{}, Index Classes = dyn>
struct BertForTokenClassification : detail::BertBase<S> {
  using Input = BertLabelledInput;
  template <class Context>
  using Output = LogitsOutput<Context, Classes>;

  Linear<S.hidden, Classes> classifier;

  constexpr BertForTokenClassification() = default;
  constexpr explicit BertForTokenClassification(const BertConfig& c)
      : detail::BertBase<S>(c), classifier(c.hidden_size, c.num_labels) {
    this->base.fit("num_labels", Classes, c.num_labels);
    number_params(*this);
  }
  constexpr void visit(auto&& v) {
    v("bert", this->base);
    v("classifier", classifier);
  }

  constexpr auto operator()(auto& context, const Input& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto x = this->base.encode(context, in, this->sequence_of(context, in));
    x = dropout(std::move(x), this->base.embeddings.dropout_rate);
    out.logits = classifier(x);
    x.reset();
    if (in.labels.present()) {
      const Operand counted = context.make_ids(in.layout.rows, [&](Index row) {
        const bool visible = !in.attention_mask.present() || detail::element_as<double>(in.attention_mask, row) == 1;
        return visible ? detail::element_as<std::int32_t>(in.labels, row) : no_label;
      });
      out.loss = cross_entropy(out.logits, counted, no_label);
    }
    return out;
  }
  Result<void> validate(const Input& in) const noexcept {
    TESSERA_TRY(this->base.validate(in));
    return check_ids("bert", "labels", in.labels, in.layout.rows, 0, classifier.bias.view.dim[0]);
  }
};

// --- question answering ---

struct BertQuestionAnsweringInput : BertInput {
  View start_positions;  ///< [texts]; past the end: not counted
  View end_positions;
};

/// BertForQuestionAnswering. Scores: [texts, longest] ([1, rows] for a ragged batch, which takes no positions).
template <BertSizes S = BertSizes{}>
struct BertForQuestionAnswering : detail::BertBase<S> {
  using Input = BertQuestionAnsweringInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss;
    Tensor<Context, Extents<dyn, dyn>> start_logits;
    Tensor<Context, Extents<dyn, dyn>> end_logits;
    constexpr void visit(auto&& v) const {
      v("loss", loss);
      v("start_logits", start_logits);
      v("end_logits", end_logits);
    }
  };

  Linear<S.hidden, 2> qa_outputs;

  constexpr BertForQuestionAnswering() = default;
  constexpr explicit BertForQuestionAnswering(const BertConfig& c)
      : detail::BertBase<S>(c), qa_outputs(c.hidden_size, 2) {
    number_params(*this);
  }
  constexpr void visit(auto&& v) {
    v("bert", this->base);
    v("qa_outputs", qa_outputs);
  }

  constexpr auto operator()(auto& context, const Input& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto x = this->base.encode(context, in, this->sequence_of(context, in));
    auto logits = qa_outputs(x);
    x.reset();
    out.start_logits = span_scores(logits, 0, in.layout);
    out.end_logits = span_scores(logits, 1, in.layout);
    if (in.start_positions.present() && in.end_positions.present())
      out.loss = span_loss(out.start_logits, out.end_logits, in.start_positions, in.end_positions);
    return out;
  }
  Result<void> validate(const Input& in) const noexcept {
    TESSERA_TRY(this->base.validate(in));
    if (in.layout.is_ragged() && (in.start_positions.present() || in.end_positions.present()))
      return Error::format(Code::unsupported,
                           "bert: the span loss reads padded positions, which a ragged batch has not");
    constexpr Index any = Index{1} << 31;
    TESSERA_TRY(check_ids("bert", "start_positions", in.start_positions, in.layout.texts, -any, any));
    return check_ids("bert", "end_positions", in.end_positions, in.layout.texts, -any, any);
  }
};

}  // namespace tessera
