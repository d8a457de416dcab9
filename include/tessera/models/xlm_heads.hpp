// The XLM classes with heads: XLMWithLMHeadModel, XLMForSequenceClassification, XLMForQuestionAnswering.
#pragma once

#include "tessera/heads/adaptive_softmax.hpp"
#include "tessera/heads/answer_beam.hpp"
#include "tessera/heads/causal_lm.hpp"
#include "tessera/heads/classification.hpp"
#include "tessera/models/xlm.hpp"

namespace tessera::inline TESSERA_ISA {

struct TokenScores {
  static constexpr const char* name = "scores";
};

/// One cluster of torch's adaptive softmax: to a narrower width, then to its classes. No biases.
struct ClusterScorer {
  Projection<> narrow, scores;
  constexpr void visit(auto&& v) {
    v("narrow", narrow);
    v("scores", scores);
  }
};

/// Scores of each token by a linear tied to the word embedding, or by an adaptive softmax, then log-probabilities.
/// labels: [rows], no_label: not counted. Scores: [rows, V], or [score_rows, V].
template <Index H = dyn, Index V = dyn>
struct XlmLanguageModel {
  template <class In>
  using Input = CausalLMInput<In>;
  template <class Context>
  using Output = LogitsOutput<Context, V, TokenScores>;

  Linear<H, V> proj;
  Linear<H> head;  ///< of the adaptive softmax: the shortlist, then a score for each further cluster
  Stack<ClusterScorer> tail;
  Cutoffs cutoffs_of;  ///< without clusters: no adaptive softmax

  constexpr XlmLanguageModel() = default;
  constexpr explicit XlmLanguageModel(const HeadConfig& c) : proj(c.width, c.vocabulary), cutoffs_of(c.cutoffs) {
    if (!adaptive() || !tail.resize(cutoffs_of.tails())) return;
    head = {c.width, cutoffs_of.head_size()};
    double divisor = c.cutoff_div_value;
    for (Index i = 0; i < tail.size(); ++i, divisor *= c.cutoff_div_value) {
      const auto width = static_cast<Index>(static_cast<double>(c.width) / divisor);
      tail[i].narrow = {c.width, width};
      tail[i].scores = {width, cutoffs_of.size(static_cast<int>(i) + 1)};
    }
  }
  constexpr bool adaptive() const noexcept { return cutoffs_of.count > 0; }

  constexpr void visit(auto&& v) {
    if (!adaptive()) {
      v("pred_layer.proj", proj);
      return;
    }
    v("pred_layer.proj.weight", proj.weight);  // the word embedding: in the files, and without use
    v("pred_layer.proj.head", head);
    v("pred_layer.proj.tail", tail);
  }
  constexpr void ties(auto&& t, auto& base) { t(base.word().weight, proj.weight); }
  constexpr void vocabulary(auto&& f) {
    f(proj.weight);
    f(proj.bias);
  }
  constexpr const char* keeps_vocabulary() const noexcept {
    return adaptive() ? "the clusters of an adaptive softmax have no one table" : nullptr;
  }

  // What an adaptive softmax asks of a scorer.
  constexpr const Cutoffs& cutoffs() const noexcept { return cutoffs_of; }
  constexpr Index tail_width(int i) const noexcept {
    return cutoffs_of.size(i) + tail[i - 1].narrow.weight.view.dim[0];
  }
  constexpr auto head_logits(const auto& x) const noexcept { return head(x); }
  constexpr auto tail_logits(int i, const auto& x) const noexcept {
    auto narrow = tail[i - 1].narrow(x);
    return tail[i - 1].scores(narrow);
  }

  constexpr auto run(auto& context, const auto& base, const auto& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    const Operand scored = context.ids(in.score_rows);
    auto x = base.encode(context, in);
    if (scored.present()) x = take_rows(x, scored);
    if (adaptive()) {
      auto scores = adaptive_log_probabilities(*this, x);
      const Extents<dyn, V> sizes(scores.size(0), scores.size(1));
      out.logits = std::move(scores).reshape(sizes);
    } else {
      out.logits = proj(x);
    }
    // Log-probabilities sum up to one, so their cross entropy is that of the clusters.
    if (in.labels.present() && !scored.present())
      out.loss = cross_entropy(out.logits, context.ids(in.labels), no_label);
    return out;
  }
  Result<void> validate(const auto& base, const auto& in) const noexcept {
    TESSERA_TRY(check_score_rows(base.name, in));
    return check_ids(base.name, "labels", in.labels, in.layout, 0, proj.weight.view.dim[0], no_label);
  }
};

/// A summary of each text that gives the scores of the classes.
template <Index H = dyn, Index Classes = dyn>
struct SummaryClassifier {
  static constexpr Index classes_constant = Classes;

  SequenceSummary<H, Classes> sequence_summary;

  constexpr SummaryClassifier() = default;
  constexpr explicit SummaryClassifier(const HeadConfig& c)
      : sequence_summary(c.width, size_or<Classes>(c.labels), c.summary) {}
  constexpr void visit(auto&& v) { v("sequence_summary", sequence_summary); }
  constexpr Index classes() const noexcept { return sequence_summary.summary.bias.view.dim[0]; }

  /// Returns [texts, Classes].
  constexpr auto logits(auto& context, const auto& base, const auto& in) const noexcept {
    auto x = base.encode(context, in);
    return sequence_summary(x, in.layout, View());
  }
};

template <XlmSizes S = XlmSizes{}>
using XLMWithLMHeadModel = HeadModel<Xlm<S>, XlmLanguageModel<S.hidden, S.vocabulary>>;
template <XlmSizes S = XlmSizes{}, Index Classes = dyn>
using XLMForSequenceClassification = HeadModel<Xlm<S>, SequenceClassification<SummaryClassifier<S.hidden, Classes>>>;
template <XlmSizes S = XlmSizes{}>
using XLMForQuestionAnswering = HeadModel<Xlm<S>, AnswerBeam<S.hidden>>;

}  // namespace tessera
