// The tokenizer of BERT and of DistilBERT, from memory: basic tokenization, then WordPiece.
//
// Reading a folder is the business of pretrained/tokenizer_files.hpp.
// Source: Devlin et al. 2018 (google-research/bert, tokenization.py); pytorch-transformers 1.2.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/text/basic.hpp"
#include "tessera/text/tokenizer.hpp"
#include "tessera/text/wordpiece.hpp"

namespace tessera::inline TESSERA_ISA::text {

struct BertOptions {
  bool do_lower_case = true;
  /// Without it WordPiece itself splits at white space, and nothing is cleaned or lower-cased.
  bool do_basic_tokenize = true;
  bool tokenize_chinese_chars = true;
  /// Words that are neither lower-cased nor stripped of accents.
  std::vector<std::string> never_split = {};
  std::int64_t max_len = Tokenizer::no_max_len;
  SpecialTokens special_tokens = default_special_tokens();

  static SpecialTokens default_special_tokens() {
    SpecialTokens special;
    special.set(Role::unk, "[UNK]").set(Role::sep, "[SEP]").set(Role::pad, "[PAD]");
    special.set(Role::cls, "[CLS]").set(Role::mask, "[MASK]");
    return special;
  }
};

class BertTokenizer final : public Tokenizer {
 public:
  explicit BertTokenizer(Vocabulary vocabulary, BertOptions options = {})
      : Tokenizer(options.special_tokens, options.max_len),
        vocabulary_(std::move(vocabulary)),
        do_basic_tokenize_(options.do_basic_tokenize),
        basic_(BasicOptions{options.do_lower_case, options.tokenize_chinese_chars, std::move(options.never_split)}),
        piece_unknown_(special_tokens()[Role::unk]) {
    tokens_changed();
  }

  /// From the bytes of a vocab.txt.
  static Result<BertTokenizer> from_memory(std::string_view vocab_txt, BertOptions options = {}) noexcept {
    return guarded([&]() -> Result<BertTokenizer> {
      TESSERA_TRY_ASSIGN(Vocabulary vocabulary, read_vocabulary(vocab_txt));
      return BertTokenizer(std::move(vocabulary), std::move(options));
    });
  }

  const TokenizerTraits& traits() const noexcept override {
    // [CLS] A [SEP] and [CLS] A [SEP] B [SEP]
    static constexpr TokenizerTraits bert{
        "BertTokenizer", layout(special(Role::cls), first_text(), special(Role::sep)),
        layout(special(Role::cls), first_text(), special(Role::sep), second_text(1), special(Role::sep, 1)), 2, 3};
    return bert;
  }

  std::size_t vocab_size() const noexcept override { return vocabulary_.size(); }
  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }
  const BasicOptions& basic_options() const noexcept { return basic_.options(); }

  /// vocab.txt, a token a line in the order of ids. Ids without a token are not kept: those behind move up.
  Result<std::vector<VocabularyFile>> vocabulary_files(std::vector<std::string>& warnings) const override {
    std::string lines;
    bool gaps = false;
    for (std::size_t id = 0; id < vocabulary_.id_bound(); ++id) {
      gaps |= !vocabulary_.has(static_cast<Id>(id));
      if (vocabulary_.has(static_cast<Id>(id))) lines.append(vocabulary_.token(static_cast<Id>(id))).push_back('\n');
    }
    if (gaps) {
      warnings.emplace_back(
          "vocab.txt: vocabulary indices are not consecutive. Please check that the vocabulary is "
          "not corrupted!");
    }
    std::vector<VocabularyFile> files;
    files.push_back({"vocab.txt", std::move(lines)});
    return files;
  }

  /// Joins tokens by spaces, glues pieces (and every other "##" behind a space) and strips.
  Result<std::string> tokens_to_string(std::span<const std::string> tokens) const override {
    std::string joined;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) joined += ' ';
      joined += tokens[i];
    }
    return std::string(strip(replace_all(joined, " ##", "")));
  }

  RunText run_text() const noexcept override { return {true, utf8::OnError::replace}; }

  Result<void> append_run_text(std::string_view token, bool first, std::string& out) const override {
    const bool glued = !first && token.substr(0, WordPiece::continuation.size()) == WordPiece::continuation;
    if (!first && !glued) out += ' ';
    out += glued ? token.substr(WordPiece::continuation.size()) : token;
    return {};
  }

 private:
  /// Calls f(word) for each word that WordPiece gets to see.
  template <class F>
  void for_each_piece_word(std::string_view chunk, BasicScratch& scratch, F&& f) const {
    if (do_basic_tokenize_) {
      basic_.for_each_word(chunk, special_words_, scratch, f);
    } else {
      for_each_word(chunk, f);
    }
  }

  Result<void> tokenize_chunk(std::string_view chunk, Tokens& out, TextScratch& scratch) const override {
    for_each_piece_word(chunk, scratch.basic, [this, &out](std::string_view word) {
      const bool known = WordPiece::split(vocabulary_, word, [&](Id id) { out.emplace_back(vocabulary_.token(id)); });
      if (!known) out.push_back(piece_unknown_);
    });
    return {};
  }

  Result<void> encode_chunk(std::string_view chunk, IdSource source, Ids& out, TextScratch& scratch) const override {
    if (source == IdSource::added_first && added_hides_vocabulary()) {
      return Tokenizer::encode_chunk(chunk, source, out, scratch);
    }
    bool unknown_seen = false;
    const std::size_t start = out.size();
    for_each_piece_word(chunk, scratch.basic, [&](std::string_view word) {
      const bool known = WordPiece::split(vocabulary_, word, [&out](Id id) { out.push_back(id); });
      if (!known) out.push_back(no_id);
      unknown_seen |= !known;
    });
    if (unknown_seen) {
      TESSERA_TRY_ASSIGN(const Id unknown, to_id(piece_unknown_, source));
      for (std::size_t i = start; i < out.size(); ++i) {
        if (out[i] == no_id) out[i] = unknown;
      }
    }
    return {};
  }

  Id vocabulary_id(std::string_view token) const noexcept override {
    const Id id = vocabulary_.find(token);
    if (id != no_id || !special_tokens().has(Role::unk)) return id;
    return vocabulary_.find(special_tokens()[Role::unk]);
  }
  bool in_vocabulary(std::string_view token) const noexcept override { return vocabulary_.contains(token); }
  Result<std::string> vocabulary_token(Id id) const override {
    return vocabulary_.has(id) ? std::string(vocabulary_.token(id)) : special_tokens()[Role::unk];
  }
  void on_tokens_changed() override { special_words_ = WordSet(all_special_tokens()); }

  Vocabulary vocabulary_;
  bool do_basic_tokenize_;
  BasicTokenizer basic_;
  /// What unknown words become: the unknown token at construction. The reference does not let it change later.
  std::string piece_unknown_;
  WordSet special_words_;
};

}  // namespace tessera::text
