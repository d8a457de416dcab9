// OpenAI GPT's classes.
#include "tessera/pretrained/gpt.hpp"
#include "gpt_adapter.hpp"

namespace tessera::parity {
namespace {

const Registration classes{
    {"OpenAIGPTModel", &run_model<OpenAIGPT<>, GptAdapter>},
    {"OpenAIGPTLMHeadModel", &run_model<OpenAIGPTLMHeadModel<>, GptLabels<GptAdapter>>},
    {"OpenAIGPTDoubleHeadsModel", &run_model<OpenAIGPTDoubleHeadsModel<>, GptLabels<GptAdapter>>},
};

}  // namespace
}  // namespace tessera::parity
