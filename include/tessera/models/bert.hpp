// BERT: embeddings, a stack of post-norm encoder layers, and a pooler.
//
// Source: Devlin, Chang, Lee, Toutanova, "BERT: Pre-training of Deep Bidirectional Transformers" (2019). Behaviour and
// parameter names are those of pytorch-transformers 1.2.0. `Bert<>` takes its sizes from a config at run time;
// `Bert<BertSizes{...}>` has them as constants.
#pragma once

#include "tessera/blocks/batch.hpp"
#include "tessera/blocks/embedding.hpp"
#include "tessera/blocks/encoder_layer.hpp"
#include "tessera/blocks/pooler.hpp"
#include "tessera/blocks/stack.hpp"
#include "tessera/context/checkpoint.hpp"
#include "tessera/context/tap.hpp"
#include "tessera/heads/head_model.hpp"
#include "tessera/tensor/names.hpp"

namespace tessera::inline TESSERA_ISA {

/// Each size a constant or dyn.
struct BertSizes {
  Index vocabulary = dyn;
  Index hidden = dyn;
  Index layers = dyn;
  Index intermediate = dyn;
  Index positions = dyn;
  Index types = dyn;
};

/// config.json, under the reference's names; the defaults are its own.
struct BertConfig {
  Index vocab_size = 30522;
  Index hidden_size = 768;
  Index num_hidden_layers = 12;
  Index num_attention_heads = 12;
  Index intermediate_size = 3072;
  Activation hidden_act = Activation::gelu;
  double hidden_dropout_prob = 0.1;
  double attention_probs_dropout_prob = 0.1;
  Index max_position_embeddings = 512;
  Index type_vocab_size = 2;
  double initializer_range = 0.02;
  double layer_norm_eps = 1e-12;
  Index num_labels = 2;

  // What every config has, under one name for all architectures.
  constexpr Index vocabulary() const noexcept { return vocab_size; }
  constexpr void set_vocabulary(Index rows) noexcept { vocab_size = rows; }
  constexpr Index layers() const noexcept { return num_hidden_layers; }
  constexpr double deviation() const noexcept { return initializer_range; }  ///< of drawn weights
  constexpr HeadConfig head() const noexcept {
    HeadConfig h;
    h.width = hidden_size;
    h.vocabulary = vocab_size;
    h.labels = num_labels;
    h.dropout = hidden_dropout_prob;
    h.norm_eps = layer_norm_eps;
    h.activation = hidden_act;
    return h;
  }
};

/// One batch, in host memory. Token arrays have a value for each row of the layout, in its order; any integer type.
struct BertInput {
  Layout layout;
  View input_ids;
  View token_type_ids;  ///< absent: zeros
  View position_ids;    ///< absent: 0, 1, ... within each text
  View attention_mask;  ///< [texts, longest], 1 = visible; padded layouts only; absent: all are visible
  View head_mask;       ///< [heads] or [layers, heads]; multiplied to the attention probabilities

  /// The shapes of a padded batch with all arrays of tokens given: what a session reserves for. A head_mask that is not
  /// in the backend's element type and memory needs a few bytes more: add it.
  static constexpr BertInput shape(Index texts, Index longest) noexcept {
    BertInput in;
    in.layout = Layout::padded(texts, longest);
    in.input_ids = in.token_type_ids = in.position_ids = View::of(nullptr, DType::i64, texts, longest);
    in.attention_mask = View::of(nullptr, DType::i64, texts, longest);
    return in;
  }
};

inline constexpr NameRule bert_name_rules[] = {
    {"embeddings.word", "embeddings.word_embeddings"},
    {"embeddings.position", "embeddings.position_embeddings"},
    {"embeddings.type", "embeddings.token_type_embeddings"},
    {"embeddings.norm", "embeddings.LayerNorm"},
    {"encoder.#.attention.query", "encoder.layer.#.attention.self.query"},
    {"encoder.#.attention.key", "encoder.layer.#.attention.self.key"},
    {"encoder.#.attention.value", "encoder.layer.#.attention.self.value"},
    {"encoder.#.attention.output", "encoder.layer.#.attention.output.dense"},
    {"encoder.#.attention_norm", "encoder.layer.#.attention.output.LayerNorm"},
    {"encoder.#.feed_forward.intermediate", "encoder.layer.#.intermediate.dense"},
    {"encoder.#.feed_forward.output", "encoder.layer.#.output.dense"},
    {"encoder.#.output_norm", "encoder.layer.#.output.LayerNorm"},
    {"predictions.dense", "cls.predictions.transform.dense"},
    {"predictions.norm", "cls.predictions.transform.LayerNorm"},
    {"predictions.decoder.bias", "cls.predictions.bias"},
    {"predictions.decoder", "cls.predictions.decoder"},
    {"seq_relationship", "cls.seq_relationship"},
};
inline constexpr NameTable bert_names{"bert", bert_name_rules, sizeof bert_name_rules / sizeof *bert_name_rules};

/// Word, position and segment, added, normalised, dropped out. Devlin et al. (2019), figure 2.
template <BertSizes S>
struct BertEmbeddings {
  Embedding<S.vocabulary, S.hidden> word;
  Embedding<S.positions, S.hidden> position;
  Embedding<S.types, S.hidden> type;
  LayerNorm<S.hidden> norm;
  double dropout_rate = 0;

  constexpr BertEmbeddings() = default;
  constexpr explicit BertEmbeddings(const BertConfig& c)
      : word(c.vocab_size, c.hidden_size, 0),
        position(c.max_position_embeddings, c.hidden_size),
        type(c.type_vocab_size, c.hidden_size),
        norm(c.hidden_size, c.layer_norm_eps),
        dropout_rate(c.hidden_dropout_prob) {}

  constexpr void visit(auto&& v) {
    v("word", word);
    v("position", position);
    v("type", type);
    v("norm", norm);
  }

  /// All ids: i32 [rows]. Returns [rows, H].
  constexpr auto operator()(auto& context, const Operand& ids, const Operand& types,
                            const Operand& positions) const noexcept {
    auto x = word(context, ids);
    auto p = position(context, positions);
    x = add(std::move(x), p);
    p.reset();
    auto t = type(context, types);
    x = add(std::move(x), t);
    t.reset();
    x = norm(std::move(x));
    return dropout(std::move(x), dropout_rate);
  }
};

/// What RoBERTa has otherwise is another policy.
struct BertPolicy {
  using Config = BertConfig;
  static constexpr const char* name = "bert";
  static constexpr const NameTable& names = bert_names;
  static constexpr std::int32_t first_position = 0;
  static constexpr const char* length_key = "max_position_embeddings";
};

/// BertModel.
template <BertSizes S = BertSizes{}, class P = BertPolicy>
struct Bert : ConfigFit {
  using Config = typename P::Config;
  using Input = BertInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<dyn, S.hidden>> last_hidden_state;  ///< [rows, H]
    Tensor<Context, Extents<dyn, S.hidden>> pooler_output;      ///< [texts, H]
    constexpr void visit(auto&& v) const {
      v("last_hidden_state", last_hidden_state);
      v("pooler_output", pooler_output);
    }
  };
  static constexpr const NameTable& names = P::names;
  static constexpr const char* name = P::name;

  BertEmbeddings<S> embeddings;
  Stack<EncoderLayer<S.hidden, S.intermediate>, S.layers> encoder;
  Pooler<S.hidden> pooler;

  constexpr Bert() = default;
  /// Sizes from the config; those that are constants must be the same there (complete() tells).
  constexpr explicit Bert(const Config& c) : embeddings(c), pooler(c.hidden_size) {
    fit("vocab_size", S.vocabulary, c.vocab_size);
    fit("hidden_size", S.hidden, c.hidden_size);
    fit("num_hidden_layers", S.layers, c.num_hidden_layers);
    fit("intermediate_size", S.intermediate, c.intermediate_size);
    fit("max_position_embeddings", S.positions, c.max_position_embeddings);
    fit("type_vocab_size", S.types, c.type_vocab_size);
    complete_ = encoder.resize(c.num_hidden_layers);
    for (Index i = 0; i < encoder.size(); ++i) {
      auto& layer = encoder[i];
      layer.attention = {c.hidden_size, c.num_attention_heads, c.attention_probs_dropout_prob};
      layer.attention_norm = {c.hidden_size, c.layer_norm_eps};
      layer.feed_forward = {c.hidden_size, c.intermediate_size, c.hidden_act};
      layer.output_norm = {c.hidden_size, c.layer_norm_eps};
      layer.attention_output_dropout = layer.dropout_rate = c.hidden_dropout_prob;
    }
    number_params(*this);
  }

  constexpr void visit(auto&& v) {
    v("embeddings", embeddings);
    v("encoder", encoder);
    v("pooler", pooler);
  }

  constexpr Index layers() const noexcept { return encoder.size(); }
  constexpr auto& attention(Index layer) noexcept { return encoder[layer].attention; }
  constexpr auto& word() noexcept { return embeddings.word; }

  /// The params whose first dimension is the vocabulary (resize.hpp).
  constexpr void vocabulary(auto&& f) { f(embeddings.word); }

  /// The sequence output alone, [rows, H]: what every head but the pooled ones reads.
  constexpr auto encode(auto& context, const BertInput& in) const noexcept {
    const Sequence sequence = make_sequence(context, in.layout, in.attention_mask, {false, Fill::add, -10000.0});
    const Operand ids = context.ids(in.input_ids);
    const Operand types = make_ids_or_zeros(context, in.layout, in.token_type_ids);
    const Operand positions = make_positions(context, in.layout, in.position_ids, P::first_position);
    const Operand head_mask = context.numbers(in.head_mask);
    auto x = embeddings(context, ids, types, positions);
    tap("hidden_states", x);
    return run_stack(encoder, std::move(x), sequence, head_mask, checkpointing);
  }
  /// The pooled first token of each text, [texts, H].
  constexpr auto pooled(auto& context, const BertInput& in) const noexcept {
    const Operand first = first_rows(context, in.layout);
    auto x = encode(context, in);
    return pooler(x, first);
  }

  constexpr auto operator()(auto& context, const BertInput& in) const noexcept {
    using Context = std::remove_reference_t<decltype(context)>;
    const Operand first = first_rows(context, in.layout);
    auto x = encode(context, in);
    auto pooled = pooler(x, first);
    return Output<Context>{std::move(x), std::move(pooled)};
  }

  Result<void> validate(const BertInput& in) const noexcept {
    const Layout& layout = in.layout;
    const Index positions = embeddings.position.weight.view.dim[0];
    TESSERA_TRY(check_layout(name, layout));
    if (!in.input_ids.present()) return Error::format(Code::invalid_argument, "%s: there are no input_ids", name);
    TESSERA_TRY(check_length(name, layout, in.position_ids, positions - P::first_position, P::length_key));
    TESSERA_TRY(check_ids(name, "input_ids", in.input_ids, layout, 0, embeddings.word.weight.view.dim[0]));
    TESSERA_TRY(check_ids(name, "token_type_ids", in.token_type_ids, layout, 0, embeddings.type.weight.view.dim[0]));
    TESSERA_TRY(check_ids(name, "position_ids", in.position_ids, layout, 0, positions));
    TESSERA_TRY(check_attention_mask(name, in.attention_mask, layout, layout.longest));
    return check_head_mask(name, in.head_mask, layers());
  }

  bool checkpointing = false;  ///< trades time for memory in training, layer by layer
};
}  // namespace tessera
