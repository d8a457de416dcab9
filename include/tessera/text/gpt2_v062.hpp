// The GPT-2 tokenizer of pytorch-pretrained-bert 0.6.2, for data made with that release.
//
// It differs from gpt2.hpp: no space is put before a text, special tokens are not looked for in it, and a character up
// to U+00FF counts as the byte of that number, while others are an error. decode knows no special tokens.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/text/gpt2.hpp"
#include "tessera/text/gpt_v062.hpp"

namespace tessera::inline TESSERA_ISA::text {

class Gpt2TokenizerV062 {
 public:
  static Result<Gpt2TokenizerV062> from_memory(Vocabulary vocabulary, std::string_view merges_txt,
                                               const GptOptionsV062& options = {}) noexcept {
    return guarded([&]() -> Result<Gpt2TokenizerV062> {
      Gpt2TokenizerV062 out;
      TESSERA_TRY_ASSIGN(const Merges merges, Merges::read(merges_txt));
      TESSERA_TRY_ASSIGN(out.bpe_, ByteBpe::make(vocabulary, merges));
      TESSERA_TRY_ASSIGN(out.vocabulary_, GptVocabularyV062::make("GPT2TokenizerV062", std::move(vocabulary), options));
      return out;
    });
  }

  std::size_t size() const noexcept { return vocabulary_.size(); }

  /// The tokens of any bytes; what is not UTF-8 is replaced, by a character that is then refused.
  Result<Tokens> tokenize(std::string_view text) const noexcept {
    return guarded([&]() -> Result<Tokens> {
      std::string repaired;
      if (!utf8::is_valid(text)) text = repaired = utf8::repair(text);
      Tokens out;
      BpeScratch scratch;
      std::string bytes;
      char32_t refused = 0;
      Gpt2Words::for_each(text, [&](std::string_view word) {
        bytes.clear();
        utf8::for_each(word, utf8::OnError::replace, utf8::Surrogates::accept, [&](char32_t c) {
          if (c > 0xFF && refused == 0) refused = c;
          bytes.push_back(static_cast<char>(c & 0xFFU));
        });
        if (refused != 0) return;
        for (const BpeToken& token : bpe_.encode(bytes, scratch)) out.emplace_back(bpe_.bpe().string(token.symbol));
      });
      if (refused == 0) return out;
      return Error::format(Code::invalid_argument, "GPT2TokenizerV062: the text holds U+%04X, expected at most U+00FF",
                           static_cast<unsigned>(refused));
    });
  }

  Ids tokens_to_ids(std::span<const std::string> tokens, std::vector<std::string>* warnings = nullptr) const {
    return vocabulary_.tokens_to_ids(tokens, warnings);
  }
  Result<Ids> encode(std::string_view text) const noexcept {
    return guarded([&]() -> Result<Ids> {
      TESSERA_TRY_ASSIGN(const Tokens tokens, tokenize(text));
      return tokens_to_ids(tokens);
    });
  }
  Result<Tokens> ids_to_tokens(std::span<const Id> ids, bool skip_special_tokens = false) const noexcept {
    return guarded([&]() -> Result<Tokens> { return vocabulary_.ids_to_tokens(ids, skip_special_tokens); });
  }

  Result<std::string> decode(std::span<const Id> ids) const noexcept {
    return guarded([&]() -> Result<std::string> {
      std::string bytes;
      for (const Id id : ids) {
        TESSERA_TRY_ASSIGN(const std::string token, vocabulary_.vocabulary_token(id));
        for (const char32_t c : utf8::decode(token)) {
          if (byte_alphabet::byte(c) == byte_alphabet::no_byte) {
            return Error::format(Code::bad_format,
                                 "GPT2TokenizerV062: the token of id %d holds U+%04X, which stands for "
                                 "no byte",
                                 id, static_cast<unsigned>(c));
          }
          bytes.push_back(static_cast<char>(byte_alphabet::byte(c)));
        }
      }
      return utf8::repair(bytes);
    });
  }

 private:
  Gpt2TokenizerV062() = default;

  ByteBpe bpe_;
  GptVocabularyV062 vocabulary_;
};

}  // namespace tessera::text
