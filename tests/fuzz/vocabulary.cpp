// Any bytes as vocab.txt, as merges.txt, and as the vocabulary of Transformer-XL; and a tokenizer made of both halves.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tessera/text/bert.hpp"
#include "tessera/text/gpt2.hpp"
#include "tessera/text/transfo_xl.hpp"
#include "tessera/text/xlm.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tessera::text;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string_view first = bytes.substr(0, size / 2);
  const std::string_view second = bytes.substr(size / 2);
  (void)TransfoXLTokenizer::from_memory(bytes);
  const auto check = [&](const auto& made, std::string_view text) {
    if (!made.ok()) return;
    const auto row = made->encode(text, {.add_special_tokens = true, .max_length = 0});
    if (row.ok()) (void)made->decode(row->ids);
  };
  check(BertTokenizer::from_memory(first), second);
  auto vocabulary = read_vocabulary(first);
  if (!vocabulary.ok()) return 0;
  Vocabulary copy = *vocabulary;
  check(Gpt2Tokenizer::from_memory(std::move(*vocabulary), second), second);
  check(XLMTokenizer::from_memory(std::move(copy), second), second);
  return 0;
}
