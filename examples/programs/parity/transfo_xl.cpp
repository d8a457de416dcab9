// Transformer-XL's classes.
#include "tessera/pretrained/transfo_xl.hpp"
#include "mems_adapter.hpp"

namespace tessera::parity {
namespace {

struct TransfoXLAdapter : MemsAdapter {
  Result<void> fill(CallInputs& call, TransfoXLInput& in) {
    TESSERA_TRY_ASSIGN(in.layout, call.layout());
    if (call.ragged()) return not_applicable("relative attention takes padded batches");
    in.input_ids = call.array("input_ids");
    in.head_mask = call.array("head_mask");
    in.mems = mems();
    return {};
  }
};
struct WithLabels : TransfoXLAdapter {
  Result<void> fill(CallInputs& call, TransfoXLLMHeadModel<>::Input& in) {
    TESSERA_TRY(TransfoXLAdapter::fill(call, in));
    in.labels = call.array("labels");
    return {};
  }
};

const Registration classes{
    {"TransfoXLModel", &run_model<TransfoXL<>, TransfoXLAdapter>},
    {"TransfoXLLMHeadModel", &run_model<TransfoXLLMHeadModel<>, WithLabels>},
};

}  // namespace
}  // namespace tessera::parity
