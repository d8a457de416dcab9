// CausalLM and DoubleHeads: the next token's scores by the word embedding, and with them the right one of some texts.
//
// Source: Radford et al., "Improving Language Understanding by Generative Pre-Training" (2018), section 3. Labels are
// those of each token itself: row t is held against the label of t + 1.
#pragma once

#include "tessera/blocks/summary.hpp"
#include "tessera/heads/head_model.hpp"
#include "tessera/ops/add.hpp"
#include "tessera/ops/cross_entropy.hpp"

namespace tessera::inline TESSERA_ISA {

/// Labels of each row, moved by one within each text; the last row of a text predicts nothing (-1). i32 [rows].
constexpr Operand shifted_labels(auto& context, const Layout& layout, const View& labels) noexcept {
  Index text = 0;
  return context.make_ids(layout.rows, [&, text](Index row) mutable {
    while (row >= layout.first(text + 1)) ++text;
    return row + 1 < layout.first(text + 1) ? detail::element_as<std::int32_t>(labels, row + 1) : std::int32_t{-1};
  });
}

template <class In>
struct CausalLMInput : LabelledInput<In> {
  View score_rows;  ///< i32 or i64 [n]: the rows that get logits, such as the last ones; absent: all. Not with labels.
};

/// OpenAIGPTLMHeadModel, GPT2LMHeadModel. labels: [rows], -1: not counted. Logits: [rows, V], or [score_rows, V].
template <Index H = dyn, Index V = dyn>
struct CausalLM {
  template <class In>
  using Input = CausalLMInput<In>;
  template <class Context>
  using Output = LogitsOutput<Context, V, LMLogits>;

  Projection<H, V> lm_head;

  constexpr CausalLM() = default;
  constexpr explicit CausalLM(const HeadConfig& c) : lm_head(c.width, c.vocabulary) {}
  constexpr void visit(auto&& v) { v("lm_head", lm_head); }
  constexpr void ties(auto&& t, auto& base) { t(base.word().weight, lm_head.weight); }
  constexpr void vocabulary(auto&& f) { f(lm_head.weight); }

  constexpr auto run(auto& context, const auto& base, const auto& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    const Operand scored = context.ids(in.score_rows);
    auto x = base.encode(context, in);
    if (scored.present()) x = take_rows(x, scored);
    out.logits = lm_head(x);
    x.reset();
    if (in.labels.present() && !scored.present()) {
      const Operand next = shifted_labels(context, in.layout, in.labels);
      out.loss = cross_entropy(out.logits, next, -1);
    }
    return out;
  }
  Result<void> validate(const auto& base, const auto& in) const noexcept {
    TESSERA_TRY(check_score_rows(base.name, in));
    return check_ids(base.name, "labels", in.labels, in.layout, -1, lm_head.weight.view.dim[0]);
  }
};

template <class In>
struct DoubleHeadsInput : In {
  Index choices = 1;  ///< the layout's texts are the choices of each question, one after the other
  View mc_token_ids;  ///< [texts]: the token, counted within its text, that stands for it; absent: the last
  View lm_labels;     ///< [rows], -1: not counted
  View mc_labels;     ///< [questions]: the right choice, no_label: not counted
};

/// OpenAIGPTDoubleHeadsModel, GPT2DoubleHeadsModel. The loss is the sum of those whose labels are given.
template <Index H = dyn, Index V = dyn>
struct DoubleHeads {
  template <class In>
  using Input = DoubleHeadsInput<In>;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss, lm_loss, mc_loss;
    Tensor<Context, Extents<dyn, V>> lm_logits;    ///< [rows, V]
    Tensor<Context, Extents<dyn, dyn>> mc_logits;  ///< [questions, choices]; see `summarised`
    constexpr void visit(auto&& v) const {
      v("loss", loss);
      v("lm_loss", lm_loss);
      v("mc_loss", mc_loss);
      v("lm_logits", lm_logits);
      v("mc_logits", mc_logits);
    }
  };

  Projection<H, V> lm_head;
  SequenceSummary<H> multiple_choice_head;

  constexpr DoubleHeads() = default;
  constexpr explicit DoubleHeads(const HeadConfig& c)
      : lm_head(c.width, c.vocabulary), multiple_choice_head(c.width, c.labels, c.summary) {}
  constexpr void visit(auto&& v) {
    v("lm_head", lm_head);
    v("multiple_choice_head", multiple_choice_head);
  }
  constexpr void ties(auto&& t, auto& base) { t(base.word().weight, lm_head.weight); }
  constexpr void vocabulary(auto&& f) { f(lm_head.weight); }

  constexpr auto run(auto& context, const auto& base, const auto& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto x = base.encode(context, in);
    out.lm_logits = lm_head(x);
    auto summary = summarised(context, x, in);
    x.reset();
    auto scores = multiple_choice_head.project(std::move(summary));
    const Index questions = in.choices > 0 ? in.layout.texts / in.choices : 0;
    context.require(scores.size(1) == 1 && questions > 0, "double heads: the summary must be one number", 1,
                    scores.size(1));
    const Index each = questions > 0 ? scores.size(0) / questions : 0;
    out.mc_logits = std::move(scores).reshape(Extents<dyn, dyn>(questions, each));
    if (in.mc_labels.present()) out.mc_loss = cross_entropy(out.mc_logits, context.ids(in.mc_labels), no_label);
    if (in.lm_labels.present()) {
      const Operand next = shifted_labels(context, in.layout, in.lm_labels);
      out.lm_loss = cross_entropy(out.lm_logits, next, -1);
    }
    if (out.lm_loss && out.mc_loss)
      out.loss = add(out.lm_loss.borrow(), out.mc_loss);
    else if (out.lm_loss)
      out.loss = out.lm_loss.borrow();
    else if (out.mc_loss)
      out.loss = out.mc_loss.borrow();
    return out;
  }
  Result<void> validate(const auto& base, const auto& in) const noexcept {
    const Index texts = in.layout.texts;
    TESSERA_TRY(check_choices(base.name, in.layout, in.choices));
    const SummaryConfig& c = multiple_choice_head.config;
    const Index width = multiple_choice_head.summary.bias.view.dim[0];
    if (!c.use_proj || width != 1)
      return Error::format(Code::unsupported, "%s: the double head needs a summary of one number, this one has %lld",
                           base.name, static_cast<long long>(width));
    if (c.type != SummaryType::cls_index && in.layout.is_ragged())
      return Error::format(Code::unsupported, "%s: this summary_type runs over the choices of a padded batch alone",
                           base.name);
    TESSERA_TRY(check_ids(base.name, "mc_token_ids", in.mc_token_ids, texts, 0, in.layout.longest));
    for (Index t = 0; in.mc_token_ids.present() && t < texts; ++t)
      if (const Index id = detail::element_as<Index>(in.mc_token_ids, t); id >= in.layout.length(t))
        return Error::format(Code::out_of_range, "%s: mc_token_ids: text %lld has %lld tokens, found %lld", base.name,
                             static_cast<long long>(t), static_cast<long long>(in.layout.length(t)),
                             static_cast<long long>(id));
    TESSERA_TRY(check_ids(base.name, "lm_labels", in.lm_labels, in.layout, -1, lm_head.weight.view.dim[0]));
    const Index each = c.type == SummaryType::cls_index ? in.choices : in.layout.longest;
    return check_ids(base.name, "mc_labels", in.mc_labels, texts / in.choices, 0, each, no_label,
                     [](Index) { return true; });
  }

 private:
  /// One vector of each choice, [texts, H]. With a summary_type other than cls_index the reference runs over the
  /// choices instead of the tokens: the first, the last or the mean choice of each place, [questions * longest, H].
  constexpr auto summarised(auto& context, const auto& x, const auto& in) const noexcept {
    const SummaryType type = multiple_choice_head.config.type;
    if (type == SummaryType::cls_index) return multiple_choice_head.pick(x, in.layout, in.mc_token_ids);
    const Index T = in.layout.longest, C = in.choices > 0 ? in.choices : 1, B = in.layout.texts / C;
    const Index taken = type == SummaryType::mean ? C : 1;
    const Operand rows = context.make_ids(B * T * taken, [&](Index i) {
      const Index place = i / taken % T, question = i / taken / T;
      const Index choice = type == SummaryType::mean ? i % taken : type == SummaryType::first ? 0 : C - 1;
      return static_cast<std::int32_t>((question * C + choice) * T + place);
    });
    auto picked = take_rows(x, rows);
    if (type != SummaryType::mean) return picked;
    Sequence places;
    places.layout = Layout::padded(B * T, C);
    places.offsets = context.make_ids(B * T + 1, [&](Index t) { return static_cast<std::int32_t>(t * C); });
    return mean_pool(picked, places);
  }
};

}  // namespace tessera
