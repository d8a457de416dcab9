// DistilBERT: BERT without segments and pooler, hidden keys set to minus infinity.
//
// Source: Sanh et al., "DistilBERT, a distilled version of BERT" (2019). Behaviour and parameter names are those of
// pytorch-transformers 1.2.0.
#pragma once

#include <limits>

#include "tessera/blocks/embedding.hpp"
#include "tessera/blocks/encoder_layer.hpp"
#include "tessera/blocks/stack.hpp"
#include "tessera/heads/head_model.hpp"

namespace tessera::inline TESSERA_ISA {

/// Each size a constant or dyn.
struct DistilBertSizes {
  Index vocabulary = dyn;
  Index hidden = dyn;
  Index layers = dyn;
  Index intermediate = dyn;
  Index positions = dyn;
};

/// config.json, under the reference's names; the defaults are its own.
struct DistilBertConfig {
  Index vocab_size = 30522;
  Index max_position_embeddings = 512;
  bool sinusoidal_pos_embds = true;
  Index n_layers = 6;
  Index n_heads = 12;
  Index dim = 768;
  Index hidden_dim = 3072;
  double dropout = 0.1;
  double attention_dropout = 0.1;
  Activation activation = Activation::gelu;
  double initializer_range = 0.02;
  bool tie_weights = true;  ///< the key is tie_weights_
  double qa_dropout = 0.1;
  double seq_classif_dropout = 0.2;
  Index num_labels = 2;

  static constexpr double layer_norm_eps = 1e-12;  // no key: the reference has it fixed

  constexpr Index vocabulary() const noexcept { return vocab_size; }
  constexpr void set_vocabulary(Index rows) noexcept { vocab_size = rows; }
  constexpr Index layers() const noexcept { return n_layers; }
  constexpr double deviation() const noexcept { return initializer_range; }
  constexpr HeadConfig head() const noexcept {
    HeadConfig h;
    h.width = dim;
    h.vocabulary = vocab_size;
    h.labels = num_labels;
    h.dropout = seq_classif_dropout;
    h.answer_dropout = qa_dropout;
    h.norm_eps = layer_norm_eps;
    h.tied = tie_weights;
    return h;
  }
};

/// One batch, in host memory. Token arrays have a value for each row of the layout, in its order; any integer type.
struct DistilBertInput {
  Layout layout;
  View input_ids;
  View attention_mask;  ///< [texts, longest], 0 = hidden; padded layouts only; absent: all are visible
  View head_mask;       ///< [heads] or [layers, heads]; multiplied to the attention probabilities

  static constexpr DistilBertInput shape(Index texts, Index longest) noexcept {
    DistilBertInput in;
    in.layout = Layout::padded(texts, longest);
    in.input_ids = in.attention_mask = View::of(nullptr, DType::i64, texts, longest);
    return in;
  }
};

inline constexpr NameRule distilbert_name_rules[] = {
    {"embeddings.word", "embeddings.word_embeddings"},
    {"embeddings.position", "embeddings.position_embeddings"},
    {"embeddings.norm", "embeddings.LayerNorm"},
    {"encoder.#.attention.query", "transformer.layer.#.attention.q_lin"},
    {"encoder.#.attention.key", "transformer.layer.#.attention.k_lin"},
    {"encoder.#.attention.value", "transformer.layer.#.attention.v_lin"},
    {"encoder.#.attention.output", "transformer.layer.#.attention.out_lin"},
    {"encoder.#.attention_norm", "transformer.layer.#.sa_layer_norm"},
    {"encoder.#.feed_forward.intermediate", "transformer.layer.#.ffn.lin1"},
    {"encoder.#.feed_forward.output", "transformer.layer.#.ffn.lin2"},
    {"encoder.#.output_norm", "transformer.layer.#.output_layer_norm"},
    {"predictions.dense", "vocab_transform"},
    {"predictions.norm", "vocab_layer_norm"},
    {"predictions.decoder", "vocab_projector"},
};
inline constexpr NameTable distilbert_names{"distilbert", distilbert_name_rules,
                                            sizeof distilbert_name_rules / sizeof *distilbert_name_rules};

/// Word and position, added, normalised, dropped out.
template <DistilBertSizes S>
struct DistilBertEmbeddings {
  Embedding<S.vocabulary, S.hidden> word;
  Embedding<S.positions, S.hidden> position;
  LayerNorm<S.hidden> norm;
  double dropout_rate = 0;

  constexpr DistilBertEmbeddings() = default;
  constexpr explicit DistilBertEmbeddings(const DistilBertConfig& c)
      : word(c.vocab_size, c.dim, 0),
        position(c.max_position_embeddings, c.dim, -1, c.sinusoidal_pos_embds ? ParamRole::frozen : ParamRole::trained),
        norm(c.dim, c.layer_norm_eps),
        dropout_rate(c.dropout) {}

  constexpr void visit(auto&& v) {
    v("word", word);
    v("position", position);
    v("norm", norm);
  }

  /// All ids: i32 [rows]. Returns [rows, H].
  constexpr auto operator()(auto& context, const Operand& ids, const Operand& positions) const noexcept {
    auto x = word(context, ids);
    auto p = position(context, positions);
    x = add(std::move(x), p);
    p.reset();
    x = norm(std::move(x));
    return dropout(std::move(x), dropout_rate);
  }
};

/// DistilBertModel.
template <DistilBertSizes S = DistilBertSizes{}>
struct DistilBert : ConfigFit {
  using Config = DistilBertConfig;
  using Input = DistilBertInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<dyn, S.hidden>> last_hidden_state;  ///< [rows, H]
    constexpr void visit(auto&& v) const { v("last_hidden_state", last_hidden_state); }
  };
  static constexpr const NameTable& names = distilbert_names;
  static constexpr const char* name = "distilbert";

  DistilBertEmbeddings<S> embeddings;
  Stack<EncoderLayer<S.hidden, S.intermediate>, S.layers> encoder;

  constexpr DistilBert() = default;
  /// Sizes from the config; those that are constants must be the same there (complete() tells).
  constexpr explicit DistilBert(const DistilBertConfig& c) : embeddings(c) {
    fit("vocab_size", S.vocabulary, c.vocab_size);
    fit("dim", S.hidden, c.dim);
    fit("n_layers", S.layers, c.n_layers);
    fit("hidden_dim", S.intermediate, c.hidden_dim);
    fit("max_position_embeddings", S.positions, c.max_position_embeddings);
    complete_ = encoder.resize(c.n_layers);
    for (Index i = 0; i < encoder.size(); ++i) {
      auto& layer = encoder[i];
      layer.attention = {c.dim, c.n_heads, c.attention_dropout};
      layer.attention_norm = {c.dim, c.layer_norm_eps};
      layer.feed_forward = {c.dim, c.hidden_dim, c.activation};
      layer.output_norm = {c.dim, c.layer_norm_eps};
      layer.dropout_rate = c.dropout;  // none after the attention
    }
    number_params(*this);
  }

  constexpr void visit(auto&& v) {
    v("embeddings", embeddings);
    v("encoder", encoder);
  }
  constexpr Index layers() const noexcept { return encoder.size(); }
  constexpr auto& attention(Index layer) noexcept { return encoder[layer].attention; }
  constexpr auto& word() noexcept { return embeddings.word; }
  constexpr void vocabulary(auto&& f) { f(embeddings.word); }

  /// The sequence output, [rows, H].
  constexpr auto encode(auto& context, const DistilBertInput& in) const noexcept {
    const Sequence sequence = make_sequence(context, in.layout, in.attention_mask,
                                            {false, Fill::set, -std::numeric_limits<double>::infinity()});
    const Operand ids = context.ids(in.input_ids);
    const Operand positions = make_positions(context, in.layout, {});
    const Operand head_mask = context.numbers(in.head_mask);
    auto x = embeddings(context, ids, positions);
    tap("hidden_states", x);
    return run_stack(encoder, std::move(x), sequence, head_mask, checkpointing);
  }
  constexpr auto operator()(auto& context, const DistilBertInput& in) const noexcept {
    return Output<std::remove_reference_t<decltype(context)>>{encode(context, in)};
  }

  Result<void> validate(const DistilBertInput& in) const noexcept {
    const Layout& layout = in.layout;
    TESSERA_TRY(check_layout(name, layout));
    if (!in.input_ids.present()) return Error::format(Code::invalid_argument, "%s: there are no input_ids", name);
    TESSERA_TRY(check_length(name, layout, {}, embeddings.position.weight.view.dim[0], "max_position_embeddings"));
    TESSERA_TRY(check_ids(name, "input_ids", in.input_ids, layout, 0, embeddings.word.weight.view.dim[0]));
    TESSERA_TRY(check_attention_mask(name, in.attention_mask, layout, layout.longest));
    return check_head_mask(name, in.head_mask, layers());
  }

  bool checkpointing = false;  ///< trades time for memory in training, layer by layer
};

}  // namespace tessera
