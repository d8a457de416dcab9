// XLNet's classes.
#include "tessera/pretrained/xlnet.hpp"
#include "mems_adapter.hpp"

namespace tessera::parity {
namespace {

struct XLNetAdapter : MemsAdapter {
  Result<void> fill(CallInputs& call, XLNetInput& in) {
    TESSERA_TRY_ASSIGN(in.layout, call.layout());
    if (call.ragged()) return not_applicable("relative attention takes padded batches");
    in.input_ids = call.array("input_ids");
    in.token_type_ids = call.array("token_type_ids");
    in.input_mask = call.array("input_mask");
    in.attention_mask = call.array("attention_mask");
    in.perm_mask = call.array("perm_mask");
    in.target_mapping = call.array("target_mapping");
    in.head_mask = call.array("head_mask");
    in.mems = mems();
    return {};
  }
};
struct WithLabels : XLNetAdapter {
  Result<void> fill(CallInputs& call, LabelledInput<XLNetInput>& in) {
    TESSERA_TRY(XLNetAdapter::fill(call, in));
    in.labels = call.array("labels");
    return {};
  }
};
struct Answers : XLNetAdapter {
  Result<void> fill(CallInputs& call, AnswerInput<XLNetInput>& in) {
    TESSERA_TRY(XLNetAdapter::fill(call, in));
    in.start_positions = call.array("start_positions");
    in.end_positions = call.array("end_positions");
    in.cls_index = call.array("cls_index");
    in.is_impossible = call.array("is_impossible");
    in.p_mask = call.array("p_mask");
    return {};
  }
};

const Registration classes{
    {"XLNetModel", &run_model<XLNet<>, XLNetAdapter>},
    {"XLNetLMHeadModel", &run_model<XLNetLMHeadModel<>, WithLabels>},
    {"XLNetForSequenceClassification", &run_model<XLNetForSequenceClassification<>, WithLabels>},
    {"XLNetForQuestionAnswering", &run_model<XLNetForQuestionAnswering<>, Answers>},
};

}  // namespace
}  // namespace tessera::parity
