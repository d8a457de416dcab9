// The classes of GPT and GPT-2 with heads: OpenAIGPTLMHeadModel, OpenAIGPTDoubleHeadsModel, GPT2LMHeadModel,
// GPT2DoubleHeadsModel.
#pragma once

#include "tessera/heads/causal_lm.hpp"
#include "tessera/models/gpt.hpp"
#include "tessera/models/gpt2.hpp"

namespace tessera::inline TESSERA_ISA {

template <GptSizes S = GptSizes{}>
using OpenAIGPTLMHeadModel = HeadModel<OpenAIGPT<S>, CausalLM<S.hidden, S.vocabulary>>;
template <GptSizes S = GptSizes{}>
using OpenAIGPTDoubleHeadsModel = HeadModel<OpenAIGPT<S>, DoubleHeads<S.hidden, S.vocabulary>>;
template <GptSizes S = GptSizes{}>
using GPT2LMHeadModel = HeadModel<GPT2<S>, CausalLM<S.hidden, S.vocabulary>>;
template <GptSizes S = GptSizes{}>
using GPT2DoubleHeadsModel = HeadModel<GPT2<S>, DoubleHeads<S.hidden, S.vocabulary>>;

}  // namespace tessera
