// Any bytes as a config.json of each architecture, and as the index of a checkpoint in several files: read or refused,
// and what was read is written and read again alike.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tessera/io/sharded.hpp"
#include "tessera/pretrained/bert.hpp"
#include "tessera/pretrained/distilbert.hpp"
#include "tessera/pretrained/gpt.hpp"
#include "tessera/pretrained/transfo_xl.hpp"
#include "tessera/pretrained/xlm.hpp"
#include "tessera/pretrained/xlnet.hpp"

namespace {

template <class Config>
void check(const tessera::io::Json& json) {
  const auto file = tessera::parse_config<Config>(json);
  if (!file.ok()) return;
  const auto written = tessera::format_config(*file);
  const auto again = tessera::parse_config<Config>(written);
  if (!again.ok() || tessera::format_config(*again) != written) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tessera;
  const auto json = io::parse_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!json.ok()) return 0;
  // RoBERTa's keys are BERT's.
  check<BertConfig>(*json);
  check<DistilBertConfig>(*json);
  check<OpenAIGPTConfig>(*json);
  check<GPT2Config>(*json);
  check<TransfoXLConfig>(*json);
  check<XLNetConfig>(*json);
  check<XlmConfig>(*json);
  (void)io::files_of_index(*json);
  return 0;
}
