// DistilBERT's classes.
#include "tessera/pretrained/distilbert.hpp"
#include "run_model.hpp"

namespace tessera::parity {
namespace {

struct DistilBertAdapter {
  static Result<void> fill(CallInputs& call, DistilBertInput& in) {
    const View mask = call.array("attention_mask");
    TESSERA_TRY_ASSIGN(in.layout, call.layout(mask));
    in.input_ids = call.tokens("input_ids");
    if (!call.ragged()) in.attention_mask = mask;
    in.head_mask = call.array("head_mask");
    return {};
  }
};
struct WithLabels : DistilBertAdapter {
  static Result<void> fill(CallInputs& call, LabelledInput<DistilBertInput>& in) {
    TESSERA_TRY(DistilBertAdapter::fill(call, in));
    in.labels = call.array("labels");
    return {};
  }
};
struct Masked : DistilBertAdapter {
  static Result<void> fill(CallInputs& call, LabelledInput<DistilBertInput>& in) {
    TESSERA_TRY(DistilBertAdapter::fill(call, in));
    TESSERA_TRY_ASSIGN(in.labels, call.labels("masked_lm_labels", -1));
    return {};
  }
};
struct Spans : DistilBertAdapter {
  static Result<void> fill(CallInputs& call, SpanInput<DistilBertInput>& in) {
    TESSERA_TRY(DistilBertAdapter::fill(call, in));
    in.start_positions = call.array("start_positions");
    in.end_positions = call.array("end_positions");
    if (call.ragged() && in.start_positions.present()) return not_applicable("the answer reads padded positions");
    return {};
  }
};

const Registration classes{
    {"DistilBertModel", &run_model<DistilBert<>, DistilBertAdapter>},
    {"DistilBertForMaskedLM", &run_model<DistilBertForMaskedLM<>, Masked>},
    {"DistilBertForSequenceClassification", &run_model<DistilBertForSequenceClassification<>, WithLabels>},
    {"DistilBertForQuestionAnswering", &run_model<DistilBertForQuestionAnswering<>, Spans>},
};

}  // namespace
}  // namespace tessera::parity
