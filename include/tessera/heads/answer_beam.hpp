// AnswerBeam: extractive question answering whose end depends on the start: trained on the right start, searched with a
// beam; and whether there is an answer at all.
//
// Source: Yang et al., "XLNet" (2019), section 3 (SQuAD 2.0); names are those of pytorch-transformers 1.2.0, whose XLM
// has the same head.
#pragma once

#include "tessera/blocks/norm.hpp"
#include "tessera/heads/head_model.hpp"
#include "tessera/ops/binary_cross_entropy.hpp"
#include "tessera/ops/concat.hpp"
#include "tessera/ops/cross_entropy.hpp"
#include "tessera/ops/matmul.hpp"
#include "tessera/ops/replace_hidden.hpp"
#include "tessera/ops/scale.hpp"
#include "tessera/ops/softmax.hpp"
#include "tessera/ops/top_k.hpp"

namespace tessera::inline TESSERA_ISA {

/// What the head takes besides the base's input. All in host memory.
template <class In>
struct AnswerInput : In {
  View start_positions;  ///< [texts]; with end_positions: the loss, else the beam
  View end_positions;    ///< [texts]
  View cls_index;        ///< [texts]: the token that says whether there is an answer; absent: the last
  View is_impossible;    ///< [texts], 1: there is none; counts in the loss where cls_index is given
  View p_mask;           ///< [texts, T], 1: a token that can be in no answer
};

/// The loss, or the beam. Probabilities bear the reference's name for them.
template <class Context>
struct AnswerOutput {
  Tensor<Context, Extents<1>> loss;
  Tensor<Context, Extents<dyn, dyn>> start_top_log_probs;  ///< [texts, start_n_top], largest first
  Tensor<Context, Extents<dyn, dyn>> start_top_index;      ///< i32
  Tensor<Context, Extents<dyn, dyn>> end_top_log_probs;    ///< [texts, end_n_top * start_n_top]
  Tensor<Context, Extents<dyn, dyn>> end_top_index;        ///< i32
  Tensor<Context, Extents<dyn>> cls_logits;                ///< [texts]
  constexpr void visit(auto&& v) const {
    v("loss", loss);
    v("start_top_log_probs", start_top_log_probs);
    v("start_top_index", start_top_index);
    v("end_top_log_probs", end_top_log_probs);
    v("end_top_index", end_top_index);
    v("cls_logits", cls_logits);
  }
};

namespace detail {
/// One number for each row.
template <Index H>
struct StartLogits {
  Linear<H, 1> dense;
  constexpr void visit(auto&& v) { v("dense", dense); }
};
/// One number for a row and a start.
template <Index H>
struct EndLogits {
  Linear<product(2, H), H> dense_0;
  LayerNorm<H> layer_norm;
  Linear<H, 1> dense_1;
  constexpr void visit(auto&& v) {
    v("dense_0", dense_0);
    v("LayerNorm", layer_norm);
    v("dense_1", dense_1);
  }
};
/// One number for a start and the classification token.
template <Index H>
struct AnswerClass {
  Linear<product(2, H), H> dense_0;
  Projection<H, 1> dense_1;
  constexpr void visit(auto&& v) {
    v("dense_0", dense_0);
    v("dense_1", dense_1);
  }
};
}  // namespace detail

/// H: width of the model.
template <Index H = dyn>
struct AnswerBeam {
  template <class In>
  using Input = AnswerInput<In>;
  template <class Context>
  using Output = AnswerOutput<Context>;

  detail::StartLogits<H> start_logits;
  detail::EndLogits<H> end_logits;
  detail::AnswerClass<H> answer_class;
  Index start_n_top = 5, end_n_top = 5;

  constexpr AnswerBeam() = default;
  constexpr explicit AnswerBeam(const HeadConfig& c)
      : start_logits{{c.width, 1}},
        end_logits{{2 * c.width, c.width}, {c.width, c.norm_eps}, {c.width, 1}},
        answer_class{{2 * c.width, c.width}, {c.width, 1}},
        start_n_top(c.start_n_top),
        end_n_top(c.end_n_top) {}

  constexpr void visit(auto&& v) {
    v("start_logits", start_logits);
    v("end_logits", end_logits);
    v("answer_class", answer_class);
  }

  constexpr auto run(auto& context, const auto& base, const auto& in) const noexcept {
    auto x = base.encode(context, in);
    return in.start_positions.present() && in.end_positions.present() ? train(x, in) : search(x, in);
  }

  Result<void> validate(const auto& base, const auto& in) const noexcept {
    const Layout& layout = in.layout;
    const Index texts = layout.texts, T = layout.longest;
    if (layout.is_ragged())
      return Error::format(Code::unsupported, "%s: an answer is looked for in padded batches, this one is ragged",
                           base.name);
    TESSERA_TRY(check_ids(base.name, "start_positions", in.start_positions, texts, 0, T));
    TESSERA_TRY(check_ids(base.name, "end_positions", in.end_positions, texts, 0, T));
    TESSERA_TRY(check_ids(base.name, "cls_index", in.cls_index, texts, 0, T));
    TESSERA_TRY(check_numbers(base.name, "is_impossible", in.is_impossible, texts));
    TESSERA_TRY(check_mask(base.name, "p_mask", in.p_mask, layout, T));
    const bool searches = !in.start_positions.present() || !in.end_positions.present();
    if (searches && (start_n_top > T || end_n_top > T))
      return Error::format(
          Code::out_of_range, "%s: the beam looks for %lld starts and %lld ends, the texts have %lld tokens", base.name,
          static_cast<long long>(start_n_top), static_cast<long long>(end_n_top), static_cast<long long>(T));
    return {};
  }

 private:
  /// scores: [sets * T, 1], where `each` sets of T follow for a text. Returns [sets, T], hidden tokens at -1e30.
  template <class T>
  static constexpr auto masked(T scores, const View& p_mask, Index sets, Index longest, Index each) noexcept {
    auto& context = scores.context();
    auto rows = std::move(scores).reshape(Extents<dyn, dyn>(sets, longest));
    if (!p_mask.present()) return rows;
    const Operand keep =
        context.make_numbers(View::of(nullptr, DType::f32, sets, longest), [&, longest, each](Index i) {
          return 1 - detail::element_as<double>(p_mask, i / longest / each * longest + i % longest);
        });
    return replace_hidden(std::move(rows), keep, -1e30);
  }
  /// x, starts: [n, H]. Returns [n, 1].
  constexpr auto end_scores(const auto& x, const auto& starts) const noexcept {
    auto both = concat_columns(x, starts);
    auto h = end_logits.dense_0(both);
    both.reset();
    h = tanh(std::move(h));
    h = end_logits.layer_norm(std::move(h));
    return end_logits.dense_1(h);
  }
  /// starts: [texts, H]. Returns [texts, 1].
  constexpr auto class_scores(const auto& x, const auto& starts, const auto& in) const noexcept {
    auto token = take_rows(x, rows_at(x.context(), in.layout, in.cls_index));
    auto both = concat_columns(starts, token);
    token.reset();
    auto h = answer_class.dense_0(both);
    both.reset();
    h = tanh(std::move(h));
    return answer_class.dense_1(h);
  }

  template <class X, class In>
  constexpr auto train(const X& x, const In& in) const noexcept {
    auto& context = x.context();
    Output<typename X::context_type> out;
    const Index texts = in.layout.texts, T = in.layout.longest;
    auto start = start_logits.dense(x);
    auto starts = masked(std::move(start), in.p_mask, texts, T, 1);
    const Operand of_each_row = context.make_ids(texts * T, [&, T](Index i) {
      return static_cast<std::int32_t>(i / T * T + detail::element_as<Index>(in.start_positions, i / T));
    });
    auto start_states = take_rows(x, of_each_row);
    auto end = end_scores(x, start_states);
    start_states.reset();
    auto ends = masked(std::move(end), in.p_mask, texts, T, 1);
    auto loss = cross_entropy(starts, context.ids(in.start_positions), no_position);
    auto end_loss = cross_entropy(ends, context.ids(in.end_positions), no_position);
    loss = add(std::move(loss), end_loss);
    loss = scale(std::move(loss), 0.5);
    if (in.cls_index.present() && in.is_impossible.present()) {
      auto first = take_rows(x, rows_at(context, in.layout, in.start_positions));
      auto logits = class_scores(x, first, in);
      auto class_loss = binary_cross_entropy(logits, context.numbers(in.is_impossible));
      class_loss = scale(std::move(class_loss), 0.5);
      loss = add(std::move(loss), class_loss);
    }
    out.loss = std::move(loss);
    return out;
  }

  template <class X, class In>
  constexpr auto search(const X& x, const In& in) const noexcept {
    auto& context = x.context();
    using Cube = Extents<dyn, dyn, dyn>;
    using Batches = Extents<dyn, dyn, dyn, dyn>;
    Output<typename X::context_type> out;
    const Index texts = in.layout.texts, T = in.layout.longest, S = start_n_top, E = end_n_top;
    auto start = start_logits.dense(x);
    auto scores = masked(std::move(start), in.p_mask, texts, T, 1);
    auto probabilities = softmax(std::move(scores).reshape(Batches(texts, 1, 1, T)), {}, Operand(), Operand());

    const auto start_sets = probabilities.borrow().reshape(Cube(texts, 1, T));
    auto start_index = top_k(start_sets, S);
    auto start_rows = top_k(start_sets, S, T);
    auto start_top = pick(start_sets, start_index.operand());
    auto start_states = take_rows(x, start_rows.operand());
    start_rows.reset();

    // Every token of a text with each of its starts: rows (text, start, token).
    const Operand tokens =
        context.make_ids(texts * S * T, [=](Index i) { return static_cast<std::int32_t>(i / (S * T) * T + i % T); });
    const Operand states = context.make_ids(texts * S * T, [=](Index i) { return static_cast<std::int32_t>(i / T); });
    auto every_token = take_rows(x, tokens);
    auto every_start = take_rows(start_states, states);
    start_states.reset();
    auto end = end_scores(every_token, every_start);
    every_token.reset();
    every_start.reset();
    auto ends = masked(std::move(end), in.p_mask, texts * S, T, S);
    auto end_probabilities = softmax(std::move(ends).reshape(Batches(texts, S, 1, T)), {}, Operand(), Operand());
    const auto end_sets = end_probabilities.borrow().reshape(Cube(texts, S, T));
    auto end_index = top_k(end_sets, E);
    auto end_top = pick(end_sets, end_index.operand());

    auto whole = x.borrow().reshape(Batches(texts, 1, T, x.size(1)));
    auto expected = matmul(probabilities, whole, false);
    const auto expected_states = std::move(expected).reshape(Extents<dyn, H>(texts, x.size(1)));
    auto logits = class_scores(x, expected_states, in);

    using Table = Extents<dyn, dyn>;
    out.start_top_log_probs = std::move(start_top).reshape(Table(texts, S));
    out.start_top_index = std::move(start_index).reshape(Table(texts, S));
    out.end_top_log_probs = std::move(end_top).reshape(Table(texts, E * S));
    out.end_top_index = std::move(end_index).reshape(Table(texts, E * S));
    out.cls_logits = std::move(logits).reshape(Extents<dyn>(texts));
    return out;
  }

  static constexpr std::int32_t no_position = INT32_MIN;
};

}  // namespace tessera
