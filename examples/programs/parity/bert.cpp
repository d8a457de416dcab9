// BERT's classes.
#include "tessera/pretrained/bert.hpp"
#include "run_model.hpp"

namespace tessera::parity {
namespace {

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
struct WithLabels : BertAdapter {
  static Result<void> fill(CallInputs& call, BertLabelledInput& in) {
    TESSERA_TRY(BertAdapter::fill(call, in));
    in.labels = call.array("labels");
    return {};
  }
};
struct NextSentence : BertAdapter {
  static Result<void> fill(CallInputs& call, BertLabelledInput& in) {
    TESSERA_TRY(BertAdapter::fill(call, in));
    in.labels = call.array("next_sentence_label");
    return {};
  }
};
struct MaskedLM : BertAdapter {
  static Result<void> fill(CallInputs& call, BertLabelledInput& in) {
    TESSERA_TRY(BertAdapter::fill(call, in));
    TESSERA_TRY_ASSIGN(in.labels, call.labels("masked_lm_labels", -1));
    return {};
  }
};
struct PreTraining : BertAdapter {
  static Result<void> fill(CallInputs& call, BertPreTrainingInput& in) {
    TESSERA_TRY(BertAdapter::fill(call, in));
    TESSERA_TRY_ASSIGN(in.masked_lm_labels, call.labels("masked_lm_labels", -1));
    in.next_sentence_label = call.array("next_sentence_label");
    return {};
  }
};
/// Labels of each token; those of padding are left out by the mask.
struct TokenLabels : BertAdapter {
  static Result<void> fill(CallInputs& call, BertLabelledInput& in) {
    TESSERA_TRY(BertAdapter::fill(call, in));
    in.labels = call.tokens("labels");
    return {};
  }
};
struct MultipleChoice : WithLabels {
  static Result<void> fill(CallInputs& call, BertMultipleChoiceInput& in) {
    TESSERA_TRY(WithLabels::fill(call, in));
    in.choices = call.array("input_ids").dim[1];
    return {};
  }
};
struct QuestionAnswering : BertAdapter {
  static Result<void> fill(CallInputs& call, BertQuestionAnsweringInput& in) {
    TESSERA_TRY(BertAdapter::fill(call, in));
    in.start_positions = call.array("start_positions");
    in.end_positions = call.array("end_positions");
    if (call.ragged() && in.start_positions.present()) return not_applicable("the answer reads padded positions");
    return {};
  }
};

const Registration classes{
    {"BertModel", &run_model<Bert<>, BertAdapter>},
    {"BertForPreTraining", &run_model<BertForPreTraining<>, PreTraining>},
    {"BertForMaskedLM", &run_model<BertForMaskedLM<>, MaskedLM>},
    {"BertForNextSentencePrediction", &run_model<BertForNextSentencePrediction<>, NextSentence>},
    {"BertForSequenceClassification", &run_model<BertForSequenceClassification<>, WithLabels>},
    {"BertForMultipleChoice", &run_model<BertForMultipleChoice<>, MultipleChoice>},
    {"BertForTokenClassification", &run_model<BertForTokenClassification<>, TokenLabels>},
    {"BertForQuestionAnswering", &run_model<BertForQuestionAnswering<>, QuestionAnswering>},
};

}  // namespace
}  // namespace tessera::parity
