// DistilBERT from a folder and into one: the keys of its config.json.
#pragma once

#include "tessera/models/distilbert_heads.hpp"
#include "tessera/pretrained/model.hpp"

namespace tessera::inline TESSERA_ISA {

inline constexpr Choice<Activation> distilbert_activations[] = {{"gelu", Activation::gelu}, {"relu", Activation::relu}};

void visit_config(auto& v, DistilBertConfig& c) {
  v.size("vocab_size", c.vocab_size);
  v.size("max_position_embeddings", c.max_position_embeddings);
  v.flag("sinusoidal_pos_embds", c.sinusoidal_pos_embds);
  v.layers("n_layers", c.n_layers);
  v.size("n_heads", c.n_heads);
  v.size("dim", c.dim);
  v.size("hidden_dim", c.hidden_dim);
  v.rate("dropout", c.dropout);
  v.rate("attention_dropout", c.attention_dropout);
  v.choice("activation", c.activation, distilbert_activations);
  v.rate("initializer_range", c.initializer_range, 100);
  v.flag("tie_weights_", c.tie_weights);
  v.rate("qa_dropout", c.qa_dropout);
  v.rate("seq_classif_dropout", c.seq_classif_dropout);
  v.size("num_labels", c.num_labels);
}

inline Result<void> check_config(const DistilBertConfig& c) { return check_heads("dim", c.dim, "n_heads", c.n_heads); }

}  // namespace tessera
