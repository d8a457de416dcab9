// XLNet from a folder and into one: the keys of its config.json.
#pragma once

#include "tessera/models/xlnet_heads.hpp"
#include "tessera/pretrained/model.hpp"

namespace tessera::inline TESSERA_ISA {

inline constexpr Choice<Activation> xlnet_activations[] = {
    {"gelu", Activation::gelu_tanh}, {"relu", Activation::relu}, {"swish", Activation::swish}};
inline constexpr Choice<XLNetAttention> xlnet_attentions[] = {{"bi", XLNetAttention::bi}, {"uni", XLNetAttention::uni}};

void visit_config(auto& v, XLNetConfig& c) {
  // Later releases of the reference call it vocab_size.
  v.size(!v.has("n_token") && v.has("vocab_size") ? "vocab_size" : "n_token", c.n_token);
  v.size("d_model", c.d_model);
  v.layers("n_layer", c.n_layer);
  v.size("n_head", c.n_head);
  v.size("d_head", c.d_head);
  v.size("d_inner", c.d_inner);
  v.choice("ff_activation", c.ff_activation, xlnet_activations);
  v.choice("attn_type", c.attn_type, xlnet_attentions);
  v.rate("initializer_range", c.initializer_range, 100);
  v.rate("layer_norm_eps", c.layer_norm_eps);
  v.rate("dropout", c.dropout);
  v.optional("mem_len", c.mem_len, Index{1} << 28);
  v.optional("reuse_len", c.reuse_len, Index{1} << 28);
  v.flag("bi_data", c.bi_data);
  v.integer("clamp_len", c.clamp_len, -1, Index{1} << 28);
  v.flag("same_length", c.same_length);
  v.size("num_labels", c.num_labels);
  v.choice("summary_type", c.summary.type, summary_types);
  v.flag("summary_use_proj", c.summary.use_proj);
  v.is("summary_activation", c.summary.tanh, "tanh");
  v.only("summary_proj_to_labels", false);
  v.rate("summary_last_dropout", c.summary.last_dropout);
  if (v.has("summary_first_dropout")) v.rate("summary_first_dropout", c.summary.first_dropout);
  v.size("start_n_top", c.start_n_top);
  v.size("end_n_top", c.end_n_top);
}

inline Result<void> check_config(const XLNetConfig& c) {
  TESSERA_TRY(check_heads("d_model", c.d_model, "n_head", c.n_head));
  if (c.d_model % 2 != 0)
    return Error::format(Code::shape_mismatch,
                         "config: d_model: expected an even number (sines and cosines), found %lld",
                         static_cast<long long>(c.d_model));
  return {};
}

}  // namespace tessera
