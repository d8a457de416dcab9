// Extractive question answering: a start and an end score for each token; the loss of the reference.
//
// Positions are clamped to [0, T], and T (past the end) does not count; the loss is the mean of both cross entropies.
// Source: Devlin et al., "BERT" (2019), section 4.2.
#pragma once

#include "tessera/blocks/linear.hpp"
#include "tessera/heads/head_model.hpp"
#include "tessera/ops/add.hpp"
#include "tessera/ops/columns.hpp"
#include "tessera/ops/cross_entropy.hpp"
#include "tessera/ops/dropout.hpp"
#include "tessera/ops/scale.hpp"

namespace tessera::inline TESSERA_ISA {

/// One column of [rows, 2] scores as [texts, longest]; as [1, rows] for a ragged batch.
template <class T>
constexpr auto span_scores(const T& logits, Index column, const Layout& layout) noexcept {
  auto scores = columns<1>(logits, column);
  const bool ragged = layout.is_ragged();
  return std::move(scores).reshape(Extents<dyn, dyn>(ragged ? 1 : layout.texts, ragged ? layout.rows : layout.longest));
}

/// start, end: [texts, T]; positions: host integers [texts]. Returns [1].
template <class T>
constexpr auto span_loss(const T& start, const T& end, const View& start_positions,
                         const View& end_positions) noexcept {
  auto& context = start.context();
  const auto length = static_cast<std::int32_t>(start.size(1));
  const auto clamped = [&](const View& positions) {
    return context.make_ids(positions.count(), [&](Index i) {
      const auto p = detail::element_as<Index>(positions, i);
      return p < 0 ? 0 : p > length ? length : static_cast<std::int32_t>(p);
    });
  };
  const Operand starts = clamped(start_positions);
  const Operand ends = clamped(end_positions);
  auto start_loss = cross_entropy(start, starts, length);
  auto end_loss = cross_entropy(end, ends, length);
  auto total = add(std::move(start_loss), end_loss);
  return scale(std::move(total), 0.5);
}

template <class In>
struct SpanInput : In {
  View start_positions;  ///< [texts]; past the end: not counted
  View end_positions;
};

/// The span of an answer. Scores: [texts, longest] ([1, rows] for a ragged batch, which takes no positions).
template <Index H = dyn>
struct QuestionAnswering {
  template <class In>
  using Input = SpanInput<In>;
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

  Linear<H, 2> qa_outputs;
  double dropout_rate = 0;

  constexpr QuestionAnswering() = default;
  constexpr explicit QuestionAnswering(const HeadConfig& c) : qa_outputs(c.width, 2), dropout_rate(c.answer_dropout) {}
  constexpr void visit(auto&& v) { v("qa_outputs", qa_outputs); }

  constexpr auto run(auto& context, const auto& base, const auto& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto x = base.encode(context, in);
    x = dropout(std::move(x), dropout_rate);
    auto logits = qa_outputs(x);
    x.reset();
    out.start_logits = span_scores(logits, 0, in.layout);
    out.end_logits = span_scores(logits, 1, in.layout);
    if (in.start_positions.present() && in.end_positions.present())
      out.loss = span_loss(out.start_logits, out.end_logits, in.start_positions, in.end_positions);
    return out;
  }
  Result<void> validate(const auto& base, const auto& in) const noexcept {
    if (in.layout.is_ragged() && (in.start_positions.present() || in.end_positions.present()))
      return Error::format(Code::unsupported, "%s: the span loss reads padded positions, which a ragged batch has not",
                           base.name);
    constexpr Index any = Index{1} << 31;
    TESSERA_TRY(check_ids(base.name, "start_positions", in.start_positions, in.layout.texts, -any, any));
    return check_ids(base.name, "end_positions", in.end_positions, in.layout.texts, -any, any);
  }
};

}  // namespace tessera
