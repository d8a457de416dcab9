// The names that the original releases gave to weights, and those of the reference: tables, one an architecture.
//
// In a pattern "#" stands for a number and "*" for any part without a slash; both are put into the new name in their
// order. What is done to the numbers beside the renaming is said by Change. How the tables are applied is the business
// of convert_original.hpp. Source: the variable scopes of google-research/bert, openai/gpt-2,
// openai/finetune-transformer-lm, kimiyoung/transformer-xl and zihangdai/xlnet; pytorch-transformers 1.2.0.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA::io {

enum class Change : std::uint8_t {
  none,
  transpose,  ///< of a matrix
  squeeze,    ///< a leading dimension of 1 goes: kernels of convolutions of width 1
  unstack,    ///< the first dimension is that of layers; "#" of the new name is its number
};

struct NameRule {
  std::string_view original;
  std::string_view name;
  Change change = Change::none;
};

/// A tensor that the reference saves under a second name; with a head, only where that tensor of the head is there.
struct TiedName {
  std::string_view name;
  std::string_view original;
  std::string_view with = {};
};

/// A model class of the reference: the architecture, and which tensors it has beside those of its base model.
struct ModelClassNames {
  std::string_view name;
  std::string_view architecture;
  std::string_view heads;  ///< prefixes, with spaces between; "a=b": those with prefix a are called b
};

namespace names {

inline constexpr NameRule bert[] = {
    {"bert/embeddings/LayerNorm/gamma", "bert.embeddings.LayerNorm.weight"},
    {"bert/embeddings/LayerNorm/beta", "bert.embeddings.LayerNorm.bias"},
    {"bert/embeddings/*", "bert.embeddings.*.weight"},
    {"bert/encoder/layer_#/attention/self/*/kernel", "bert.encoder.layer.#.attention.self.*.weight", Change::transpose},
    {"bert/encoder/layer_#/attention/self/*/bias", "bert.encoder.layer.#.attention.self.*.bias"},
    {"bert/encoder/layer_#/attention/output/dense/kernel", "bert.encoder.layer.#.attention.output.dense.weight",
     Change::transpose},
    {"bert/encoder/layer_#/attention/output/dense/bias", "bert.encoder.layer.#.attention.output.dense.bias"},
    {"bert/encoder/layer_#/attention/output/LayerNorm/gamma", "bert.encoder.layer.#.attention.output.LayerNorm.weight"},
    {"bert/encoder/layer_#/attention/output/LayerNorm/beta", "bert.encoder.layer.#.attention.output.LayerNorm.bias"},
    {"bert/encoder/layer_#/intermediate/dense/kernel", "bert.encoder.layer.#.intermediate.dense.weight",
     Change::transpose},
    {"bert/encoder/layer_#/intermediate/dense/bias", "bert.encoder.layer.#.intermediate.dense.bias"},
    {"bert/encoder/layer_#/output/dense/kernel", "bert.encoder.layer.#.output.dense.weight", Change::transpose},
    {"bert/encoder/layer_#/output/dense/bias", "bert.encoder.layer.#.output.dense.bias"},
    {"bert/encoder/layer_#/output/LayerNorm/gamma", "bert.encoder.layer.#.output.LayerNorm.weight"},
    {"bert/encoder/layer_#/output/LayerNorm/beta", "bert.encoder.layer.#.output.LayerNorm.bias"},
    {"bert/pooler/dense/kernel", "bert.pooler.dense.weight", Change::transpose},
    {"bert/pooler/dense/bias", "bert.pooler.dense.bias"},
    {"cls/predictions/output_bias", "cls.predictions.bias"},
    {"cls/predictions/transform/dense/kernel", "cls.predictions.transform.dense.weight", Change::transpose},
    {"cls/predictions/transform/dense/bias", "cls.predictions.transform.dense.bias"},
    {"cls/predictions/transform/LayerNorm/gamma", "cls.predictions.transform.LayerNorm.weight"},
    {"cls/predictions/transform/LayerNorm/beta", "cls.predictions.transform.LayerNorm.bias"},
    {"cls/seq_relationship/output_weights", "cls.seq_relationship.weight"},
    {"cls/seq_relationship/output_bias", "cls.seq_relationship.bias"},
    {"cls/squad/output_weights", "classifier.weight"},
    {"cls/squad/output_bias", "classifier.bias"},
    {"output_weights", "classifier.weight"},
    {"output_bias", "classifier.bias"},
};
inline constexpr TiedName bert_tied[] = {
    {"cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight", "cls.predictions.bias"},
};

/// GPT-2 and GPT, whose layers are alike.
inline constexpr NameRule gpt[] = {
    {"model/we/positions", "transformer.positions_embed.weight"},
    {"model/we/tokens", "transformer.tokens_embed.weight"},
    {"model/wpe", "transformer.wpe.weight"},
    {"model/wte", "transformer.wte.weight"},
    {"model/h#/*/g", "transformer.h.#.*.weight"},
    {"model/h#/*/b", "transformer.h.#.*.bias"},
    {"model/h#/*/*/w", "transformer.h.#.*.*.weight", Change::squeeze},
    {"model/h#/*/*/b", "transformer.h.#.*.*.bias"},
    {"model/ln_f/g", "transformer.ln_f.weight"},
    {"model/ln_f/b", "transformer.ln_f.bias"},
};
inline constexpr TiedName gpt2_tied[] = {{"lm_head.weight", "transformer.wte.weight"}};
inline constexpr TiedName openai_gpt_tied[] = {{"lm_head.weight", "transformer.tokens_embed.weight"}};

inline constexpr NameRule transfo_xl[] = {
    {"transformer/adaptive_softmax/cutoff_0/cluster_W", "crit.cluster_weight"},
    {"transformer/adaptive_softmax/cutoff_0/cluster_b", "crit.cluster_bias"},
    {"transformer/adaptive_softmax/cutoff_#/b", "crit.out_layers.#.bias"},
    {"transformer/adaptive_softmax/cutoff_#/proj", "crit.out_projs.#", Change::transpose},
    {"transformer/adaptive_embed/cutoff_#/lookup_table", "transformer.word_emb.emb_layers.#.weight"},
    {"transformer/adaptive_embed/cutoff_#/proj_W", "transformer.word_emb.emb_projs.#", Change::transpose},
    {"transformer/layer_#/rel_attn/LayerNorm/gamma", "transformer.layers.#.dec_attn.layer_norm.weight"},
    {"transformer/layer_#/rel_attn/LayerNorm/beta", "transformer.layers.#.dec_attn.layer_norm.bias"},
    {"transformer/layer_#/rel_attn/*/kernel", "transformer.layers.#.dec_attn.*_net.weight", Change::transpose},
    {"transformer/layer_#/ff/LayerNorm/gamma", "transformer.layers.#.pos_ff.layer_norm.weight"},
    {"transformer/layer_#/ff/LayerNorm/beta", "transformer.layers.#.pos_ff.layer_norm.bias"},
    {"transformer/layer_#/ff/layer_1/kernel", "transformer.layers.#.pos_ff.CoreNet.0.weight", Change::transpose},
    {"transformer/layer_#/ff/layer_1/bias", "transformer.layers.#.pos_ff.CoreNet.0.bias"},
    {"transformer/layer_#/ff/layer_2/kernel", "transformer.layers.#.pos_ff.CoreNet.3.weight", Change::transpose},
    {"transformer/layer_#/ff/layer_2/bias", "transformer.layers.#.pos_ff.CoreNet.3.bias"},
    {"transformer/r_r_bias", "transformer.layers.#.dec_attn.r_r_bias", Change::unstack},
    {"transformer/r_w_bias", "transformer.layers.#.dec_attn.r_w_bias", Change::unstack},
};

inline constexpr NameRule xlnet[] = {
    {"model/lm_loss/bias", "lm_loss.bias"},
    {"model/lm_loss/weight", "lm_loss.weight"},
    {"model/sequnece_summary/summary/kernel", "sequence_summary.summary.weight", Change::transpose},
    {"model/sequnece_summary/summary/bias", "sequence_summary.summary.bias"},
    {"model/*/logit/kernel", "logits_proj.weight", Change::transpose},
    {"model/*/logit/bias", "logits_proj.bias"},
    {"model/transformer/word_embedding/lookup_table", "transformer.word_embedding.weight"},
    {"model/transformer/mask_emb/mask_emb", "transformer.mask_emb"},
    {"model/transformer/layer_#/rel_attn/LayerNorm/gamma", "transformer.layer.#.rel_attn.layer_norm.weight"},
    {"model/transformer/layer_#/rel_attn/LayerNorm/beta", "transformer.layer.#.rel_attn.layer_norm.bias"},
    {"model/transformer/layer_#/rel_attn/*/kernel", "transformer.layer.#.rel_attn.*"},
    {"model/transformer/layer_#/ff/LayerNorm/gamma", "transformer.layer.#.ff.layer_norm.weight"},
    {"model/transformer/layer_#/ff/LayerNorm/beta", "transformer.layer.#.ff.layer_norm.bias"},
    {"model/transformer/layer_#/ff/*/kernel", "transformer.layer.#.ff.*.weight", Change::transpose},
    {"model/transformer/layer_#/ff/*/bias", "transformer.layer.#.ff.*.bias"},
    {"model/transformer/r_r_bias", "transformer.layer.#.rel_attn.r_r_bias", Change::unstack},
    {"model/transformer/r_w_bias", "transformer.layer.#.rel_attn.r_w_bias", Change::unstack},
    {"model/transformer/r_s_bias", "transformer.layer.#.rel_attn.r_s_bias", Change::unstack},
    {"model/transformer/seg_embed", "transformer.layer.#.rel_attn.seg_embed", Change::unstack},
};
inline constexpr TiedName xlnet_tied[] = {{"lm_loss.weight", "transformer.word_embedding.weight", "lm_loss.bias"}};

}  // namespace names

/// An architecture: what the names of its base model begin with, its table of original names (empty where the original
/// release was PyTorch's), and its tied names.
struct OriginalNames {
  std::string_view architecture;
  std::string_view base;
  std::string_view word;  ///< the reference's name of the word embedding, behind the base's: each checkpoint has it
  std::span<const NameRule> rules;
  std::span<const TiedName> tied;
};

inline constexpr OriginalNames original_names[] = {
    {"bert", "bert.", "embeddings.word_embeddings.weight", names::bert, names::bert_tied},
    {"gpt2", "transformer.", "wte.weight", names::gpt, names::gpt2_tied},
    {"openai-gpt", "transformer.", "tokens_embed.weight", names::gpt, names::openai_gpt_tied},
    {"transfo-xl", "transformer.", "word_emb.emb_layers.0.weight", names::transfo_xl, {}},
    {"xlnet", "transformer.", "word_embedding.weight", names::xlnet, names::xlnet_tied},
    {"xlm", "transformer.", "embeddings.weight", {}, {}},
    {"roberta", "roberta.", "embeddings.word_embeddings.weight", {}, {}},
    {"distilbert", "distilbert.", "embeddings.word_embeddings.weight", {}, {}},
};

inline constexpr ModelClassNames model_class_names[] = {
    {"BertModel", "bert", ""},
    {"BertForPreTraining", "bert", "cls."},
    {"BertForMaskedLM", "bert", "cls.predictions."},
    {"BertForNextSentencePrediction", "bert", "cls.seq_relationship."},
    {"BertForSequenceClassification", "bert", "classifier."},
    {"BertForMultipleChoice", "bert", "classifier."},
    {"BertForTokenClassification", "bert", "classifier."},
    {"BertForQuestionAnswering", "bert", "classifier.=qa_outputs. qa_outputs."},
    {"GPT2Model", "gpt2", ""},
    {"GPT2LMHeadModel", "gpt2", "lm_head."},
    {"GPT2DoubleHeadsModel", "gpt2", "lm_head. multiple_choice_head."},
    {"OpenAIGPTModel", "openai-gpt", ""},
    {"OpenAIGPTLMHeadModel", "openai-gpt", "lm_head."},
    {"OpenAIGPTDoubleHeadsModel", "openai-gpt", "lm_head. multiple_choice_head."},
    {"TransfoXLModel", "transfo-xl", ""},
    {"TransfoXLLMHeadModel", "transfo-xl", "crit."},
    {"XLNetModel", "xlnet", ""},
    {"XLNetLMHeadModel", "xlnet", "lm_loss."},
    {"XLNetForSequenceClassification", "xlnet", "sequence_summary. logits_proj."},
    {"XLNetForQuestionAnswering", "xlnet", "start_logits. end_logits. answer_class."},
    {"XLMModel", "xlm", ""},
    {"XLMWithLMHeadModel", "xlm", "pred_layer."},
    {"XLMForSequenceClassification", "xlm", "sequence_summary."},
    {"XLMForQuestionAnswering", "xlm", "qa_outputs."},
    {"RobertaModel", "roberta", ""},
    {"RobertaForMaskedLM", "roberta", "lm_head."},
    {"RobertaForSequenceClassification", "roberta", "classifier."},
    {"DistilBertModel", "distilbert", ""},
    {"DistilBertForMaskedLM", "distilbert", "vocab_"},
    {"DistilBertForSequenceClassification", "distilbert", "pre_classifier. classifier."},
    {"DistilBertForQuestionAnswering", "distilbert", "qa_outputs."},
};

/// Variables of training that no model has: slots of optimizers, and counters.
inline bool is_training_variable(std::string_view name) noexcept {
  for (const std::string_view end : {"/adam_m", "/adam_v", "/Adam", "/Adam_1", "/lamb_m", "/lamb_v"}) {
    if (name.ends_with(end)) return true;
  }
  return name == "global_step" || name == "beta1_power" || name == "beta2_power" || name == "good_steps" ||
         name == "loss_scale";
}

}  // namespace tessera::io
