// The OpenAI GPT tokenizer of pytorch-pretrained-bert 0.6.2, for data made with that release.
//
// It differs from openai_gpt.hpp: unknown tokens have id 0, special tokens are protected only where they are a whole
// word, and cleaning up a decoded text removes "<unk>" too. Words are those of BERT's basic tokenizer.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/text/gpt_v062.hpp"
#include "tessera/text/openai_gpt.hpp"

namespace tessera::inline TESSERA_ISA::text {

class OpenAIGPTTokenizerV062 {
 public:
  static Result<OpenAIGPTTokenizerV062> from_memory(Vocabulary vocabulary, std::string_view merges_txt,
                                                    const GptOptionsV062& options = {}) noexcept {
    return guarded([&]() -> Result<OpenAIGPTTokenizerV062> {
      OpenAIGPTTokenizerV062 out;
      TESSERA_TRY_ASSIGN(const Merges merges, Merges::read(merges_txt));
      TESSERA_TRY_ASSIGN(out.bpe_, WordEndBpe::make(vocabulary, merges));
      TESSERA_TRY_ASSIGN(out.vocabulary_,
                         GptVocabularyV062::make("OpenAIGPTTokenizerV062", std::move(vocabulary), options));
      out.basic_ = BasicTokenizer(BasicOptions{true, true, options.special_tokens, true});
      return out;
    });
  }

  std::size_t size() const noexcept { return vocabulary_.size(); }

  /// The tokens of any bytes; what is not UTF-8 is replaced.
  Tokens tokenize(std::string_view text) const {
    std::string repaired;
    if (!utf8::is_valid(text)) text = repaired = utf8::repair(text);
    Tokens out;
    BasicScratch words;
    BpeScratch scratch;
    basic_.for_each_word(text, WordSet(), words, [&](std::string_view word) {
      for (const BpeToken& token : bpe_.encode(word, scratch)) bpe_.append_string(token.symbol, out.emplace_back());
    });
    return out;
  }

  Ids tokens_to_ids(std::span<const std::string> tokens, std::vector<std::string>* warnings = nullptr) const {
    return vocabulary_.tokens_to_ids(tokens, warnings);
  }
  Ids encode(std::string_view text) const { return tokens_to_ids(tokenize(text)); }
  Result<Tokens> ids_to_tokens(std::span<const Id> ids, bool skip_special_tokens = false) const noexcept {
    return guarded([&]() -> Result<Tokens> { return vocabulary_.ids_to_tokens(ids, skip_special_tokens); });
  }

  Result<std::string> decode(std::span<const Id> ids, const DecodeOptions& options = {}) const noexcept {
    return guarded([&]() -> Result<std::string> {
      TESSERA_TRY_ASSIGN(const Tokens tokens, ids_to_tokens(ids, options.skip_special_tokens));
      std::string joined;
      for (const std::string& token : tokens) joined += token;
      std::string text(strip(replace_all(joined, WordEndBpe::word_end, " ")));
      if (!options.clean_up_tokenization_spaces) return text;
      return clean_up_tokenization(replace_all(text, "<unk>", ""));
    });
  }

 private:
  OpenAIGPTTokenizerV062() = default;

  WordEndBpe bpe_;
  BasicTokenizer basic_;
  GptVocabularyV062 vocabulary_;
};

}  // namespace tessera::text
