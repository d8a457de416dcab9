// XLNet: relative attention over all positions under a permutation of them, with a query stream that predicts.
//
// Source: Yang, Dai, Yang, Carbonell, Salakhutdinov, Le, "XLNet: Generalized Autoregressive Pretraining for Language
// Understanding" (2019). Behaviour and parameter names are those of pytorch-transformers 1.2.0.
#pragma once

#include "tessera/blocks/embedding.hpp"
#include "tessera/blocks/memory.hpp"
#include "tessera/blocks/stack.hpp"
#include "tessera/blocks/two_stream.hpp"
#include "tessera/heads/head_model.hpp"
#include "tessera/ops/sinusoids.hpp"

namespace tessera::inline TESSERA_ISA {

/// Each size a constant or dyn.
struct XLNetSizes {
  Index vocabulary = dyn;
  Index hidden = dyn;
  Index layers = dyn;
  Index heads = dyn;
  Index head_size = dyn;
  Index inner = dyn;
};

enum class XLNetAttention : std::uint8_t {
  bi,   ///< all positions are seen
  uni,  ///< earlier ones alone
};

/// config.json, under the reference's names; the defaults are its own.
struct XLNetConfig {
  Index n_token = 32000;
  Index d_model = 1024;
  Index n_layer = 24;
  Index n_head = 16;
  Index d_head = 64;
  Index d_inner = 4096;
  Activation ff_activation = Activation::gelu_tanh;
  XLNetAttention attn_type = XLNetAttention::bi;
  double initializer_range = 0.02;
  double layer_norm_eps = 1e-12;
  double dropout = 0.1;
  Index mem_len = -1;    ///< 0 or less: no memory
  Index reuse_len = -1;  ///< rows of a segment that may be remembered; 0 or less: all
  bool bi_data = false;  ///< the second half of a batch runs backwards
  Index clamp_len = -1;  ///< the largest distance; 0 or less: none
  bool same_length = false;
  Index num_labels = 2;
  SummaryConfig summary{SummaryType::last, true, false, true, 0, 0.1};
  Index start_n_top = 5, end_n_top = 5;

  constexpr Index vocabulary() const noexcept { return n_token; }
  constexpr void set_vocabulary(Index rows) noexcept { n_token = rows; }
  constexpr Index layers() const noexcept { return n_layer; }
  constexpr double deviation() const noexcept { return initializer_range; }
  constexpr HeadConfig head() const noexcept {
    HeadConfig head;
    head.width = d_model;
    head.vocabulary = n_token;
    head.labels = num_labels;
    head.norm_eps = layer_norm_eps;
    head.summary = summary;
    head.start_n_top = start_n_top;
    head.end_n_top = end_n_top;
    return head;
  }
};

/// One padded batch, in host memory; T is the layout's longest. Masks are of any number type.
struct XLNetInput {
  Layout layout;
  View input_ids;       ///< [rows]
  View token_type_ids;  ///< [rows]; only the same or another matters; absent: no segments
  View input_mask;      ///< [texts, T], 1 = hidden; not together with attention_mask
  View attention_mask;  ///< [texts, T], 1 = visible
  View perm_mask;       ///< [texts, T, T], 1: position i does not see j; absent: all are seen
  View target_mapping;  ///< [texts, targets, T]: the positions that are predicted, by the query stream; absent: no g
  View head_mask;       ///< [heads] or [layers, heads]; multiplied to the attention probabilities
  Mems mems;            ///< what earlier segments left (MemoryCache)

  static constexpr XLNetInput shape(Index texts, Index longest) noexcept {
    XLNetInput in;
    in.layout = Layout::padded(texts, longest);
    in.input_ids = in.token_type_ids = View::of(nullptr, DType::i64, texts, longest);
    in.attention_mask = View::of(nullptr, DType::i64, texts, longest);
    return in;
  }
  /// The layout of the outputs: of the targets where they are mapped.
  constexpr Layout outputs() const noexcept {
    return target_mapping.present() ? Layout::padded(layout.texts, target_mapping.dim[1]) : layout;
  }
};

inline constexpr NameRule xlnet_name_rules[] = {
    {"layer.#.ff.intermediate", "layer.#.ff.layer_1"},
    {"layer.#.ff.output", "layer.#.ff.layer_2"},
    {"layer.#.ff_norm", "layer.#.ff.layer_norm"},
};
inline constexpr NameTable xlnet_names{"transformer", xlnet_name_rules,
                                       sizeof xlnet_name_rules / sizeof *xlnet_name_rules};

/// XLNetModel.
template <XLNetSizes S = XLNetSizes{}>
struct XLNet : ConfigFit {
  using Config = XLNetConfig;
  using Input = XLNetInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<dyn, S.hidden>> last_hidden_state;  ///< [rows, H]; [texts * targets, H] where mapped
    constexpr void visit(auto&& v) const { v("last_hidden_state", last_hidden_state); }
  };
  static constexpr const NameTable& names = xlnet_names;
  static constexpr const char* name = "xlnet";

  Embedding<S.vocabulary, S.hidden> word_embedding;
  Param<1, 1, S.hidden> mask_emb;  ///< what the query stream begins with
  Stack<TwoStreamLayer<S.hidden, S.heads, S.head_size, S.inner>, S.layers> layer;

  constexpr XLNet() = default;
  constexpr explicit XLNet(const XLNetConfig& c)
      : word_embedding(c.n_token, c.d_model),
        mask_emb(ParamUse::table, Extents<1, 1, S.hidden>(Index{1}, Index{1}, c.d_model)),
        config_(c) {
    fit("n_token", S.vocabulary, c.n_token);
    fit("d_model", S.hidden, c.d_model);
    fit("n_layer", S.layers, c.n_layer);
    fit("n_head", S.heads, c.n_head);
    fit("d_head", S.head_size, c.d_head);
    fit("d_inner", S.inner, c.d_inner);
    complete_ = layer.resize(c.n_layer);
    for (Index i = 0; i < layer.size(); ++i) {
      layer[i].rel_attn = {c.d_model, c.n_head, c.d_head, c.layer_norm_eps, c.dropout};
      layer[i].ff = {c.d_model, c.d_inner, c.ff_activation};
      layer[i].ff_norm = {c.d_model, c.layer_norm_eps};
      layer[i].dropout_rate = layer[i].ff.dropout_rate = c.dropout;
    }
    number_params(*this);
  }

  constexpr void visit(auto&& v) {
    v("mask_emb", mask_emb);
    v("word_embedding", word_embedding);
    v("layer", layer);
  }
  constexpr void vocabulary(auto&& f) { f(word_embedding); }

  constexpr const Config& config() const noexcept { return config_; }
  constexpr auto& word() noexcept { return word_embedding; }
  constexpr Index layers() const noexcept { return layer.size(); }
  constexpr Index width() const noexcept { return config_.d_model; }
  constexpr Index memory_length() const noexcept { return config_.mem_len > 0 ? config_.mem_len : 0; }
  constexpr Index initial_memory() const noexcept { return 0; }
  constexpr Index projected_width() const noexcept { return config_.n_head * config_.d_head; }
  constexpr bool zeros_project_to_zeros() const noexcept { return true; }
  /// The last mem_len rows of the memory and of that part of the segment that may be reused.
  constexpr MemoryRows kept_memory(Index length, Index queries) const noexcept {
    const Index reused = config_.reuse_len > 0 && config_.reuse_len < queries ? config_.reuse_len : queries;
    const Index end = length + reused, kept = memory_length();
    return MemoryRows::slice(length, end > kept ? end - kept : 0, end);
  }

  /// The output of the query stream where targets are mapped, else of the content stream.
  constexpr auto encode(auto& context, const XLNetInput& in) const noexcept {
    using Hidden = Tensor<std::remove_reference_t<decltype(context)>, Extents<dyn, S.hidden>>;
    const Layout& layout = in.layout;
    const Index memory = in.mems.present() ? in.mems.length : 0;
    TwoStreamContext c = stream_context(context, in, memory);
    context.require(!std::remove_reference_t<decltype(context)>::training || !in.mems.present() ||
                        in.mems.form == MemoryForm::hidden_states,
                    "mems: training needs a memory of hidden states", 0, 1, Code::unsupported);
    const Operand head_mask = context.numbers(in.head_mask);
    const MemoryPlan mems = plan_memory(context, in.mems, layout, kept_memory(memory, layout.longest));
    auto positions = sinusoids<S.hidden>(context, distances(context, memory, layout.longest), Operand(), width());
    positions = dropout(std::move(positions), config_.dropout);

    auto h = word_embedding(context, context.ids(in.input_ids));
    h = dropout(std::move(h), config_.dropout);
    Hidden g;
    if (in.target_mapping.present()) {
      g = masked(context, layout.texts * c.targets);
      g = dropout(std::move(g), config_.dropout);
    }
    for (Index i = 0; i < layer.size(); ++i) {
      show(h, g);
      c.content.head_mask = c.query.head_mask = head_mask_of(head_mask, i);
      auto all = h.borrow();
      if (mems.has(MemoryForm::keys_and_values)) {
        c.memory = {mems.slot(i), mems.slot(i, true), &mems};
      } else {
        remember(h, mems.slot(i), mems);
        if (memory > 0) all = concat_texts(mems.slot(i).rows, h, layout.texts);
      }
      if (g) {
        auto streams = layer[i](std::move(h), std::move(g), all, positions, c);
        h = std::move(streams.h);
        g = std::move(streams.g);
      } else {
        h = layer[i](std::move(h), all, positions, c);
      }
    }
    show(h, g);
    return dropout(g ? std::move(g) : std::move(h), config_.dropout);
  }
  constexpr auto operator()(auto& context, const XLNetInput& in) const noexcept {
    return Output<std::remove_reference_t<decltype(context)>>{encode(context, in)};
  }

  Result<void> validate(const XLNetInput& in) const noexcept {
    const Layout& layout = in.layout;
    const Index T = layout.longest;
    TESSERA_TRY(check_layout(name, layout));
    const Index memory = in.mems.present() ? in.mems.length : 0;
    TESSERA_TRY(
        check_mems(name, in.mems, layout, layers(), width(), projected_width(), kept_memory(memory, T).count()));
    if (!in.input_ids.present()) return Error::format(Code::invalid_argument, "xlnet: there are no input_ids");
    TESSERA_TRY(check_ids(name, "input_ids", in.input_ids, layout, 0, word_embedding.weight.view.dim[0]));
    constexpr Index any = Index{1} << 31;
    TESSERA_TRY(check_ids(name, "token_type_ids", in.token_type_ids, layout, -any, any));
    if (in.input_mask.present() && in.attention_mask.present())
      return Error::format(Code::invalid_argument,
                           "xlnet: expected an input_mask (1 = hidden) or an attention_mask (1 = visible), found both");
    TESSERA_TRY(check_mask(name, "input_mask", in.input_mask, layout, T));
    TESSERA_TRY(check_mask(name, "attention_mask", in.attention_mask, layout, T));
    const View& p = in.perm_mask;
    if (p.present() && (p.rank != 3 || p.dim[0] != layout.texts || p.dim[1] != T || p.dim[2] != T))
      return Error::format(Code::shape_mismatch,
                           "xlnet: perm_mask: expected [%lld, %lld, %lld], found [%lld, %lld, %lld] (%d dimensions)",
                           static_cast<long long>(layout.texts), static_cast<long long>(T), static_cast<long long>(T),
                           static_cast<long long>(p.dim[0]), static_cast<long long>(p.dim[1]),
                           static_cast<long long>(p.dim[2]), p.rank);
    TESSERA_TRY(check_numbers(name, "perm_mask", p, layout.texts * T * T));
    const View& m = in.target_mapping;
    if (m.present() && (m.rank != 3 || m.dim[0] != layout.texts || m.dim[1] <= 0 || m.dim[2] != T))
      return Error::format(
          Code::shape_mismatch,
          "xlnet: target_mapping: expected [%lld, targets, %lld], found [%lld, %lld, %lld] (%d dimensions)",
          static_cast<long long>(layout.texts), static_cast<long long>(T), static_cast<long long>(m.dim[0]),
          static_cast<long long>(m.dim[1]), static_cast<long long>(m.dim[2]), m.rank);
    TESSERA_TRY(check_numbers(name, "target_mapping", m, m.count()));
    if (config_.bi_data && layout.texts % 2 != 0)
      return Error::format(Code::shape_mismatch,
                           "xlnet: with bi_data half of the texts run backwards: expected an even number, found %lld",
                           static_cast<long long>(layout.texts));
    return check_head_mask(name, in.head_mask, layers());
  }

 private:
  constexpr static void show(const auto& h, const auto& g) noexcept {
    tap("hidden_states", h);
    if (g) tap("hidden_states", g);
  }

  /// The mask embedding, again and again.
  constexpr auto masked(auto& context, Index rows) const noexcept {
    const Operand ids = context.make_ids(rows, [](Index) { return std::int32_t{0}; });
    return context.template apply<op::embedding>({-1}, Extents<dyn, S.hidden>(rows, width()), context.param(mask_emb),
                                                 ids);
  }

  /// Distances from K down to -Q + 1, to 0 in one direction; with bi_data then the same with the other sign.
  constexpr Operand distances(auto& context, Index memory, Index queries) const noexcept {
    const Index keys = memory + queries;
    const Index count = config_.attn_type == XLNetAttention::bi ? keys + queries : keys + 1;
    const Index most = config_.clamp_len;
    return context.make_ids(config_.bi_data ? 2 * count : count, [=](Index i) {
      Index distance = i < count ? keys - i : i - count - keys;
      if (most > 0) distance = distance > most ? most : distance < -most ? -most : distance;
      return static_cast<std::int32_t>(distance);
    });
  }

  constexpr TwoStreamContext stream_context(auto& context, const XLNetInput& in, Index memory) const noexcept {
    TwoStreamContext c;
    c.content.texts = in.layout.texts;
    c.content.queries = in.layout.longest;
    c.content.keys = memory + in.layout.longest;
    c.content.position_groups = config_.bi_data ? 2 : 1;
    c.content.visibility = {config_.attn_type == XLNetAttention::uni, Fill::add, -1e30};
    if (in.token_type_ids.present()) c.content.segment_pairs = segment_pairs(context, in, memory);
    c.query = c.content;
    const bool masks = in.input_mask.present() || in.attention_mask.present() || in.perm_mask.present();
    if (masks || shortened()) {
      c.content.keep = keep(context, in, memory, true);
      if (in.target_mapping.present()) c.query.keep = keep(context, in, memory, false);
    }
    if (in.target_mapping.present()) map_targets(context, in, c);
    return c;
  }
  constexpr bool shortened() const noexcept { return config_.attn_type == XLNetAttention::uni && config_.same_length; }

  /// [texts, Q, K]: 1 where a query's segment is not the key's; the memory is segment 0.
  static constexpr Operand segment_pairs(auto& context, const XLNetInput& in, Index memory) noexcept {
    const Index texts = in.layout.texts, queries = in.layout.longest, keys = memory + queries;
    Operand pairs = context.make_ids(texts * queries * keys, [&, queries, keys, memory](Index n) {
      const Index j = n % keys - memory, i = n / keys % queries, row = n / keys / queries * queries;
      const auto segment = [&](Index t) { return detail::element_as<Index>(in.token_type_ids, row + t); };
      return static_cast<std::int32_t>(segment(i) != (j < 0 ? 0 : segment(j)));
    });
    pairs.view = View::of(pairs.view.data, DType::i32, texts, queries, keys);
    return pairs;
  }

  /// [texts, Q, K]: 1 where a query sees the key. In the content stream a position sees itself, whatever is masked.
  constexpr Operand keep(auto& context, const XLNetInput& in, Index memory, bool itself) const noexcept {
    const Index queries = in.layout.longest, keys = memory + queries;
    return context.make_numbers(View::of(nullptr, DType::f32, in.layout.texts, queries, keys),
                                [&, itself, queries, keys, memory, shortened = shortened()](Index n) {
                                  const Index j = n % keys, i = n / keys % queries, text = n / keys / queries,
                                              own = j - memory;
                                  if (itself && own == i) return 1;
                                  if (shortened && j < i && j < queries) return 0;
                                  return own >= 0 && hides(in, text, i, own) ? 0 : 1;
                                });
  }

  /// The mapping as a matrix from positions to targets, [texts, 1, targets, Q], and back, [texts, 1, Q, targets].
  static constexpr void map_targets(auto& context, const XLNetInput& in, TwoStreamContext& c) noexcept {
    const View& m = in.target_mapping;
    const Index texts = in.layout.texts, queries = in.layout.longest, targets = m.dim[1];
    c.targets = targets;
    c.to_targets = context.numbers(m);
    c.to_targets.view = View::of(c.to_targets.view.data, c.to_targets.view.type, texts, Index{1}, targets, queries);
    c.to_positions = context.make_numbers(
        View::of(nullptr, DType::f32, texts, Index{1}, queries, targets), [&, queries, targets](Index n) {
          const Index t = n % targets, i = n / targets % queries, text = n / targets / queries;
          return detail::element_as<double>(m, (text * targets + t) * queries + i);
        });
  }

  /// Whether the masks hide position j of a text from position i.
  static constexpr bool hides(const XLNetInput& in, Index text, Index i, Index j) noexcept {
    const Index T = in.layout.longest;
    double hidden = 0;
    if (in.input_mask.present()) hidden = detail::element_as<double>(in.input_mask, text * T + j);
    if (in.attention_mask.present()) hidden = 1 - detail::element_as<double>(in.attention_mask, text * T + j);
    if (in.perm_mask.present()) hidden += detail::element_as<double>(in.perm_mask, (text * T + i) * T + j);
    return hidden > 0;
  }

  XLNetConfig config_;
};

}  // namespace tessera
