// Classification of texts, choices and tokens: cross entropy over classes, or mean squared error when there is one
// label.
#pragma once

#include "tessera/blocks/linear.hpp"
#include "tessera/heads/head_model.hpp"
#include "tessera/ops/cross_entropy.hpp"
#include "tessera/ops/dropout.hpp"
#include "tessera/ops/mean_squared_error.hpp"

namespace tessera::inline TESSERA_ISA {

/// logits: [n, C]; labels: host array [n], integers in [0, C) or no_label, or floats when C is 1 (regression). Returns
/// [1].
template <class T>
constexpr auto classification_loss(const T& logits, const View& labels) noexcept {
  auto& context = logits.context();
  if (logits.size(1) == 1) return mean_squared_error(logits, context.numbers(labels));
  return cross_entropy(logits, context.ids(labels), no_label);
}

/// Labels that are classes, or no_label; only those rows are looked at that `counts` by their number.
template <class Counts>
Result<void> check_labels(const char* model, const View& labels, Index count, Index classes,
                          const Counts& counts) noexcept {
  return check_ids(model, "labels", labels, count, 0, classes, no_label, counts);
}
inline Result<void> check_labels(const char* model, const View& labels, Index count, Index classes) noexcept {
  return check_labels(model, labels, count, classes, [](Index) { return true; });
}

/// Labels of a classification over `classes`: integers in range, or floats for regression (one class).
inline Result<void> check_class_labels(const char* model, const View& labels, Index count, Index classes) noexcept {
  if (classes == 1) return check_numbers(model, "labels", labels, count);
  return check_labels(model, labels, count, classes);
}

/// A linear on the pooled output of the base model: BERT's classifier.
template <Index H = dyn, Index Classes = dyn>
struct PooledClassifier {
  static constexpr Index classes_constant = Classes;

  Linear<H, Classes> classifier;
  double dropout_rate = 0;

  constexpr PooledClassifier() = default;
  constexpr explicit PooledClassifier(const HeadConfig& c)
      : classifier(c.width, size_or<Classes>(c.labels)), dropout_rate(c.dropout) {}
  constexpr void visit(auto&& v) { v("classifier", classifier); }
  constexpr Index classes() const noexcept { return classifier.bias.view.dim[0]; }

  /// Returns [texts, Classes].
  constexpr auto logits(auto& context, const auto& base, const auto& in) const noexcept {
    auto pooled = base.pooled(context, in);
    pooled = dropout(std::move(pooled), dropout_rate);
    return classifier(pooled);
  }
};

/// A class of each text. labels: [texts], classes, or floats when there is one label. Logits: [texts, classes].
template <class Classifier>
struct SequenceClassification : Classifier {
  template <class In>
  using Input = LabelledInput<In>;
  template <class Context>
  using Output = LogitsOutput<Context, Classifier::classes_constant>;

  constexpr SequenceClassification() = default;
  constexpr explicit SequenceClassification(const HeadConfig& c) : Classifier(c) {}
  constexpr void fit(auto& base, const HeadConfig& c) {
    base.fit("num_labels", Classifier::classes_constant, c.labels);
  }

  constexpr auto run(auto& context, const auto& base, const auto& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    out.logits = Classifier::logits(context, base, in);
    if (in.labels.present()) out.loss = classification_loss(out.logits, in.labels);
    return out;
  }
  Result<void> validate(const auto& base, const auto& in) const noexcept {
    return check_class_labels(base.name, in.labels, in.layout.texts, Classifier::classes());
  }
};

template <class In>
struct MultipleChoiceInput : LabelledInput<In> {
  Index choices = 1;  ///< the layout's texts are the choices of each question, one after the other
};

/// The right one of some texts. labels: [questions], the right choice. Logits: [questions, choices].
template <Index H = dyn>
struct MultipleChoice : PooledClassifier<H, 1> {
  template <class In>
  using Input = MultipleChoiceInput<In>;
  template <class Context>
  using Output = LogitsOutput<Context>;

  constexpr MultipleChoice() = default;
  constexpr explicit MultipleChoice(const HeadConfig& c) : PooledClassifier<H, 1>(c) {}

  constexpr auto run(auto& context, const auto& base, const auto& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto scores = this->logits(context, base, in);
    const Index choices = in.choices > 0 ? in.choices : 1;
    context.require(in.layout.texts % choices == 0, "multiple choice: texts must be a multiple of the choices", choices,
                    in.layout.texts);
    out.logits = std::move(scores).reshape(Extents<dyn, dyn>(in.layout.texts / choices, choices));
    if (in.labels.present()) out.loss = cross_entropy(out.logits, context.ids(in.labels), no_label);
    return out;
  }
  Result<void> validate(const auto& base, const auto& in) const noexcept {
    TESSERA_TRY(check_choices(base.name, in.layout, in.choices));
    return check_labels(base.name, in.labels, in.layout.texts / in.choices, in.choices);
  }
};

/// A class of each token. labels: [rows]; only rows whose attention_mask is 1 count, and of others the label may be
/// anything. Logits: [rows, classes].
template <Index H = dyn, Index Classes = dyn>
struct TokenClassification {
  template <class In>
  using Input = LabelledInput<In>;
  template <class Context>
  using Output = LogitsOutput<Context, Classes>;

  Linear<H, Classes> classifier;
  double dropout_rate = 0;

  constexpr TokenClassification() = default;
  constexpr explicit TokenClassification(const HeadConfig& c)
      : classifier(c.width, size_or<Classes>(c.labels)), dropout_rate(c.dropout) {}
  constexpr void visit(auto&& v) { v("classifier", classifier); }
  constexpr void fit(auto& base, const HeadConfig& c) { base.fit("num_labels", Classes, c.labels); }

  constexpr auto run(auto& context, const auto& base, const auto& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto x = base.encode(context, in);
    x = dropout(std::move(x), dropout_rate);
    out.logits = classifier(x);
    x.reset();
    if (in.labels.present()) {
      const Operand counted = context.make_ids(in.layout.rows, [&](Index row) {
        return counts(in, row) ? detail::element_as<std::int32_t>(in.labels, row) : no_label;
      });
      out.loss = cross_entropy(out.logits, counted, no_label);
    }
    return out;
  }
  Result<void> validate(const auto& base, const auto& in) const noexcept {
    return check_labels(base.name, in.labels, in.layout.rows, classifier.bias.view.dim[0],
                        [&](Index row) { return counts(in, row); });
  }

 private:
  constexpr static bool counts(const auto& in, Index row) noexcept {
    return !in.attention_mask.present() || detail::element_as<double>(in.attention_mask, row) == 1;
  }
};

}  // namespace tessera
