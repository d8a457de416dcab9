// OpenAI GPT: a causal stack of post-norm layers over words and learned positions.
//
// Source: Radford et al., "Improving Language Understanding by Generative Pre-Training" (2018). Behaviour and parameter
// names are those of pytorch-transformers 1.2.0, the special tokens (n_special rows after the vocabulary) those of
// pytorch-pretrained-bert 0.6.2.
#pragma once

#include "tessera/blocks/embedding.hpp"
#include "tessera/blocks/encoder_layer.hpp"
#include "tessera/blocks/stack.hpp"
#include "tessera/heads/head_model.hpp"

namespace tessera::inline TESSERA_ISA {

/// Each size a constant or dyn.
struct GptSizes {
  Index vocabulary = dyn;  ///< with the special tokens
  Index hidden = dyn;
  Index layers = dyn;
  Index positions = dyn;
};

/// config.json, under the reference's names; the defaults are its own.
struct OpenAIGPTConfig {
  Index vocab_size = 40478;
  Index n_special = 0;  ///< rows of special tokens after the vocabulary
  Index n_positions = 512;
  Index n_ctx = 512;
  Index n_embd = 768;
  Index n_layer = 12;
  Index n_head = 12;
  Activation afn = Activation::gelu_tanh;
  double resid_pdrop = 0.1;
  double embd_pdrop = 0.1;
  double attn_pdrop = 0.1;
  double layer_norm_epsilon = 1e-5;
  double initializer_range = 0.02;
  Index num_labels = 1;
  SummaryConfig summary{SummaryType::cls_index, true, true, false, 0.1, 0};

  constexpr Index vocabulary() const noexcept { return vocab_size + n_special; }
  constexpr void set_vocabulary(Index rows) noexcept {
    vocab_size = rows;
    n_special = 0;
  }
  constexpr Index layers() const noexcept { return n_layer; }
  constexpr double deviation() const noexcept { return initializer_range; }
  constexpr HeadConfig head() const noexcept {
    HeadConfig h;
    h.width = n_embd;
    h.vocabulary = vocabulary();
    h.labels = num_labels;
    h.summary = summary;
    return h;
  }
};

/// One batch, in host memory. Token arrays have a value for each row of the layout, in its order; any integer type.
/// `past` takes the keys and values of its tokens, and gives those of earlier calls (KeyValueCache).
struct GptInput {
  Layout layout;
  View input_ids;
  View token_type_ids;  ///< ids of words that are added to those of input_ids; absent: none
  View position_ids;    ///< absent: counted within each text, from the end of its past
  View head_mask;       ///< [heads] or [layers, heads]; multiplied to the attention probabilities
  Past past;
  View attention_mask;  ///< [texts, past and longest], 0: a key that is hidden (a hole in the past); absent: none

  static constexpr GptInput shape(Index texts, Index longest) noexcept {
    GptInput in;
    in.layout = Layout::padded(texts, longest);
    in.input_ids = in.token_type_ids = in.position_ids = View::of(nullptr, DType::i64, texts, longest);
    return in;
  }
};

inline constexpr NameRule gpt_name_rules[] = {
    {"embeddings.word", "tokens_embed"},
    {"embeddings.position", "positions_embed"},
    {"h.#.attention", "h.#.attn"},
    {"h.#.attention_norm", "h.#.ln_1"},
    {"h.#.feed_forward.intermediate", "h.#.mlp.c_fc"},
    {"h.#.feed_forward.output", "h.#.mlp.c_proj"},
    {"h.#.output_norm", "h.#.ln_2"},
};
/// Names of pytorch-pretrained-bert.
inline constexpr NameRule gpt_old_names[] = {
    {"lm_head.decoder.weight", "lm_head.weight"},
    {"multiple_choice_head.linear.weight", "multiple_choice_head.summary.weight"},
    {"multiple_choice_head.linear.bias", "multiple_choice_head.summary.bias"},
};
inline constexpr NameTable gpt_names{"transformer",
                                     gpt_name_rules,
                                     sizeof gpt_name_rules / sizeof *gpt_name_rules,
                                     gpt_old_names,
                                     sizeof gpt_old_names / sizeof *gpt_old_names,
                                     "h.#.attn.bias"};

/// Word and position, and a second word that stands for the token's type, added and dropped out.
template <GptSizes S>
struct GptEmbeddings {
  Embedding<S.vocabulary, S.hidden> word;
  Embedding<S.positions, S.hidden> position;
  double dropout_rate = 0;

  constexpr GptEmbeddings() = default;
  constexpr GptEmbeddings(Index vocabulary, Index positions, Index width, double dropout)
      : word(vocabulary, width), position(positions, width), dropout_rate(dropout) {}

  constexpr void visit(auto&& v) {
    v("word", word);
    v("position", position);
  }

  /// All ids: i32 [rows]; types may be absent. Returns [rows, H].
  constexpr auto operator()(auto& context, const Operand& ids, const Operand& types,
                            const Operand& positions) const noexcept {
    auto x = word(context, ids);
    auto p = position(context, positions);
    x = add(std::move(x), p);
    p.reset();
    if (types.present()) {
      auto t = word(context, types);
      x = add(std::move(x), t);
    }
    return dropout(std::move(x), dropout_rate);
  }
};

/// What GPT and GPT-2 check alike.
template <class Model>
Result<void> check_gpt_input(const Model& model, const GptInput& in) noexcept {
  constexpr const char* name = Model::name;
  const Index past = in.past.length;
  const Layout& layout = in.layout;
  const Index words = model.embeddings.word.weight.view.dim[0];
  const Index positions = model.embeddings.position.weight.view.dim[0];
  const Index longest = layout.longest + past;
  TESSERA_TRY(check_layout(name, layout));
  if (!in.input_ids.present()) return Error::format(Code::invalid_argument, "%s: there are no input_ids", name);
  if (longest > model.context_size())
    return Error::format(Code::out_of_range, "%s: the longest text has %lld tokens, n_ctx is %lld", name,
                         static_cast<long long>(longest), static_cast<long long>(model.context_size()));
  if (longest > positions && !in.position_ids.present())
    return Error::format(Code::out_of_range, "%s: the longest text has %lld tokens, n_positions is %lld", name,
                         static_cast<long long>(longest), static_cast<long long>(positions));
  TESSERA_TRY(check_ids(name, "input_ids", in.input_ids, layout, 0, words));
  TESSERA_TRY(check_ids(name, "token_type_ids", in.token_type_ids, layout, 0, words));
  TESSERA_TRY(check_ids(name, "position_ids", in.position_ids, layout, 0, positions));
  TESSERA_TRY(check_past(name, in.past, layout, model.layers(), [&](Index i) { return model.attention(i).width(); }));
  TESSERA_TRY(check_attention_mask(name, in.attention_mask, layout, past + layout.longest));
  return check_head_mask(name, in.head_mask, model.layers());
}

/// OpenAIGPTModel.
template <GptSizes S = GptSizes{}>
struct OpenAIGPT : ConfigFit {
  using Config = OpenAIGPTConfig;
  using Input = GptInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<dyn, S.hidden>> last_hidden_state;  ///< [rows, H]
    constexpr void visit(auto&& v) const { v("last_hidden_state", last_hidden_state); }
  };
  using Layer = EncoderLayer<S.hidden, product(4, S.hidden), FusedSelfAttention<S.hidden>,
                             FeedForward<S.hidden, product(4, S.hidden), Conv1D>>;
  static constexpr const NameTable& names = gpt_names;
  static constexpr const char* name = "openai-gpt";

  GptEmbeddings<S> embeddings;
  Stack<Layer, S.layers> h;

  constexpr OpenAIGPT() = default;
  /// Sizes from the config; those that are constants must be the same there (complete() tells).
  constexpr explicit OpenAIGPT(const OpenAIGPTConfig& c)
      : embeddings(c.vocabulary(), c.n_positions, c.n_embd, c.embd_pdrop), context_size_(c.n_ctx) {
    fit("vocab_size", S.vocabulary, c.vocabulary());
    fit("n_embd", S.hidden, c.n_embd);
    fit("n_layer", S.layers, c.n_layer);
    fit("n_positions", S.positions, c.n_positions);
    complete_ = h.resize(c.n_layer);
    for (Index i = 0; i < h.size(); ++i) {
      auto& layer = h[i];
      layer.attention = {c.n_embd, c.n_head, c.attn_pdrop};
      layer.attention_norm = {c.n_embd, c.layer_norm_epsilon};
      layer.feed_forward = {c.n_embd, 4 * c.n_embd, c.afn};
      layer.output_norm = {c.n_embd, c.layer_norm_epsilon};
      layer.attention_output_dropout = layer.dropout_rate = c.resid_pdrop;
    }
    number_params(*this);
  }

  constexpr void visit(auto&& v) {
    v("embeddings", embeddings);
    v("h", h);
  }
  constexpr Index layers() const noexcept { return h.size(); }
  constexpr Index context_size() const noexcept { return context_size_; }
  constexpr auto& attention(Index layer) noexcept { return h[layer].attention; }
  constexpr const auto& attention(Index layer) const noexcept { return h[layer].attention; }
  constexpr auto& word() noexcept { return embeddings.word; }
  constexpr void vocabulary(auto&& f) { f(embeddings.word); }

  /// The sequence output, [rows, H].
  constexpr auto encode(auto& context, const GptInput& in) const noexcept {
    const Sequence sequence =
        make_sequence(context, in.layout, in.attention_mask, {true, Fill::replace, -1e9}, in.past);
    const Operand ids = context.ids(in.input_ids);
    const Operand types = context.ids(in.token_type_ids);
    const Operand positions =
        make_positions(context, in.layout, in.position_ids, static_cast<std::int32_t>(in.past.length));
    const Operand head_mask = context.numbers(in.head_mask);
    const PastRows past = make_past_rows(context, in.layout, in.past);
    auto x = embeddings(context, ids, types, positions);
    tap("hidden_states", x);
    return run_stack(h, std::move(x), sequence, head_mask, checkpointing, past);
  }
  constexpr auto operator()(auto& context, const GptInput& in) const noexcept {
    return Output<std::remove_reference_t<decltype(context)>>{encode(context, in)};
  }
  Result<void> validate(const GptInput& in) const noexcept { return check_gpt_input(*this, in); }

  bool checkpointing = false;  ///< trades time for memory in training, layer by layer

 private:
  Index context_size_ = 0;
};

}  // namespace tessera
