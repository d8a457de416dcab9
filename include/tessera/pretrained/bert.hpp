// BERT from a folder and into one: the keys of its config.json.
#pragma once

#include "tessera/models/bert_heads.hpp"
#include "tessera/pretrained/model.hpp"

namespace tessera::inline TESSERA_ISA {

void visit_config(auto& v, BertConfig& c) {
  v.size("vocab_size", c.vocab_size);
  v.size("hidden_size", c.hidden_size);
  v.layers("num_hidden_layers", c.num_hidden_layers);
  v.size("num_attention_heads", c.num_attention_heads);
  v.size("intermediate_size", c.intermediate_size);
  v.choice("hidden_act", c.hidden_act, bert_activations);
  v.rate("hidden_dropout_prob", c.hidden_dropout_prob);
  v.rate("attention_probs_dropout_prob", c.attention_probs_dropout_prob);
  v.size("max_position_embeddings", c.max_position_embeddings);
  v.size("type_vocab_size", c.type_vocab_size);
  v.rate("initializer_range", c.initializer_range, 100);
  v.rate("layer_norm_eps", c.layer_norm_eps);
  v.size("num_labels", c.num_labels);
  v.only("position_embedding_type", "absolute");
  v.only("is_decoder", false);
}

inline Result<void> check_config(const BertConfig& c) {
  return check_heads("hidden_size", c.hidden_size, "num_attention_heads", c.num_attention_heads);
}

}  // namespace tessera
