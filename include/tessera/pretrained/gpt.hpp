// OpenAI GPT and GPT-2 from a folder and into one: the keys of their config.json.
#pragma once

#include "tessera/models/gpt_heads.hpp"
#include "tessera/pretrained/model.hpp"

namespace tessera::inline TESSERA_ISA {

inline constexpr Choice<Activation> gpt_activations[] = {
    {"gelu", Activation::gelu_tanh}, {"relu", Activation::relu}, {"swish", Activation::swish}};

/// The keys that both have.
template <class Config>
void visit_gpt_config(auto& v, Config& c) {
  v.size("vocab_size", c.vocab_size);
  v.size("n_positions", c.n_positions);
  v.size("n_ctx", c.n_ctx, 1 << 16);
  v.size("n_embd", c.n_embd);
  v.layers("n_layer", c.n_layer);
  v.size("n_head", c.n_head);
  v.rate("resid_pdrop", c.resid_pdrop);
  v.rate("embd_pdrop", c.embd_pdrop);
  v.rate("attn_pdrop", c.attn_pdrop);
  v.rate("layer_norm_epsilon", c.layer_norm_epsilon);
  v.rate("initializer_range", c.initializer_range, 100);
  v.size("num_labels", c.num_labels);
  visit_summary(v, c.summary);
}

void visit_config(auto& v, OpenAIGPTConfig& c) {
  visit_gpt_config(v, c);
  v.choice("afn", c.afn, gpt_activations);
  if (v.has("n_special") || c.n_special > 0) v.integer("n_special", c.n_special, 0, 1 << 28);
}
void visit_config(auto& v, GPT2Config& c) { visit_gpt_config(v, c); }

inline Result<void> check_config(const OpenAIGPTConfig& c) {
  return check_heads("n_embd", c.n_embd, "n_head", c.n_head);
}
inline Result<void> check_config(const GPT2Config& c) { return check_heads("n_embd", c.n_embd, "n_head", c.n_head); }

}  // namespace tessera
