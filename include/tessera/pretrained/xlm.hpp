// XLM from a folder and into one: the keys of its config.json.
#pragma once

#include "tessera/models/xlm_heads.hpp"
#include "tessera/pretrained/model.hpp"

namespace tessera::inline TESSERA_ISA {

void visit_config(auto& v, XlmConfig& c) {
  // Later releases of the reference call it vocab_size.
  v.size(!v.has("n_words") && v.has("vocab_size") ? "vocab_size" : "n_words", c.n_words);
  v.size("emb_dim", c.emb_dim, 1 << 20);
  v.layers("n_layers", c.n_layers);
  v.size("n_heads", c.n_heads);
  v.rate("dropout", c.dropout);
  v.rate("attention_dropout", c.attention_dropout);
  v.flag("gelu_activation", c.gelu_activation);
  v.flag("sinusoidal_embeddings", c.sinusoidal_embeddings);
  v.flag("causal", c.causal);
  v.only("is_encoder", true);
  v.flag("asm", c.asm_softmax);
  if (v.has("asm_cutoffs") || c.asm_softmax) {
    v.integers("asm_cutoffs", c.asm_cutoffs, c.asm_cutoff_count, Cutoffs::most - 1, 1, 1 << 28);
    v.rate("asm_div_value", c.asm_div_value, 1 << 20);
  }
  v.size("n_langs", c.n_langs);
  v.flag("use_lang_emb", c.use_lang_emb);
  v.rate("layer_norm_eps", c.layer_norm_eps);
  v.integer("pad_index", c.pad_index, 0, 1 << 28);
  v.size("max_position_embeddings", c.max_position_embeddings);
  v.rate("embed_init_std", c.embed_init_std, 100);
  v.rate("init_std", c.init_std, 100);
  v.size("num_labels", c.num_labels);
  visit_summary(v, c.summary);
  v.size("start_n_top", c.start_n_top);
  v.size("end_n_top", c.end_n_top);
}

inline Result<void> check_config(const XlmConfig& c) {
  TESSERA_TRY(check_heads("emb_dim", c.emb_dim, "n_heads", c.n_heads));
  if (c.pad_index >= c.n_words)
    return Error::format(Code::out_of_range, "config: pad_index: expected less than n_words %lld, found %lld",
                         static_cast<long long>(c.n_words), static_cast<long long>(c.pad_index));
  if (!c.asm_softmax) return {};
  if (!(c.asm_div_value >= 1))
    return Error::format(Code::out_of_range, "config: asm_div_value: expected at least 1, found %g", c.asm_div_value);
  if (c.asm_cutoff_count == 0) return Error::format(Code::not_found, "config: asm needs asm_cutoffs");
  return check_cutoffs("asm_cutoffs", c.asm_cutoffs, c.asm_cutoff_count, c.n_words);
}

/// Tables have a deviation of their own.
inline Initial initial(const XlmConfig& c, std::string_view role, const ParamBase& p) {
  Initial usual = initial<XlmConfig>(c, role, p);
  if (p.use == ParamUse::table) usual.deviation = c.embed_init_std;
  return usual;
}

}  // namespace tessera
