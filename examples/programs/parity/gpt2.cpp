// GPT-2's classes.
#include "gpt_adapter.hpp"
#include "tessera/pretrained/gpt.hpp"

namespace tessera::parity {
namespace {

const Registration classes{
    {"GPT2Model", &run_model<GPT2<>, GPT2Adapter>},
    {"GPT2LMHeadModel", &run_model<GPT2LMHeadModel<>, GptLabels<GPT2Adapter>>},
    {"GPT2DoubleHeadsModel", &run_model<GPT2DoubleHeadsModel<>, GptLabels<GPT2Adapter>>},
};

}  // namespace
}  // namespace tessera::parity
