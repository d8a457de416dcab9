// HeadModel: a base model with a head on it: one of the reference's classes.
//
// A head is its parameters and
//   template <class In> using Input              the base's input with what the head takes besides
//   template <class Context> using Output
//   explicit Head(const HeadConfig&), visit(v)   and, where it has them, ties(t, base) and vocabulary(f)
//   run(context, base, in)                       the outputs; the loss where labels are given
//   validate(base, in)                           what is the head's own to check
// A base model offers encode(context, in), the sequence output [rows, H]; word(), its word embedding; name, for errors.
#pragma once

#include "tessera/blocks/adaptive.hpp"
#include "tessera/blocks/batch.hpp"
#include "tessera/blocks/summary.hpp"
#include "tessera/ops/activation.hpp"
#include "tessera/tensor/names.hpp"

namespace tessera::inline TESSERA_ISA {

/// Rows with this label do not count: the value that torch's CrossEntropyLoss passes over unless told another.
inline constexpr std::int32_t no_label = -100;

/// What heads are made from, whatever an architecture's config calls it.
struct HeadConfig {
  Index width = 0;  ///< of the hidden states
  Index vocabulary = 0;
  Index labels = 2;
  double dropout = 0;         ///< before a classifier
  double answer_dropout = 0;  ///< before the scores of an answer's span
  double norm_eps = 1e-12;
  bool tied = true;  ///< a language model's decoder is the word embedding
  Activation activation = Activation::gelu;
  SummaryConfig summary;
  Index start_n_top = 5, end_n_top = 5;  ///< beams of question answering
  Cutoffs cutoffs;                       ///< of an adaptive softmax; none: a plain one
  double cutoff_div_value = 1;           ///< how much narrower each of its clusters is than the one before
};

/// An input with one more array: labels, as each class says.
template <class In>
struct LabelledInput : In {
  View labels;  ///< absent: no loss

  static constexpr LabelledInput shape(Index texts, Index longest, const View& labels) noexcept {
    return {In::shape(texts, longest), labels};
  }
};

/// What the reference calls the scores of a class.
struct ClassScores {
  static constexpr const char* name = "logits";
};
struct PredictionScores {
  static constexpr const char* name = "prediction_scores";
};
struct PredictionLogits {
  static constexpr const char* name = "prediction_logits";
};
struct NextSentenceScores {
  static constexpr const char* name = "seq_relationship_score";
};
struct LMLogits {
  static constexpr const char* name = "lm_logits";
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

/// Rows that get scores: those of the batch, and not with labels, which need all.
inline Result<void> check_score_rows(const char* model, const auto& in) noexcept {
  if (!in.score_rows.present()) return {};
  if (in.labels.present())
    return Error::format(Code::invalid_argument, "%s: labels need the scores of all rows, so give no score_rows",
                         model);
  return check_ids(model, "score_rows", in.score_rows, in.score_rows.count(), 0, in.layout.rows);
}

template <class Base, class Head>
struct HeadModel : Head {
  using Config = typename Base::Config;
  using Input = typename Head::template Input<typename Base::Input>;
  template <class Context>
  using Output = typename Head::template Output<Context>;
  static constexpr const NameTable& names = Base::names;

  Base base;

  constexpr HeadModel() = default;
  constexpr explicit HeadModel(const Config& c) : Head(c.head()), base(c) {
    if constexpr (requires { Head::fit(base, c.head()); }) Head::fit(base, c.head());
    number_params(*this);
  }
  constexpr bool complete() const noexcept { return base.complete(); }
  constexpr const auto& misfit() const noexcept { return base.misfit(); }

  constexpr void visit(auto&& v) {
    v(names.base_prefix, base);
    Head::visit(v);
  }
  constexpr void ties(auto&& t) {
    if constexpr (requires { Head::ties(t, base); }) Head::ties(t, base);
  }
  constexpr void vocabulary(auto&& f) {
    base.vocabulary(f);
    if constexpr (requires { Head::vocabulary(f); }) Head::vocabulary(f);
  }
  constexpr const char* keeps_vocabulary() const noexcept {
    if constexpr (requires { base.keeps_vocabulary(); })
      if (const char* const reason = base.keeps_vocabulary(); reason != nullptr) return reason;
    if constexpr (requires { Head::keeps_vocabulary(); }) return Head::keeps_vocabulary();
    return nullptr;
  }

  constexpr auto operator()(auto& context, const Input& in) const noexcept { return Head::run(context, base, in); }
  Result<void> validate(const Input& in) const noexcept {
    TESSERA_TRY(base.validate(in));
    return Head::validate(base, in);
  }
};

}  // namespace tessera
