// RoBERTa: BERT whose positions begin behind the padding index, with heads of its own.
//
// Source: Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach" (2019). Behaviour and parameter names
// are those of pytorch-transformers 1.2.0: every token, padding too, has the position of its place + 2.
#pragma once

#include "tessera/models/bert.hpp"

namespace tessera::inline TESSERA_ISA {

/// config.json: the keys of BERT.
struct RobertaConfig : BertConfig {
  constexpr HeadConfig head() const noexcept {
    HeadConfig h = BertConfig::head();
    h.activation = Activation::gelu;  // the language model's, whatever hidden_act says
    return h;
  }
};

inline constexpr NameRule roberta_name_rules[] = {
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
    {"predictions.dense", "lm_head.dense"},
    {"predictions.norm", "lm_head.layer_norm"},
    {"predictions.decoder.bias", "lm_head.bias"},
    {"predictions.decoder", "lm_head.decoder"},
};
inline constexpr NameTable roberta_names{"roberta", roberta_name_rules,
                                         sizeof roberta_name_rules / sizeof *roberta_name_rules};

struct RobertaPolicy {
  using Config = RobertaConfig;
  static constexpr const char* name = "roberta";
  static constexpr const NameTable& names = roberta_names;
  static constexpr std::int32_t first_position = 2;
  static constexpr const char* length_key = "max_position_embeddings - 2";
};

/// RobertaModel.
template <BertSizes S = BertSizes{}>
using Roberta = Bert<S, RobertaPolicy>;

}  // namespace tessera
