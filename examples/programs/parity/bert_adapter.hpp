// How cases of BERT and RoBERTa become inputs.
#pragma once

#include "run_model.hpp"
#include "tessera/models/bert_heads.hpp"

namespace tessera::parity {

struct BertAdapter {
  static Result<void> fill(CallInputs& call, BertInput& in) {
    const View mask = call.flat("attention_mask");
    TESSERA_TRY_ASSIGN(in.layout, call.layout(mask));
    in.input_ids = call.tokens("input_ids");
    in.token_type_ids = call.tokens("token_type_ids");
    in.position_ids = call.tokens("position_ids");
    if (!call.ragged()) in.attention_mask = mask;
    in.head_mask = call.array("head_mask");
    return {};
  }
};

/// Labels of each text.
struct BertWithLabels : BertAdapter {
  static Result<void> fill(CallInputs& call, BertLabelledInput& in) {
    TESSERA_TRY(BertAdapter::fill(call, in));
    in.labels = call.array("labels");
    return {};
  }
};
struct BertMaskedLM : BertAdapter {
  static Result<void> fill(CallInputs& call, BertLabelledInput& in) {
    TESSERA_TRY(BertAdapter::fill(call, in));
    TESSERA_TRY_ASSIGN(in.labels, call.labels("masked_lm_labels", -1));
    return {};
  }
};

}  // namespace tessera::parity
