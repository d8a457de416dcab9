// XLM: a stack of post-norm layers over words, positions and languages; rows of padding are zero after every layer.
//
// Source: Lample, Conneau, "Cross-lingual Language Model Pretraining" (2019). Behaviour and parameter names are those
// of pytorch-transformers 1.2.0: without a mask and lengths, as many tokens of a text count as are not pad_index.
#pragma once

#include <limits>

#include "tessera/blocks/adaptive.hpp"
#include "tessera/blocks/embedding.hpp"
#include "tessera/blocks/encoder_layer.hpp"
#include "tessera/blocks/stack.hpp"
#include "tessera/heads/head_model.hpp"
#include "tessera/ops/replace_hidden.hpp"

namespace tessera::inline TESSERA_ISA {

/// Each size a constant or dyn.
struct XlmSizes {
  Index vocabulary = dyn;
  Index hidden = dyn;
  Index layers = dyn;
  Index positions = dyn;
  Index languages = dyn;
};

/// config.json, under the reference's names; the defaults are its own.
struct XlmConfig {
  Index n_words = 30145;
  Index emb_dim = 2048;
  Index n_layers = 12;
  Index n_heads = 16;
  double dropout = 0.1;
  double attention_dropout = 0.1;
  bool gelu_activation = true;  ///< else relu
  bool sinusoidal_embeddings = false;
  bool causal = false;
  bool asm_softmax = false;  ///< the key is asm: an adaptive softmax
  Index asm_cutoffs[Cutoffs::most] = {};
  Index asm_cutoff_count = 0;
  double asm_div_value = 4;
  Index n_langs = 1;
  bool use_lang_emb = true;
  double layer_norm_eps = 1e-12;
  Index pad_index = 2;
  Index max_position_embeddings = 512;
  double embed_init_std = 0.02209708691207961;
  double init_std = 0.02;
  Index num_labels = 2;
  SummaryConfig summary{SummaryType::first, true, true, false, 0.1, 0};
  Index start_n_top = 5;
  Index end_n_top = 5;

  constexpr bool has_languages() const noexcept { return n_langs > 1 && use_lang_emb; }
  constexpr Index vocabulary() const noexcept { return n_words; }
  constexpr void set_vocabulary(Index rows) noexcept { n_words = rows; }
  constexpr Index layers() const noexcept { return n_layers; }
  constexpr double deviation() const noexcept { return init_std; }
  constexpr HeadConfig head() const noexcept {
    HeadConfig h;
    h.width = emb_dim;
    h.vocabulary = n_words;
    h.labels = num_labels;
    h.norm_eps = layer_norm_eps;
    h.summary = summary;
    h.start_n_top = start_n_top;
    h.end_n_top = end_n_top;
    if (asm_softmax) h.cutoffs = Cutoffs(asm_cutoffs, asm_cutoff_count, n_words);
    h.cutoff_div_value = asm_div_value;
    return h;
  }
};

/// One batch, in host memory. Token arrays have a value for each row of the layout, in its order; any integer type.
struct XlmInput {
  Layout layout;
  View input_ids;
  View token_type_ids;  ///< ids of words that are added to those of input_ids; absent: none
  View position_ids;    ///< absent: counted within each text, from the end of its past
  View langs;           ///< the language of each token; absent: none
  View lengths;         ///< [texts]: tokens of each text, those of its past too, that are no padding
  View attention_mask;  ///< [texts, longest], 0 = padding; not for causal models, whose padded keys stay visible
  View head_mask;       ///< [heads] or [layers, heads]; multiplied to the attention probabilities
  Past past;            ///< keys and values of earlier tokens (KeyValueCache); causal models only

  static constexpr XlmInput shape(Index texts, Index longest) noexcept {
    XlmInput in;
    in.layout = Layout::padded(texts, longest);
    in.input_ids = in.token_type_ids = in.position_ids = in.langs = View::of(nullptr, DType::i64, texts, longest);
    return in;
  }
};

inline constexpr NameRule xlm_name_rules[] = {
    {"embeddings.word", "embeddings"},
    {"embeddings.position", "position_embeddings"},
    {"embeddings.language", "lang_embeddings"},
    {"embeddings.norm", "layer_norm_emb"},
    {"encoder.#.attention.query", "attentions.#.q_lin"},
    {"encoder.#.attention.key", "attentions.#.k_lin"},
    {"encoder.#.attention.value", "attentions.#.v_lin"},
    {"encoder.#.attention.output", "attentions.#.out_lin"},
    {"encoder.#.attention_norm", "layer_norm1.#"},
    {"encoder.#.feed_forward.intermediate", "ffns.#.lin1"},
    {"encoder.#.feed_forward.output", "ffns.#.lin2"},
    {"encoder.#.output_norm", "layer_norm2.#"},
    {"pred_layer.proj.tail.#.narrow", "pred_layer.proj.tail.#.0"},
    {"pred_layer.proj.tail.#.scores", "pred_layer.proj.tail.#.1"},
    {"start_logits", "qa_outputs.start_logits"},
    {"end_logits", "qa_outputs.end_logits"},
    {"answer_class", "qa_outputs.answer_class"},
};
inline constexpr NameTable xlm_names{"transformer", xlm_name_rules, sizeof xlm_name_rules / sizeof *xlm_name_rules};

/// Word, position, language and a second word that stands for the token's type, added, normalised, dropped out.
template <XlmSizes S>
struct XlmEmbeddings {
  Embedding<S.vocabulary, S.hidden> word;
  Embedding<S.positions, S.hidden> position;
  Embedding<S.languages, S.hidden> language;  ///< where there are several
  LayerNorm<S.hidden> norm;
  double dropout_rate = 0;
  bool has_languages = false;

  constexpr XlmEmbeddings() = default;
  constexpr explicit XlmEmbeddings(const XlmConfig& c)
      : word(c.n_words, c.emb_dim, c.pad_index),
        position(c.max_position_embeddings, c.emb_dim, -1,
                 c.sinusoidal_embeddings ? ParamRole::frozen : ParamRole::trained),
        language(c.n_langs, c.emb_dim),
        norm(c.emb_dim, c.layer_norm_eps),
        dropout_rate(c.dropout),
        has_languages(c.has_languages()) {}

  constexpr void visit(auto&& v) {
    v("position", position);
    if (has_languages) v("language", language);
    v("word", word);
    v("norm", norm);
  }

  /// All ids: i32 [rows]; types and languages may be absent. Returns [rows, H].
  constexpr auto operator()(auto& context, const Operand& ids, const Operand& types, const Operand& positions,
                            const Operand& languages) const noexcept {
    auto x = word(context, ids);
    auto p = position(context, positions);
    x = add(std::move(x), p);
    p.reset();
    if (languages.present() && has_languages) {
      auto l = language(context, languages);
      x = add(std::move(x), l);
    }
    if (types.present()) {
      auto t = word(context, types);
      x = add(std::move(x), t);
    }
    x = norm(std::move(x));
    return dropout(std::move(x), dropout_rate);
  }
};

/// XLMModel.
template <XlmSizes S = XlmSizes{}>
struct Xlm : ConfigFit {
  using Config = XlmConfig;
  using Input = XlmInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<dyn, S.hidden>> last_hidden_state;  ///< [rows, H]
    constexpr void visit(auto&& v) const { v("last_hidden_state", last_hidden_state); }
  };
  static constexpr const NameTable& names = xlm_names;
  static constexpr const char* name = "xlm";

  XlmEmbeddings<S> embeddings;
  Stack<EncoderLayer<S.hidden, product(4, S.hidden)>, S.layers> encoder;
  Index pad_index = 2;
  Index languages = 1;
  bool causal = false;
  bool use_lang_emb = true;

  constexpr Xlm() = default;
  /// Sizes from the config; those that are constants must be the same there (complete() tells).
  constexpr explicit Xlm(const XlmConfig& c)
      : embeddings(c), pad_index(c.pad_index), languages(c.n_langs), causal(c.causal), use_lang_emb(c.use_lang_emb) {
    fit("n_words", S.vocabulary, c.n_words);
    fit("emb_dim", S.hidden, c.emb_dim);
    fit("n_layers", S.layers, c.n_layers);
    fit("max_position_embeddings", S.positions, c.max_position_embeddings);
    fit("n_langs", S.languages, c.n_langs);
    complete_ = encoder.resize(c.n_layers);
    for (Index i = 0; i < encoder.size(); ++i) {
      auto& layer = encoder[i];
      layer.attention = {c.emb_dim, c.n_heads, c.attention_dropout};
      layer.attention_norm = {c.emb_dim, c.layer_norm_eps};
      layer.feed_forward = {c.emb_dim, 4 * c.emb_dim, c.gelu_activation ? Activation::gelu : Activation::relu};
      layer.output_norm = {c.emb_dim, c.layer_norm_eps};
      layer.attention_output_dropout = layer.dropout_rate = c.dropout;
    }
    number_params(*this);
  }

  constexpr void visit(auto&& v) {
    v("embeddings", embeddings);
    v("encoder", encoder);
  }
  constexpr Index layers() const noexcept { return encoder.size(); }
  constexpr auto& attention(Index layer) noexcept { return encoder[layer].attention; }
  constexpr const auto& attention(Index layer) const noexcept { return encoder[layer].attention; }
  constexpr auto& word() noexcept { return embeddings.word; }
  constexpr void vocabulary(auto&& f) { f(embeddings.word); }

  /// The sequence output, [rows, H].
  constexpr auto encode(auto& context, const XlmInput& in) const noexcept {
    constexpr double hidden = -std::numeric_limits<double>::infinity();
    const Operand real = in.layout.is_ragged() ? Operand() : real_rows(context, in);
    Sequence sequence = make_sequence(context, in.layout, {}, {causal, Fill::set, hidden}, in.past);
    if (!causal) sequence.keep = real;
    const Operand ids = context.ids(in.input_ids);
    const Operand types = context.ids(in.token_type_ids);
    const Operand positions =
        make_positions(context, in.layout, in.position_ids, static_cast<std::int32_t>(in.past.length));
    const Operand langs = context.ids(in.langs);
    const Operand head_mask = context.numbers(in.head_mask);
    const PastRows past = make_past_rows(context, in.layout, in.past);
    auto x = embeddings(context, ids, types, positions, langs);
    if (real.present()) x = replace_hidden(std::move(x), real, 0);
    tap("hidden_states", x);
    for (Index i = 0; i < encoder.size(); ++i) {
      const LayerContext c{sequence, head_mask_of(head_mask, i), past.layer(i)};
      if (checkpointing)
        x = checkpoint(encoder[i], std::move(x), c);
      else
        x = encoder[i](std::move(x), c);
      if (real.present()) x = replace_hidden(std::move(x), real, 0);
      tap("hidden_states", x);
    }
    return x;
  }
  constexpr auto operator()(auto& context, const XlmInput& in) const noexcept {
    return Output<std::remove_reference_t<decltype(context)>>{encode(context, in)};
  }

  Result<void> validate(const XlmInput& in) const noexcept {
    const Layout& layout = in.layout;
    const Index words = embeddings.word.weight.view.dim[0], longest = layout.longest;
    const Index positions = embeddings.position.weight.view.dim[0];
    TESSERA_TRY(check_layout(name, layout));
    if (!in.input_ids.present()) return Error::format(Code::invalid_argument, "%s: there are no input_ids", name);
    TESSERA_TRY(check_length(name, layout, in.position_ids, positions - in.past.length, "max_position_embeddings"));
    TESSERA_TRY(check_ids(name, "input_ids", in.input_ids, layout, 0, words));
    TESSERA_TRY(check_ids(name, "token_type_ids", in.token_type_ids, layout, 0, words));
    TESSERA_TRY(check_ids(name, "position_ids", in.position_ids, layout, 0, positions));
    if (in.langs.present() && use_lang_emb && languages <= 1)
      return Error::format(Code::invalid_argument, "%s: langs: this model has one language (n_langs 1)", name);
    TESSERA_TRY(check_ids(name, "langs", in.langs, layout, 0, use_lang_emb ? languages : INT32_MAX));
    TESSERA_TRY(check_attention_mask(name, in.attention_mask, layout, longest));
    if (in.lengths.present() && layout.is_ragged())
      return Error::format(Code::invalid_argument, "%s: a ragged batch has no padding, so it takes no lengths", name);
    if (in.attention_mask.present() && causal)
      return Error::format(Code::unsupported, "%s: a causal model takes no attention_mask", name);
    TESSERA_TRY(check_ids(name, "lengths", in.lengths, layout.texts, 0, in.past.length + longest + 1));
    if (in.past.present() && !causal)
      return Error::format(Code::unsupported, "%s: past: only causal models keep keys and values", name);
    TESSERA_TRY(check_past(name, in.past, layout, layers(), [this](Index i) { return attention(i).width(); }));
    return check_head_mask(name, in.head_mask, layers());
  }

  bool checkpointing = false;  ///< trades time for memory in training, layer by layer

 private:
  /// 1 for each row that is a token, 0 for padding: [texts, longest].
  constexpr Operand real_rows(auto& context, const XlmInput& in) const noexcept {
    if (in.attention_mask.present()) return context.numbers(in.attention_mask);
    const Index longest = in.layout.longest, before = in.past.length;
    const auto shape = View::of(nullptr, DType::f32, in.layout.texts, longest);
    return context.make_numbers(shape, [&, length = Index{0}](Index i) mutable {
      const Index text = i / longest;
      if (i % longest == 0) {
        length = before;
        for (Index j = 0; j < longest && !in.lengths.present(); ++j)
          length += detail::element_as<Index>(in.input_ids, text * longest + j) != pad_index ? 1 : 0;
        if (in.lengths.present()) length = detail::element_as<Index>(in.lengths, text);
      }
      return before + i % longest < length ? 1.0 : 0.0;
    });
  }
};

}  // namespace tessera
