// BERT's classes.
#include "tessera/pretrained/bert.hpp"
#include "bert_adapter.hpp"
#include "run_model.hpp"

namespace tessera::parity {
namespace {

struct BertNextSentence : BertAdapter {
  static Result<void> fill(CallInputs& call, BertLabelledInput& in) {
    TESSERA_TRY(BertAdapter::fill(call, in));
    in.labels = call.array("next_sentence_label");
    return {};
  }
};
struct BertPreTraining : BertAdapter {
  static Result<void> fill(CallInputs& call, BertPreTrainingInput& in) {
    TESSERA_TRY(BertAdapter::fill(call, in));
    TESSERA_TRY_ASSIGN(in.masked_lm_labels, call.labels("masked_lm_labels", -1));
    in.next_sentence_label = call.array("next_sentence_label");
    return {};
  }
};
/// Labels of each token; those of padding are left out by the mask.
struct BertTokenLabels : BertAdapter {
  static Result<void> fill(CallInputs& call, BertLabelledInput& in) {
    TESSERA_TRY(BertAdapter::fill(call, in));
    in.labels = call.tokens("labels");
    return {};
  }
};
struct BertMultipleChoice : BertWithLabels {
  static Result<void> fill(CallInputs& call, BertMultipleChoiceInput& in) {
    TESSERA_TRY(BertWithLabels::fill(call, in));
    in.choices = call.array("input_ids").dim[1];
    return {};
  }
};
struct BertSpans : BertAdapter {
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
    {"BertForPreTraining", &run_model<BertForPreTraining<>, BertPreTraining>},
    {"BertForMaskedLM", &run_model<BertForMaskedLM<>, BertMaskedLM>},
    {"BertForNextSentencePrediction", &run_model<BertForNextSentencePrediction<>, BertNextSentence>},
    {"BertForSequenceClassification", &run_model<BertForSequenceClassification<>, BertWithLabels>},
    {"BertForMultipleChoice", &run_model<BertForMultipleChoice<>, BertMultipleChoice>},
    {"BertForTokenClassification", &run_model<BertForTokenClassification<>, BertTokenLabels>},
    {"BertForQuestionAnswering", &run_model<BertForQuestionAnswering<>, BertSpans>},
};

}  // namespace
}  // namespace tessera::parity
