// Any bytes as text: repaired, normalized, cut into words by each of the pre-tokenizers.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tessera/text/basic.hpp"
#include "tessera/text/gpt2_words.hpp"
#include "tessera/text/moses_normalize.hpp"
#include "tessera/text/moses_tokenize.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/text_standardize.hpp"
#include "tessera/text/unicode.hpp"
#include "tessera/text/utf8.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tessera::text;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string text = utf8::repair(bytes);
  if (!utf8::is_valid(text) || (utf8::is_valid(bytes) && text != bytes)) std::abort();
  const std::u32string points = utf8::decode(bytes);
  if (utf8::encode(points) != text || utf8::count(text) != points.size()) std::abort();
  using unicode::Form;
  const std::u32string nfd = unicode::normalize(points, Form::nfd);
  if (unicode::normalize(nfd, Form::nfd) != nfd ||
      unicode::normalize(unicode::normalize(points, Form::nfc), Form::nfd) != nfd) {
    std::abort();
  }
  (void)unicode::lower(unicode::normalize(points, Form::nfkd));
  (void)BasicTokenizer().tokenize(bytes);
  (void)text_standardize(text);
  (void)strip(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = Gpt2Words::end_of_word(text, at);
    if (end <= at || end > text.size()) std::abort();
    at = end;
  }
  for (const char* language : {"en", "fr", "de", "ko"}) {
    static const moses::Tokenizer tokenizers[] = {moses::Tokenizer("en"), moses::Tokenizer("fr"),
                                                  moses::Tokenizer("de"), moses::Tokenizer("ko")};
    std::u32string words = points;
    moses::replace_unicode_punctuation(words);
    moses::normalize_punctuation(words, language);
    moses::remove_non_printing(words);
    for (const moses::Tokenizer& tokenizer : tokenizers) {
      if (tokenizer.language() == language) tokenizer.for_each_token(words, [](std::u32string_view) {});
    }
  }
  return 0;
}
