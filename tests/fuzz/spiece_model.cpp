// Any bytes as a spiece.model, which then cuts some text; the pieces must be the whole of it.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tessera/text/sentencepiece.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tessera::text;
  const auto model = SentencePiece::from_memory(std::string(reinterpret_cast<const char*>(data), size));
  if (!model.ok()) return 0;
  SentencePieceScratch scratch;
  for (const std::string_view text :
       {"Hello, world 12, ``x''", " \xC3\x89t\xC3\xA9 \xEF\xBC\xA1\xE3\x8E\x8F\xE3\x8E\x8F",
        "\xE2\x96\x81\xE2\x96\x81 a\xCC\x81 \xF0\x9F\x98\x80", "aaaaaaaaaaaaaaaaaaaaaaaaaaaab"}) {
    if (!model->encode(text, scratch).ok()) continue;
    std::size_t at = 0;
    for (const PieceSpan& span : scratch.spans) {
      if (span.begin != at || !model->has(span.id)) std::abort();
      at += span.length;
    }
    if (at != scratch.normal.size()) std::abort();
  }
  return 0;
}
