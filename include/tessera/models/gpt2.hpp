// GPT-2: a causal stack of pre-norm layers with a norm at the end, and keys and values kept from call to call.
//
// Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019). Behaviour and parameter names
// are those of pytorch-transformers 1.2.0.
#pragma once

#include "tessera/models/gpt.hpp"

namespace tessera::inline TESSERA_ISA {

/// config.json, under the reference's names; the defaults are its own.
struct GPT2Config {
  Index vocab_size = 50257;
  Index n_positions = 1024;
  Index n_ctx = 1024;
  Index n_embd = 768;
  Index n_layer = 12;
  Index n_head = 12;
  double resid_pdrop = 0.1;
  double embd_pdrop = 0.1;
  double attn_pdrop = 0.1;
  double layer_norm_epsilon = 1e-5;
  double initializer_range = 0.02;
  Index num_labels = 1;
  SummaryConfig summary{SummaryType::cls_index, true, true, false, 0.1, 0};

  constexpr Index vocabulary() const noexcept { return vocab_size; }
  constexpr void set_vocabulary(Index rows) noexcept { vocab_size = rows; }
  constexpr Index layers() const noexcept { return n_layer; }
  constexpr double deviation() const noexcept { return initializer_range; }
  constexpr HeadConfig head() const noexcept {
    HeadConfig head;
    head.width = n_embd;
    head.vocabulary = vocab_size;
    head.labels = num_labels;
    head.summary = summary;
    return head;
  }
};

inline constexpr NameRule gpt2_name_rules[] = {
    {"embeddings.word", "wte"},
    {"embeddings.position", "wpe"},
    {"h.#.attention_norm", "h.#.ln_1"},
    {"h.#.attention", "h.#.attn"},
    {"h.#.feed_forward_norm", "h.#.ln_2"},
    {"h.#.feed_forward.intermediate", "h.#.mlp.c_fc"},
    {"h.#.feed_forward.output", "h.#.mlp.c_proj"},
};
inline constexpr NameTable gpt2_names{"transformer",
                                      gpt2_name_rules,
                                      sizeof gpt2_name_rules / sizeof *gpt2_name_rules,
                                      gpt_old_names,
                                      sizeof gpt_old_names / sizeof *gpt_old_names,
                                      "h.#.attn.bias"};

/// GPT2Model.
template <GptSizes S = GptSizes{}>
struct GPT2 : ConfigFit {
  using Config = GPT2Config;
  using Input = GptInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<dyn, S.hidden>> last_hidden_state;  ///< [rows, H]
    constexpr void visit(auto&& v) const { v("last_hidden_state", last_hidden_state); }
  };
  using Layer = PreNormLayer<S.hidden, product(4, S.hidden), FusedSelfAttention<S.hidden>,
                             FeedForward<S.hidden, product(4, S.hidden), Conv1D>>;
  static constexpr const NameTable& names = gpt2_names;
  static constexpr const char* name = "gpt2";

  GptEmbeddings<S> embeddings;
  Stack<Layer, S.layers> h;
  LayerNorm<S.hidden> ln_f;

  constexpr GPT2() = default;
  /// Sizes from the config; those that are constants must be the same there (complete() tells).
  constexpr explicit GPT2(const GPT2Config& c)
      : embeddings(c.vocab_size, c.n_positions, c.n_embd, c.embd_pdrop),
        ln_f(c.n_embd, c.layer_norm_epsilon),
        context_size_(c.n_ctx) {
    fit("vocab_size", S.vocabulary, c.vocab_size);
    fit("n_embd", S.hidden, c.n_embd);
    fit("n_layer", S.layers, c.n_layer);
    fit("n_positions", S.positions, c.n_positions);
    complete_ = h.resize(c.n_layer);
    for (Index i = 0; i < h.size(); ++i) {
      auto& layer = h[i];
      layer.attention_norm = {c.n_embd, c.layer_norm_epsilon};
      layer.attention = {c.n_embd, c.n_head, c.attn_pdrop};
      layer.feed_forward_norm = {c.n_embd, c.layer_norm_epsilon};
      layer.feed_forward = {c.n_embd, 4 * c.n_embd, Activation::gelu_tanh};
      layer.attention_output_dropout = layer.dropout_rate = c.resid_pdrop;
    }
    number_params(*this);
  }

  constexpr void visit(auto&& v) {
    v("embeddings", embeddings);
    v("h", h);
    v("ln_f", ln_f);
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
        make_sequence(context, in.layout, in.attention_mask, {true, Fill::replace, -1e4}, in.past);
    const Operand ids = context.ids(in.input_ids);
    const Operand types = context.ids(in.token_type_ids);
    const Operand positions =
        make_positions(context, in.layout, in.position_ids, static_cast<std::int32_t>(in.past.length));
    const Operand head_mask = context.numbers(in.head_mask);
    const PastRows past = make_past_rows(context, in.layout, in.past);
    auto x = embeddings(context, ids, types, positions);
    tap("hidden_states", x);
    x = run_stack(h, std::move(x), sequence, head_mask, checkpointing, past, false);
    x = ln_f(std::move(x));
    tap("hidden_states", x);
    return x;
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
