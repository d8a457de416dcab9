// The RoBERTa classes with heads: RobertaForMaskedLM, RobertaForSequenceClassification.
#pragma once

#include "tessera/heads/classification.hpp"
#include "tessera/heads/masked_lm.hpp"
#include "tessera/models/roberta.hpp"

namespace tessera::inline TESSERA_ISA {

/// Dense, tanh and a projection on the first token of each text; dropout before both.
template <Index H = dyn, Index Classes = dyn>
struct FirstTokenClassifier {
  static constexpr Index classes_constant = Classes;

  Linear<H, H> dense;
  Linear<H, Classes> out_proj;
  double dropout_rate = 0;

  constexpr FirstTokenClassifier() = default;
  constexpr explicit FirstTokenClassifier(const HeadConfig& c)
      : dense(c.width, c.width), out_proj(c.width, size_or<Classes>(c.labels)), dropout_rate(c.dropout) {}
  constexpr void visit(auto&& v) {
    v("classifier.dense", dense);
    v("classifier.out_proj", out_proj);
  }
  constexpr Index classes() const noexcept { return out_proj.bias.view.dim[0]; }

  /// Returns [texts, Classes].
  constexpr auto logits(auto& context, const auto& base, const auto& in) const noexcept {
    const Operand first = first_rows(context, in.layout);
    auto rows = base.encode(context, in);
    auto x = take_rows(rows, first);
    rows.reset();
    x = dropout(std::move(x), dropout_rate);
    auto y = dense(x);
    y = tanh(std::move(y));
    y = dropout(std::move(y), dropout_rate);
    return out_proj(y);
  }
};

template <BertSizes S = BertSizes{}>
using RobertaForMaskedLM = HeadModel<Roberta<S>, MaskedLM<S.hidden, S.vocabulary>>;
template <BertSizes S = BertSizes{}, Index Classes = dyn>
using RobertaForSequenceClassification =
    HeadModel<Roberta<S>, SequenceClassification<FirstTokenClassifier<S.hidden, Classes>>>;

}  // namespace tessera
