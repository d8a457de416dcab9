// Transformer-XL: adaptive embeddings, a stack of layers with relative attention over a memory of earlier segments.
//
// Source: Dai, Yang, Yang, Carbonell, Le, Salakhutdinov, "Transformer-XL: Attentive Language Models Beyond a
// Fixed-Length Context" (2019). Behaviour and parameter names are those of pytorch-transformers 1.2.0.
#pragma once

#include "tessera/blocks/adaptive_embedding.hpp"
#include "tessera/blocks/memory.hpp"
#include "tessera/blocks/relative_layer.hpp"
#include "tessera/heads/head_model.hpp"
#include "tessera/ops/sinusoids.hpp"

namespace tessera::inline TESSERA_ISA {

/// Each size a constant or dyn.
struct TransfoXLSizes {
  Index hidden = dyn;
  Index layers = dyn;
  Index heads = dyn;  ///< n_head * d_head
  Index inner = dyn;
  Index tables = dyn;           ///< of the adaptive embedding
  Index projections = dyn;      ///< of the adaptive embedding
  Index outputs = dyn;          ///< layers of the adaptive softmax
  Index out_projections = dyn;  ///< of the adaptive softmax
};

/// config.json, under the reference's names; the defaults are its own.
struct TransfoXLConfig {
  Index n_token = 267735;
  Index cutoffs[Cutoffs::most] = {20000, 40000, 200000};
  Index cutoff_count = 3;
  Index d_model = 1024;
  Index d_embed = 1024;
  Index n_head = 16;
  Index d_head = 64;
  Index d_inner = 4096;
  Index div_val = 4;
  bool pre_lnorm = false;
  Index n_layer = 18;
  Index tgt_len = 128;  ///< no influence
  Index ext_len = 0;
  Index mem_len = 1600;
  Index clamp_len = 1000;  ///< the largest distance; 0 or less: none
  bool same_length = true;
  Index attn_type = 0;
  Index sample_softmax = -1;
  bool tie_weight = true;
  Index tie_projs[Cutoffs::most] = {0, 1, 1, 1};
  Index tie_proj_count = 4;
  bool untie_r = true;
  double dropout = 0.1;
  double dropatt = 0.0;
  double init_std = 0.02;
  Index num_labels = 2;

  constexpr Index vocabulary() const noexcept { return n_token; }
  constexpr void set_vocabulary(Index rows) noexcept { n_token = rows; }
  constexpr Index layers() const noexcept { return n_layer; }
  constexpr double deviation() const noexcept { return init_std; }
  constexpr Cutoffs clusters() const noexcept { return {cutoffs, cutoff_count, n_token}; }
};

/// One padded batch, in host memory.
struct TransfoXLInput {
  Layout layout;
  View input_ids;  ///< [rows]
  View head_mask;  ///< [heads] or [layers, heads]; multiplied to the attention probabilities
  Mems mems;       ///< what earlier segments left (MemoryCache); absent: mem_len rows of zeros

  static constexpr TransfoXLInput shape(Index texts, Index longest) noexcept {
    return {Layout::padded(texts, longest), View::of(nullptr, DType::i64, texts, longest), {}, {}};
  }
};

inline constexpr NameRule transfo_xl_name_rules[] = {
    {"layers.#.attention_norm", "layers.#.dec_attn.layer_norm"},
    {"layers.#.attention", "layers.#.dec_attn"},
    {"layers.#.feed_forward.intermediate", "layers.#.pos_ff.CoreNet.0"},
    {"layers.#.feed_forward.output", "layers.#.pos_ff.CoreNet.3"},
    {"layers.#.output_norm", "layers.#.pos_ff.layer_norm"},
};
inline constexpr NameTable transfo_xl_names{"transformer", transfo_xl_name_rules,
                                            sizeof transfo_xl_name_rules / sizeof *transfo_xl_name_rules};

/// TransfoXLModel.
template <TransfoXLSizes S = TransfoXLSizes{}>
struct TransfoXL : ConfigFit {
  using Config = TransfoXLConfig;
  using Input = TransfoXLInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<dyn, S.hidden>> last_hidden_state;  ///< [rows, H]
    constexpr void visit(auto&& v) const { v("last_hidden_state", last_hidden_state); }
  };
  static constexpr const NameTable& names = transfo_xl_names;
  static constexpr const char* name = "transfo-xl";

  Param<dyn, dyn> r_w_bias, r_r_bias;  ///< [heads, d], of all layers unless untie_r
  AdaptiveEmbedding<S.hidden, S.tables, S.projections> word_emb;
  Stack<RelativeLayer<S.hidden, S.heads, S.inner>, S.layers> stack;
  Param<dyn> inv_freq;  ///< [H / 2]

  constexpr TransfoXL() = default;
  constexpr explicit TransfoXL(const TransfoXLConfig& c)
      : r_w_bias(ParamUse::vector, Extents<dyn, dyn>(c.n_head, c.d_head)),
        r_r_bias(ParamUse::vector, Extents<dyn, dyn>(c.n_head, c.d_head)),
        inv_freq(ParamUse::vector, Extents<dyn>(c.d_model / 2), ParamRole::buffer),
        config_(c) {
    fit("d_model", S.hidden, c.d_model);
    fit("n_layer", S.layers, c.n_layer);
    fit("n_head * d_head", S.heads, c.n_head * c.d_head);
    fit("d_inner", S.inner, c.d_inner);
    fit("attn_type", 0, c.attn_type);  // of four of the original code, the paper's
    if (c.sample_softmax > 0) fit("sample_softmax", 0, c.sample_softmax);
    complete_ = c.clusters().rise() && c.div_val > 0 && word_emb.init(c.clusters(), c.d_embed, c.d_model, c.div_val) &&
                stack.resize(c.n_layer);
    for (Index i = 0; i < stack.size(); ++i) {
      auto& layer = stack[i];
      layer.attention = {c.d_model, c.n_head, c.d_head, c.dropatt};
      layer.attention_norm = {c.d_model, norm_eps};
      layer.feed_forward = {c.d_model, c.d_inner, Activation::relu};
      layer.output_norm = {c.d_model, norm_eps};
      layer.norm_place = c.pre_lnorm ? NormPlace::before : NormPlace::after;
      layer.dropout_rate = layer.feed_forward.dropout_rate = c.dropout;
    }
    number_params(*this);
  }

  constexpr void visit(auto&& v) {
    if (!config_.untie_r) {
      v("r_w_bias", r_w_bias);
      v("r_r_bias", r_r_bias);
    }
    v("word_emb", word_emb);
    v("layers", stack);
    v("pos_emb.inv_freq", inv_freq);
  }
  constexpr void ties(auto&& t) {
    for (Index i = 0; !config_.untie_r && i < stack.size(); ++i) {
      t(r_w_bias, stack[i].attention.r_w_bias);
      t(r_r_bias, stack[i].attention.r_r_bias);
    }
  }
  /// Resizing changes the config alone, as in the reference: clusters have no one table to resize.
  constexpr void vocabulary(auto&&) noexcept {}

  constexpr const Config& config() const noexcept { return config_; }
  constexpr Index layers() const noexcept { return stack.size(); }
  constexpr Index width() const noexcept { return config_.d_model; }
  constexpr Index memory_length() const noexcept { return config_.mem_len; }
  constexpr Index initial_memory() const noexcept { return config_.mem_len; }
  constexpr Index projected_width() const noexcept { return config_.n_head * config_.d_head; }
  /// No linear of a key has a bias; a norm before it has.
  constexpr bool zeros_project_to_zeros() const noexcept { return !config_.pre_lnorm; }
  /// Whether a text gives the same however it is cut into segments: each token sees as many tokens before it.
  constexpr bool same_in_any_segments() const noexcept {
    return config_.same_length && config_.ext_len == 0 && config_.mem_len > 0;
  }
  /// Whether tokens behind a text change nothing in it. Without a memory, same_length hides every key from every token,
  /// so that attention is uniform over all that are there (as in the reference).
  constexpr bool ignores_what_follows() const noexcept { return !config_.same_length || config_.mem_len > 0; }
  /// The reference's rows: those of the paper where ext_len is 0.
  constexpr MemoryRows kept_memory(Index length, Index queries) const noexcept {
    const Index extended = length > config_.ext_len ? length - config_.ext_len : 0;
    const Index end = queries + extended;
    return MemoryRows::slice(length, end > config_.mem_len ? end - config_.mem_len : 0, end);
  }

  /// The sequence output, [rows, H].
  constexpr auto encode(auto& context, const TransfoXLInput& in) const noexcept {
    const Layout& layout = in.layout;
    const Index memory = in.mems.present() ? in.mems.length : config_.mem_len;
    const Index keys = memory + layout.longest;
    const bool projected = in.mems.present() ? in.mems.form == MemoryForm::keys_and_values : zeros_project_to_zeros();
    RelativeContext c = relative_context(context, layout, memory, projected);
    context.require(!std::remove_reference_t<decltype(context)>::training || !in.mems.present() ||
                        in.mems.form == MemoryForm::hidden_states,
                    "mems: training needs a memory of hidden states", 0, 1, Code::unsupported);
    const Operand head_mask = context.numbers(in.head_mask);
    const MemoryPlan mems = plan_memory(context, in.mems, layout, kept_memory(memory, layout.longest));
    // Distances K, ..., 0. Nothing that is visible has the distance K: it stands where the shift leaves a gap.
    const Operand distances = context.make_ids(keys + 1, [&](Index i) {
      const Index distance = keys - i;
      return static_cast<std::int32_t>(config_.clamp_len > 0 && distance > config_.clamp_len ? config_.clamp_len
                                                                                             : distance);
    });
    auto positions = sinusoids<S.hidden>(context, distances, context.param(inv_freq), config_.d_model);
    positions = dropout(std::move(positions), config_.dropout);
    // Without a memory the reference begins with zeros, which are attended to.
    Tensor<std::remove_reference_t<decltype(context)>, Extents<dyn, dyn>> nothing;
    if (!in.mems.present() && memory > 0)
      nothing = zeros(context, Extents<dyn, dyn>(layout.texts * memory, projected ? projected_width() : width()));

    auto x = word_emb(context, in.input_ids);
    x = dropout(std::move(x), config_.dropout);
    for (Index i = 0; i < stack.size(); ++i) {
      tap("hidden_states", x);
      c.head_mask = head_mask_of(head_mask, i);
      MemorySlot hidden;
      ProjectedMemory made;
      if (projected) {
        made = {mems.slot(i), mems.slot(i, true), &mems};
        if (nothing) made.keys.rows = made.values.rows = nothing.operand();
      } else {
        hidden = mems.slot(i);
        remember(x, hidden, mems);
        if (nothing) hidden.rows = nothing.operand();
      }
      x = stack[i](std::move(x), hidden.rows, made, positions, c);
    }
    x = dropout(std::move(x), config_.dropout);
    tap("hidden_states", x);
    return x;
  }
  constexpr auto operator()(auto& context, const TransfoXLInput& in) const noexcept {
    return Output<std::remove_reference_t<decltype(context)>>{encode(context, in)};
  }

  Result<void> validate(const TransfoXLInput& in) const noexcept {
    const Layout& layout = in.layout;
    TESSERA_TRY(check_layout(name, layout));
    if (!in.input_ids.present()) return Error::format(Code::invalid_argument, "transfo-xl: there are no input_ids");
    TESSERA_TRY(check_ids(name, "input_ids", in.input_ids, layout, 0, word_emb.cutoffs.vocabulary()));
    const Index memory = in.mems.present() ? in.mems.length : config_.mem_len;
    TESSERA_TRY(check_mems(name, in.mems, layout, layers(), width(), projected_width(),
                           kept_memory(memory, layout.longest).count()));
    return check_head_mask(name, in.head_mask, layers());
  }

 private:
  static constexpr double norm_eps = 1e-5;

  /// Who sees whom. same_length: a query sees mem_len keys at most, counted with the configured mem_len.
  constexpr RelativeContext relative_context(auto& context, const Layout& layout, Index memory,
                                             bool projected) const noexcept {
    const Index queries = layout.longest, keys = memory + queries;
    RelativeContext c;
    c.texts = layout.texts;
    c.queries = queries;
    c.keys = keys;
    c.visibility = {true, Fill::set, -1e30};
    if (config_.same_length) {
      const Index more = keys - config_.mem_len;
      const Index back = more > 0 ? queries - more : queries;  // keys up to i - back are hidden
      c.keep = context.make_numbers(View::of(nullptr, DType::f32, layout.texts, queries, keys),
                                    [=](Index n) { return n % keys > n / keys % queries - back ? 1 : 0; });
    }
    if (memory > 0 && !projected)
      c.query_rows = context.make_ids(layout.texts * queries, [=](Index i) {
        return static_cast<std::int32_t>(i / queries * keys + memory + i % queries);
      });
    return c;
  }

  TransfoXLConfig config_;
};

}  // namespace tessera
