// TransfoXLLMHeadModel: Transformer-XL with an adaptive softmax, as pytorch-transformers 1.2.0 has it.
#pragma once

#include "tessera/heads/adaptive_softmax.hpp"
#include "tessera/models/transfo_xl.hpp"
#include "tessera/ops/reduce.hpp"

namespace tessera::inline TESSERA_ISA {

/// Log-probabilities of all words, or the loss of each label.
template <TransfoXLSizes S = TransfoXLSizes{}>
struct TransfoXLLMHeadModel {
  struct Input : TransfoXLInput {
    View labels;      ///< [rows], the words themselves (not shifted); absent: all log-probabilities
    View score_rows;  ///< i32 or i64 [n]: the rows that get log-probabilities; absent: all. Not with labels.
    static constexpr Input shape(Index texts, Index longest, const View& labels) noexcept {
      return {TransfoXLInput::shape(texts, longest), labels, {}};
    }
  };
  using Config = TransfoXLConfig;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss;              ///< the mean of nll
    Tensor<Context, Extents<dyn, 1>> nll;          ///< [rows, 1], in the order of `order`
    Tensor<Context, Extents<dyn, dyn>> log_probs;  ///< [rows, n_token], or [score_rows, n_token]
    constexpr void visit(auto&& v) const {
      v("loss", loss);
      v("nll", nll);
      v("log_probs", log_probs);
    }
  };
  static constexpr const NameTable& names = transfo_xl_names;

  TransfoXL<S> base;
  AdaptiveSoftmax<S.hidden, S.outputs, S.out_projections> crit;
  /// The reference's; `tokens` for losses in the order of the labels.
  NllOrder order = NllOrder::clusters;

  constexpr TransfoXLLMHeadModel() = default;
  constexpr explicit TransfoXLLMHeadModel(const TransfoXLConfig& c) : base(c) {
    complete_ = crit.init(c.clusters(), c.d_embed, c.d_model, c.div_val);
    number_params(*this);
  }
  constexpr bool complete() const noexcept { return complete_ && base.complete(); }
  constexpr const Misfit& misfit() const noexcept { return base.misfit(); }

  constexpr void visit(auto&& v) {
    v(names.base_prefix, base);
    v("crit", crit);
  }
  constexpr void ties(auto&& t) {
    base.ties(t);
    const TransfoXLConfig& c = base.config();
    for (Index i = 0; c.tie_weight && i < crit.out_layers.size(); ++i)
      t(base.word_emb.emb_layers[i].weight, crit.out_layers[i].weight);
    const bool one_table = c.div_val == 1;
    for (Index i = 0; i < crit.out_projs.size() && i < c.tie_proj_count; ++i)
      if (c.tie_projs[i] != 0) t(base.word_emb.emb_projs[one_table ? 0 : i], crit.out_projs[i]);
  }
  constexpr void vocabulary(auto&& f) { base.vocabulary(f); }
  constexpr const char* keeps_vocabulary() const noexcept { return base.keeps_vocabulary(); }

  constexpr auto operator()(auto& context, const Input& in) const noexcept {
    Output<std::remove_reference_t<decltype(context)>> out;
    const Operand scored = context.ids(in.score_rows);
    auto x = base.encode(context, in);
    if (scored.present()) x = take_rows(x, scored);
    if (in.labels.present() && !scored.present()) {
      out.nll = adaptive_nll(crit, x, in.labels, order);
      out.loss = mean(out.nll);
    } else {
      out.log_probs = adaptive_log_probabilities(crit, x);
    }
    return out;
  }
  Result<void> validate(const Input& in) const noexcept {
    TESSERA_TRY(base.validate(in));
    TESSERA_TRY(check_score_rows(base.name, in));
    return check_ids(base.name, "labels", in.labels, in.layout, 0, crit.cutoffs().vocabulary());
  }

 private:
  bool complete_ = true;
};

}  // namespace tessera
