// round_trip CLASS FROM TO [torch]: from_pretrained and save_pretrained of a model and its tokenizer. The other side of
// check_round_trip.py, which compiles it.
#include <cstdio>
#include <string>

#include "tessera/pretrained/bert.hpp"
#include "tessera/pretrained/distilbert.hpp"
#include "tessera/pretrained/gpt.hpp"
#include "tessera/pretrained/roberta.hpp"
#include "tessera/pretrained/tokenizer_files.hpp"
#include "tessera/pretrained/transfo_xl.hpp"
#include "tessera/pretrained/xlm.hpp"
#include "tessera/pretrained/xlnet.hpp"

namespace {

using namespace tessera;

template <class Model>
Result<void> copy(const std::string& from, const std::string& to, WeightFormat format) {
  TESSERA_TRY_ASSIGN(const auto loaded, from_pretrained<Model>(from));
  for (const std::string& name : loaded->report.unexpected) std::printf("unexpected: %s\n", name.c_str());
  return save_pretrained(*loaded, to, format);
}

Result<void> run(const std::string& name, const std::string& from, const std::string& to, WeightFormat format) {
  TESSERA_TRY_ASSIGN(const auto tokenizer, pretrained::load_tokenizer(from));
  const auto saved = pretrained::save_tokenizer(tokenizer, to);
  if (!saved) return saved.error();
  if (name == "BertForPreTraining") return copy<BertForPreTraining<>>(from, to, format);
  if (name == "OpenAIGPTLMHeadModel") return copy<OpenAIGPTLMHeadModel<>>(from, to, format);
  if (name == "GPT2LMHeadModel") return copy<GPT2LMHeadModel<>>(from, to, format);
  if (name == "TransfoXLLMHeadModel") return copy<TransfoXLLMHeadModel<>>(from, to, format);
  if (name == "XLNetLMHeadModel") return copy<XLNetLMHeadModel<>>(from, to, format);
  if (name == "XLMWithLMHeadModel") return copy<XLMWithLMHeadModel<>>(from, to, format);
  if (name == "RobertaForMaskedLM") return copy<RobertaForMaskedLM<>>(from, to, format);
  if (name == "DistilBertForMaskedLM") return copy<DistilBertForMaskedLM<>>(from, to, format);
  return Error::format(Code::unsupported, "%s: no such class here", name.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const auto done = run(argv[1], argv[2], argv[3], argc > 4 ? WeightFormat::torch : WeightFormat::safetensors);
  if (!done) std::fprintf(stderr, "round_trip: %s\n", done.error().message());
  return done ? 0 : 1;
}
