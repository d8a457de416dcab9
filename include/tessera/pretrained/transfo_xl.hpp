// Transformer-XL from a folder and into one: the keys of its config.json.
#pragma once

#include "tessera/models/transfo_xl_heads.hpp"
#include "tessera/pretrained/model.hpp"

namespace tessera::inline TESSERA_ISA {

inline constexpr Choice<bool> transfo_xl_inits[] = {{"normal", false}, {"uniform", true}};

void visit_config(auto& v, TransfoXLConfig& c) {
  constexpr Index most = Index{1} << 28;
  v.size("n_token", c.n_token);
  v.integers("cutoffs", c.cutoffs, c.cutoff_count, Cutoffs::most, 0, most);
  v.size("d_model", c.d_model);
  v.size("d_embed", c.d_embed);
  v.size("n_head", c.n_head);
  v.size("d_head", c.d_head);
  v.size("d_inner", c.d_inner);
  v.size("div_val", c.div_val);
  v.flag("pre_lnorm", c.pre_lnorm);
  v.layers("n_layer", c.n_layer);
  v.integer("tgt_len", c.tgt_len, 0, most);
  v.integer("ext_len", c.ext_len, 0, most);
  v.integer("mem_len", c.mem_len, 0, most);
  v.integer("clamp_len", c.clamp_len, -1, most);
  v.flag("same_length", c.same_length);
  v.integer("attn_type", c.attn_type, 0, 3);
  v.integer("sample_softmax", c.sample_softmax, -1, most);
  v.flag("tie_weight", c.tie_weight);
  v.integers("tie_projs", c.tie_projs, c.tie_proj_count, Cutoffs::most, 0, 1);
  v.flag("untie_r", c.untie_r);
  v.rate("dropout", c.dropout);
  v.rate("dropatt", c.dropatt);
  v.rate("init_std", c.init_std, 100);
  v.rate("proj_init_std", c.proj_init_std, 100);
  v.choice("init", c.init_uniform, transfo_xl_inits);
  v.rate("init_range", c.init_range, 100);
  v.size("num_labels", c.num_labels);
}

inline Result<void> check_config(const TransfoXLConfig& c) {
  const auto wrong = [&](const char* key, const char* expected, Index found) {
    return Error::format(Code::unsupported, "config: %s: expected %s with attn_type %lld, found %lld", key, expected,
                         static_cast<long long>(c.attn_type), static_cast<long long>(found));
  };
  if (c.attn_type == TransfoXLPositions::learned) {
    if (c.untie_r) return wrong("untie_r", "false (layers share r_w_bias)", 1);
    if (c.n_layer > c.n_head) return wrong("n_layer", "n_head at most (each layer has a row of r_w_bias)", c.n_layer);
  }
  if (c.attn_type == TransfoXLPositions::per_layer && c.n_head * c.d_head != c.d_model)
    return wrong("n_head * d_head", "d_model (positions are added to hidden states)", c.n_head * c.d_head);
  if (c.attn_type == TransfoXLPositions::learned || c.attn_type == TransfoXLPositions::per_layer) {
    if (c.learned_positions() < 1) return wrong("tgt_len + ext_len + mem_len", "1 at least", c.learned_positions());
    if (saturating_product(c.n_layer, c.learned_positions()) >= Index{1} << 31)
      return wrong("tgt_len + ext_len + mem_len", "2^31 rows of r_emb at most", c.learned_positions());
  }
  if (c.sample_softmax > 0)
    return Error::format(
        Code::unsupported,
        "config: sample_softmax: expected -1, found %lld: the sampled softmax is not there, train with "
        "the adaptive one",
        static_cast<long long>(c.sample_softmax));
  const bool has_sines = c.attn_type == TransfoXLPositions::relative || c.attn_type == TransfoXLPositions::absolute;
  if (has_sines && c.d_model % 2 != 0)
    return Error::format(Code::shape_mismatch,
                         "config: d_model: expected an even number (sines and cosines), found %lld",
                         static_cast<long long>(c.d_model));
  TESSERA_TRY(check_cutoffs("cutoffs", c.cutoffs, c.cutoff_count, c.n_token));
  const int clusters = static_cast<int>(c.cutoff_count) + 1;
  if (c.div_val > 1 && detail::cluster_width(c.d_embed, c.div_val, clusters - 1) < 1)
    return Error::format(Code::out_of_range,
                         "config: div_val: d_embed %lld divided by it for each of %d further clusters is less than one",
                         static_cast<long long>(c.d_embed), clusters - 1);
  return {};
}

/// Its norms are drawn too, around one; projections of embedding and softmax have a deviation of their own; r_w_bias
/// and r_r_bias are drawn like weights, and the bias of learned distances is zero like others.
inline Initial initial(const TransfoXLConfig& c, std::string_view role, const ParamBase& p) {
  if (role.find("emb_projs") != role.npos || role.find("out_projs") != role.npos) return {0, c.proj_init_std, 0};
  if (p.view.rank == 1) return role.ends_with("weight") ? Initial{1, c.init_std, 0} : Initial{};
  if (role.ends_with("r_bias") && !role.ends_with("r_r_bias")) return {};
  return {0, c.init_std, c.init_uniform ? c.init_range : 0};
}

}  // namespace tessera
