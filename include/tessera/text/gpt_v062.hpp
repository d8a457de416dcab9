// What the OpenAI GPT and GPT-2 tokenizers of pytorch-pretrained-bert 0.6.2 have in common, for data made with it.
//
// Special tokens get the ids behind the vocabulary, in the order of their list; they are not looked for in a text.
// Unknown tokens have id 0. The tokenizers themselves: openai_gpt_v062.hpp and gpt2_v062.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/result.hpp"
#include "tessera/text/tokenizer.hpp"
#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

struct GptOptionsV062 {
  std::vector<std::string> special_tokens = {};
  std::int64_t max_len = Tokenizer::no_max_len;
};

class GptVocabularyV062 {
 public:
  static Result<GptVocabularyV062> make(const char* class_name, Vocabulary vocabulary, const GptOptionsV062& options) {
    GptVocabularyV062 out;
    out.class_name_ = class_name;
    out.max_len_ = options.max_len;
    for (std::size_t i = 0; i < options.special_tokens.size(); ++i) {
      TESSERA_TRY(out.special_.set(options.special_tokens[i], static_cast<Id>(vocabulary.size() + i)));
    }
    out.vocabulary_ = std::move(vocabulary);
    return out;
  }

  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }
  std::size_t size() const noexcept { return vocabulary_.size() + special_.size(); }

  Ids tokens_to_ids(std::span<const std::string> tokens, std::vector<std::string>* warnings = nullptr) const {
    Ids ids;
    ids.reserve(tokens.size());
    for (const std::string& token : tokens) {
      Id id = special_.find(token);
      if (id == no_id) id = vocabulary_.find(token);
      ids.push_back(id == no_id ? 0 : id);
    }
    if (warnings != nullptr && static_cast<std::int64_t>(ids.size()) > max_len_) {
      char sentence[256];
      std::snprintf(sentence, sizeof sentence,
                    "Token indices sequence length is longer than the specified maximum  sequence length for this "
                    "OpenAI GPT model (%zu > %lld). Running this sequence through the model will result in indexing "
                    "errors",
                    ids.size(), static_cast<long long>(max_len_));
      warnings->emplace_back(sentence);
    }
    return ids;
  }

  Result<Tokens> ids_to_tokens(std::span<const Id> ids, bool skip_special_tokens = false) const {
    Tokens tokens;
    for (const Id id : ids) {
      if (special_.has(id)) {
        if (!skip_special_tokens) tokens.emplace_back(special_.token(id));
      } else {
        TESSERA_TRY_ASSIGN(std::string token, vocabulary_token(id));
        tokens.push_back(std::move(token));
      }
    }
    return tokens;
  }

  Result<std::string> vocabulary_token(Id id) const {
    if (vocabulary_.has(id)) return std::string(vocabulary_.token(id));
    return Error::format(Code::out_of_range, "%s: id %d has no token, the vocabulary's ids are below %zu", class_name_,
                         id, vocabulary_.id_bound());
  }

 private:
  const char* class_name_ = "";
  Vocabulary vocabulary_;
  Vocabulary special_;
  std::int64_t max_len_ = Tokenizer::no_max_len;
};

}  // namespace tessera::text
