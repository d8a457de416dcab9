// Transformer-XL: adaptive embeddings, a stack of layers with attention over a memory of earlier segments.
//
// Source: Dai, Yang, Yang, Carbonell, Le, Salakhutdinov, "Transformer-XL: Attentive Language Models Beyond a
// Fixed-Length Context" (2019). Behaviour and parameter names are those of pytorch-transformers 1.2.0.
#pragma once

#include <limits>

#include "tessera/blocks/adaptive_embedding.hpp"
#include "tessera/blocks/memory_layer.hpp"
#include "tessera/heads/head_model.hpp"
#include "tessera/models/transfo_xl_attention.hpp"
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
  Index attention = dyn;        ///< attn_type; where it is a constant, the other attentions are not compiled
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
  Index tgt_len = 128;  ///< with ext_len and mem_len, the learned positions that there are
  Index ext_len = 0;
  Index mem_len = 1600;
  Index clamp_len = 1000;  ///< the largest distance; 0 or less: none
  bool same_length = true;
  Index attn_type = TransfoXLPositions::relative;
  Index sample_softmax = -1;
  bool tie_weight = true;
  Index tie_projs[Cutoffs::most] = {0, 1, 1, 1};
  Index tie_proj_count = 4;
  bool untie_r = true;
  double dropout = 0.1;
  double dropatt = 0.0;
  double init_std = 0.02;
  double proj_init_std = 0.01;  ///< of the projections of embedding and softmax
  bool init_uniform = false;    ///< the key is init: weights are drawn from within init_range
  double init_range = 0.01;
  Index num_labels = 2;

  constexpr Index vocabulary() const noexcept { return n_token; }
  constexpr void set_vocabulary(Index rows) noexcept { n_token = rows; }
  constexpr Index layers() const noexcept { return n_layer; }
  constexpr double deviation() const noexcept { return init_std; }
  constexpr Index learned_positions() const noexcept { return tgt_len + ext_len + mem_len; }
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
  using Attention = TransfoXLAttention<S.hidden, S.heads, S.attention>;

  Param<dyn, dyn> r_w_bias, r_r_bias;  ///< [heads, d], of all layers unless untie_r
  Param<dyn, dyn, dyn, dyn> r_emb;     ///< [layers, positions, heads, d], of attentions that learn positions
  Param<dyn, dyn, dyn> r_bias;         ///< [layers, positions, heads], of learned distances
  AdaptiveEmbedding<S.hidden, S.tables, S.projections> word_emb;
  Stack<MemoryLayer<Attention, S.hidden, S.inner>, S.layers> stack;
  Param<dyn> inv_freq;  ///< [H / 2], of sinusoids

  constexpr TransfoXL() = default;
  constexpr explicit TransfoXL(const TransfoXLConfig& c)
      : r_w_bias(ParamUse::vector, Extents<dyn, dyn>(c.n_head, c.d_head)),
        r_r_bias(ParamUse::vector, Extents<dyn, dyn>(c.n_head, c.d_head)),
        r_emb(ParamUse::table, Extents<dyn, dyn, dyn, dyn>(c.n_layer, c.learned_positions(), c.n_head, c.d_head)),
        r_bias(ParamUse::table, Extents<dyn, dyn, dyn>(c.n_layer, c.learned_positions(), c.n_head)),
        inv_freq(ParamUse::vector, Extents<dyn>(c.d_model / 2), ParamRole::buffer),
        config_(c) {
    fit("d_model", S.hidden, c.d_model);
    fit("n_layer", S.layers, c.n_layer);
    fit("n_head * d_head", S.heads, c.n_head * c.d_head);
    fit("d_inner", S.inner, c.d_inner);
    fit("attn_type", S.attention, c.attn_type);
    if (c.attn_type < P::relative || c.attn_type > P::per_layer) fit("attn_type", P::relative, c.attn_type);
    if (is(P::learned) && c.untie_r) fit("untie_r", 0, 1);  // rows of the shared r_w_bias are those of layers
    if (is(P::learned) && c.n_layer > c.n_head) fit("n_layer", c.n_head, c.n_layer);
    if (is(P::per_layer)) fit("n_head * d_head", c.d_model, c.n_head * c.d_head);
    if (c.sample_softmax > 0) fit("sample_softmax", 0, c.sample_softmax);
    complete_ = c.clusters().rise() && c.div_val > 0 && word_emb.init(c.clusters(), c.d_embed, c.d_model, c.div_val) &&
                stack.resize(c.n_layer);
    for (Index i = 0; i < stack.size(); ++i) {
      auto& layer = stack[i];
      layer.attention = {c.attn_type, c.d_model, c.n_head, c.d_head, c.dropatt};
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
    if (is(P::learned) || is(P::per_layer)) v("r_emb", r_emb);
    if (is(P::learned)) v("r_bias", r_bias);
    v("word_emb", word_emb);
    v("layers", stack);
    if (is(P::relative) || is(P::absolute)) v("pos_emb.inv_freq", inv_freq);
  }
  constexpr void ties(auto&& t) {
    for (Index i = 0; !config_.untie_r && i < stack.size(); ++i)
      stack[i].attention.chosen([&](auto& attention) {
        t(r_w_bias, attention.r_w_bias);
        t(r_r_bias, attention.r_r_bias);
      });
  }
  constexpr void vocabulary(auto&&) noexcept {}
  /// The reference changes the config alone, which then fits the weights no more.
  constexpr const char* keeps_vocabulary() const noexcept { return "the clusters of its embedding have no one table"; }

  constexpr const Config& config() const noexcept { return config_; }
  constexpr Index layers() const noexcept { return stack.size(); }
  constexpr Index width() const noexcept { return config_.d_model; }
  constexpr Index memory_length() const noexcept { return config_.mem_len; }
  constexpr Index initial_memory() const noexcept { return config_.mem_len; }
  constexpr Index projected_width() const noexcept { return config_.n_head * config_.d_head; }
  /// No linear of a key has a bias; a norm before it has, and an absolute position is added.
  constexpr bool zeros_project_to_zeros() const noexcept { return !config_.pre_lnorm && !adds_positions(); }
  /// Whether a memory is for the next tokens of a text. Absolute positions are added to it again for each segment.
  constexpr bool reads_on() const noexcept { return config_.mem_len > 0 && !adds_positions(); }
  /// Whether a text gives the same however it is cut into segments: each token sees as many tokens before it.
  constexpr bool same_in_any_segments() const noexcept {
    return config_.same_length && config_.ext_len == 0 && reads_on();
  }
  /// Whether tokens behind a text change nothing in it. Without a memory, same_length hides every key from every token,
  /// so that attention is uniform over all that are there, or no number with attn_type 1 to 3 (as in the reference).
  /// Absolute positions count from the end.
  constexpr bool ignores_what_follows() const noexcept {
    return (!config_.same_length || config_.mem_len > 0) && !adds_positions();
  }
  /// Tokens of a segment that there are positions for.
  constexpr Index longest_segment() const noexcept {
    if (!is(P::per_layer)) return Index{1} << 30;
    return config_.learned_positions() - (config_.mem_len > 0 ? 1 : 0);
  }
  /// The reference's rows: those of the paper where ext_len is 0.
  constexpr MemoryRows kept_memory(Index length, Index queries) const noexcept {
    const Index extended = length > config_.ext_len ? length - config_.ext_len : 0;
    const Index end = queries + extended;
    return MemoryRows::slice(length, end > config_.mem_len ? end - config_.mem_len : 0, end);
  }

  /// The sequence output, [rows, H].
  template <class Context>
  constexpr auto encode(Context& context, const TransfoXLInput& in) const noexcept {
    const Layout& layout = in.layout;
    const Index memory = in.mems.present() ? in.mems.length : config_.mem_len;
    const Index keys = memory + layout.longest;
    const bool projected = in.mems.present() ? in.mems.form == MemoryForm::keys_and_values : zeros_project_to_zeros();
    RelativeContext c = relative_context(context, layout, memory, projected);
    context.require(!Context::training || !in.mems.present() || in.mems.form == MemoryForm::hidden_states,
                    "mems: training needs a memory of hidden states", 0, 1, Code::unsupported);
    const Operand head_mask = context.numbers(in.head_mask);
    const MemoryPlan mems = plan_memory(context, in.mems, layout, kept_memory(memory, layout.longest));
    // Without a memory the reference begins with zeros, which are attended to.
    Tensor<Context, Extents<dyn, dyn>> nothing;
    if (!in.mems.present() && memory > 0)
      nothing = zeros(context, Extents<dyn, dyn>(layout.texts * memory, projected ? projected_width() : width()));

    LayerPositions<Context, S.hidden> positions;
    if (is(P::relative)) {
      positions.sinusoids = distances_to(context, keys);
      positions.sinusoids = dropout(std::move(positions.sinusoids), config_.dropout);
    }
    auto x = word_emb(context, in.input_ids);
    if (is(P::absolute)) x = at_positions(std::move(x), 0, layout, 0);
    x = dropout(std::move(x), config_.dropout);
    for (Index i = 0; i < stack.size(); ++i) {
      if (is(P::per_layer)) x = at_positions(std::move(x), i, layout, 0);
      if (is(P::learned)) positions.distances = learned_distances(context, i, keys);
      tap("hidden_states", x);
      c.head_mask = head_mask_of(head_mask, i);
      MemorySlot hidden;
      ProjectedMemory made;
      Tensor<Context, Extents<dyn, S.hidden>> placed;  // a memory with positions
      if (projected) {
        made = {mems.slot(i), mems.slot(i, true), &mems};
        if (nothing) made.keys.rows = made.values.rows = nothing.operand();
      } else {
        hidden = mems.slot(i);
        if (nothing) hidden.rows = nothing.operand();
        if (memory > 0 && (is(P::per_layer) || (is(P::absolute) && i == 0))) {
          placed = {context, hidden.rows.view, Slot(), -1};
          placed = at_positions(std::move(placed), i, layout, layout.longest);
          hidden.rows = placed.operand();
        }
        remember(x, hidden, mems);
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
    if (in.mems.present() && in.mems.form == MemoryForm::keys_and_values && adds_positions())
      return Error::format(Code::unsupported,
                           "transfo-xl: mems: with attn_type %lld positions are added to them: keep hidden states",
                           static_cast<long long>(config_.attn_type));
    if (layout.longest > longest_segment())
      return Error::format(Code::out_of_range, "transfo-xl: the longest text has %lld tokens, attn_type 3 has %lld",
                           static_cast<long long>(layout.longest), static_cast<long long>(longest_segment()));
    return check_head_mask(name, in.head_mask, layers());
  }

 private:
  using P = TransfoXLPositions;
  static constexpr double norm_eps = 1e-5;

  constexpr bool is(Index attention) const noexcept {
    return may_equal(S.attention, attention) && config_.attn_type == attention;
  }
  constexpr bool adds_positions() const noexcept { return is(P::absolute) || is(P::per_layer); }

  constexpr auto sinusoids_of(auto& context, const Operand& distances) const noexcept {
    return sinusoids<S.hidden>(context, distances, context.param(inv_freq), config_.d_model);
  }
  constexpr std::int32_t clamped(Index distance) const noexcept {
    return static_cast<std::int32_t>(config_.clamp_len > 0 && distance > config_.clamp_len ? config_.clamp_len
                                                                                           : distance);
  }
  /// Of distances K, ..., 0, [K + 1, H]. Nothing that is visible has the distance K: it stands where the shift leaves a
  /// gap.
  constexpr auto distances_to(auto& context, Index keys) const noexcept {
    return sinusoids_of(context, context.make_ids(keys + 1, [&](Index i) { return clamped(keys - i); }));
  }
  /// The row of r_emb that a layer has for a distance; those further away than the furthest share its row.
  constexpr std::int32_t learned_row(Index layer, Index distance, Index furthest) const noexcept {
    return static_cast<std::int32_t>((layer + 1) * config_.learned_positions() - 1 -
                                     (distance < furthest ? distance : furthest));
  }
  /// Of distances K, ..., 0.
  template <class Context>
  constexpr LearnedDistances<Context> learned_distances(Context& context, Index layer, Index keys) const noexcept {
    const Index most = config_.learned_positions();
    const Index furthest = (config_.clamp_len > 0 && config_.clamp_len < most ? config_.clamp_len : most) - 1;
    const Operand rows = context.make_ids(keys + 1, [&](Index i) { return learned_row(layer, keys - i, furthest); });
    return {rows_of(context, r_emb, config_.n_head * config_.d_head, rows),
            rows_of(context, r_bias, config_.n_head, rows), slice_rows(context.param(r_w_bias), layer, 1)};
  }
  /// rows: [texts * count, H]; the last of each text stands `behind` tokens before the last of all. Returns them with
  /// their positions added.
  template <class T>
  constexpr T at_positions(T rows, Index layer, const Layout& layout, Index behind) const noexcept {
    auto& context = rows.context();
    const Index count = rows.size(0) / layout.texts;
    const Operand places = context.make_ids(rows.size(0), [&](Index i) {
      const Index distance = behind + count - 1 - i % count;
      return is(P::absolute) ? clamped(distance) : learned_row(layer, distance, config_.learned_positions() - 1);
    });
    T positions;
    if (is(P::absolute))
      positions = sinusoids_of(context, places);
    else
      positions = rows_of<S.hidden>(context, r_emb, config_.d_model, places);
    return add(std::move(rows), positions);
  }
  /// Rows of a param as one table of all layers' positions, [n, width].
  template <Index Width = dyn>
  static constexpr auto rows_of(auto& context, const ParamBase& table, Index width, const Operand& rows) noexcept {
    Operand all = context.param(table);
    all.view = View::of(all.view.data, all.view.type, table.view.count() / width, width);
    return context.template apply<op::embedding>({-1}, Extents<dyn, Width>(rows.view.count(), width), all, rows);
  }

  /// Who sees whom. same_length: a query sees mem_len keys at most, counted with the configured mem_len.
  constexpr RelativeContext relative_context(auto& context, const Layout& layout, Index memory,
                                             bool projected) const noexcept {
    const Index queries = layout.longest, keys = memory + queries;
    RelativeContext c;
    c.texts = layout.texts;
    c.queries = queries;
    c.keys = keys;
    c.visibility = {true, Fill::set, is(P::relative) ? -1e30 : -std::numeric_limits<double>::infinity()};
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
