// The BERT tokenizer of pytorch-pretrained-bert 0.6.2, for checkpoints and data made with that release.
//
// It differs from bert.hpp: no added tokens, no decoding; words of `never_split` (by default the five special tokens)
// keep their punctuation, but only as whole words; vocab.txt lines are stripped; an unknown token is an error.
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/text/basic.hpp"
#include "tessera/text/tokenizer.hpp"
#include "tessera/text/wordpiece.hpp"

namespace tessera::inline TESSERA_ISA::text {

struct BertOptionsV062 {
  bool do_lower_case = true;
  bool do_basic_tokenize = true;
  std::vector<std::string> never_split = {"[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"};
  std::int64_t max_len = Tokenizer::no_max_len;
};

class BertTokenizerV062 {
 public:
  static Result<BertTokenizerV062> from_memory(std::string_view vocab_txt, BertOptionsV062 options = {}) noexcept {
    return guarded([&]() -> Result<BertTokenizerV062> {
      TESSERA_TRY_ASSIGN(Vocabulary vocabulary, read_vocabulary(vocab_txt, LineTrim::white_space));
      return BertTokenizerV062(std::move(vocabulary), std::move(options));
    });
  }

  /// The tokens of any bytes; what is not UTF-8 is replaced.
  Tokens tokenize(std::string_view text) const {
    std::string repaired;
    if (!utf8::is_valid(text)) text = repaired = utf8::repair(text);
    Tokens out;
    const auto add = [this, &out](std::string_view word) {
      const bool known = WordPiece::split(vocabulary_, word, [&](Id id) { out.emplace_back(vocabulary_.token(id)); });
      if (!known) out.emplace_back("[UNK]");
    };
    BasicScratch scratch;
    if (do_basic_tokenize_) {
      basic_.for_each_word(text, WordSet(), scratch, add);
    } else {
      for_each_word(text, add);
    }
    return out;
  }

  Result<Ids> tokens_to_ids(std::span<const std::string> tokens,
                            std::vector<std::string>* warnings = nullptr) const noexcept {
    return guarded([&]() -> Result<Ids> {
      Ids ids;
      ids.reserve(tokens.size());
      for (const std::string& token : tokens) {
        const Id id = vocabulary_.find(token);
        if (id == no_id) {
          return Error::format(Code::not_found, "BertTokenizerV062: token \"%s\" is not in the vocabulary",
                               token.c_str());
        }
        ids.push_back(id);
      }
      if (warnings != nullptr && static_cast<std::int64_t>(ids.size()) > max_len_) {
        char sentence[256];
        std::snprintf(
            sentence, sizeof sentence,
            "Token indices sequence length is longer than the specified maximum  sequence length for this BERT "
            "model (%zu > %lld). Running this sequence through BERT will result in indexing errors",
            ids.size(), static_cast<long long>(max_len_));
        warnings->emplace_back(sentence);
      }
      return ids;
    });
  }

  Result<Tokens> ids_to_tokens(std::span<const Id> ids) const noexcept {
    return guarded([&]() -> Result<Tokens> {
      Tokens tokens;
      tokens.reserve(ids.size());
      for (const Id id : ids) {
        if (!vocabulary_.has(id)) {
          return Error::format(Code::out_of_range, "BertTokenizerV062: id %d has no token, expected 0 to %zu", id,
                               vocabulary_.id_bound() - 1);
        }
        tokens.emplace_back(vocabulary_.token(id));
      }
      return tokens;
    });
  }

 private:
  BertTokenizerV062(Vocabulary vocabulary, BertOptionsV062 options)
      : vocabulary_(std::move(vocabulary)),
        do_basic_tokenize_(options.do_basic_tokenize),
        basic_(BasicOptions{options.do_lower_case, true, std::move(options.never_split), true}),
        max_len_(options.max_len) {}

  Vocabulary vocabulary_;
  bool do_basic_tokenize_;
  BasicTokenizer basic_;
  std::int64_t max_len_;
};

}  // namespace tessera::text
