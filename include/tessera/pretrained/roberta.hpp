// RoBERTa from a folder and into one: the keys of its config.json are BERT's.
#pragma once

#include "tessera/models/roberta_heads.hpp"
#include "tessera/pretrained/bert.hpp"

namespace tessera::inline TESSERA_ISA {

void visit_config(auto& v, RobertaConfig& c) { visit_config(v, static_cast<BertConfig&>(c)); }

inline Result<void> check_config(const RobertaConfig& c) {
  if (c.max_position_embeddings <= RobertaPolicy::first_position)
    return Error::format(Code::out_of_range, "config: max_position_embeddings: expected more than 2, found %lld",
                         static_cast<long long>(c.max_position_embeddings));
  return check_config(static_cast<const BertConfig&>(c));
}

}  // namespace tessera
