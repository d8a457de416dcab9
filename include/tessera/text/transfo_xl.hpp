// The tokenizer of Transformer-XL, from memory: words as symbols, as release 1.2.0 of the reference has it.
//
// The reference cuts a text at special tokens before it looks for words, so that with line ends each stretch between
// them gets one of its own, and a blank line is a special token. For training corpora take word_level.hpp.
// Source: Dai et al. 2019 (kimiyoung/transformer-xl, vocabulary.py); pytorch-transformers 1.2.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/text/tokenizer.hpp"
#include "tessera/text/torch_vocabulary.hpp"
#include "tessera/text/word_level.hpp"

namespace tessera::inline TESSERA_ISA::text {

struct TransfoXLOptions {
  WordLevelOptions words = {};
  std::int64_t max_len = Tokenizer::no_max_len;
  SpecialTokens special_tokens = default_special_tokens();

  static SpecialTokens default_special_tokens() {
    SpecialTokens special;
    return special.set(Role::eos, "<eos>").set(Role::unk, "<unk>").set_additional({"<formula>"});
  }
};

class TransfoXLTokenizer final : public Tokenizer {
 public:
  /// `unknown` is the id of what the vocabulary does not have, no_id if such a word is to be an error. It may be
  /// another one than that of the unknown token.
  TransfoXLTokenizer(Vocabulary vocabulary, Id unknown, TransfoXLOptions options = {})
      : Tokenizer(std::move(options.special_tokens), options.max_len),
        words_(std::move(options.words)),
        vocabulary_(std::move(vocabulary)),
        unknown_(unknown) {
    tokens_changed();
  }

  /// A tokenizer that counts words and then builds its vocabulary.
  explicit TransfoXLTokenizer(TransfoXLOptions options = {}) : TransfoXLTokenizer({}, no_id, std::move(options)) {}

  /// From the bytes of a vocab.txt: the first word of each line is a symbol, and one that comes again is left out.
  static Result<TransfoXLTokenizer> from_memory(std::string_view vocab_txt, TransfoXLOptions options = {}) noexcept {
    return guarded([&]() -> Result<TransfoXLTokenizer> {
      if (const std::size_t bad = utf8::find_invalid(vocab_txt); bad != vocab_txt.size()) {
        return Error::format(Code::bad_format, "vocabulary: expected UTF-8, found an invalid byte 0x%02X at offset %zu",
                             static_cast<unsigned>(static_cast<unsigned char>(vocab_txt[bad])), bad);
      }
      Vocabulary vocabulary;
      std::size_t number = 0;
      TESSERA_TRY(for_each_line(vocab_txt, [&](std::string_view line) -> Result<void> {
        ++number;
        line = strip(line);
        if (line.empty()) {
          return Error::format(Code::bad_format, "vocabulary: line %zu is blank, a symbol expected", number);
        }
        const std::string_view symbol = line.substr(0, find_space(line));
        if (vocabulary.contains(symbol)) return {};
        return vocabulary.set(symbol, static_cast<Id>(vocabulary.size()));
      }));
      const Id upper = vocabulary.find("<UNK>");
      const Id unknown = upper != no_id ? upper : vocabulary.find("<unk>");
      if (unknown == no_id) {
        return Error::format(Code::bad_format, "vocabulary: %zu symbols, but neither <UNK> nor <unk>",
                             vocabulary.size());
      }
      return TransfoXLTokenizer(std::move(vocabulary), unknown, std::move(options));
    });
  }

  const TokenizerTraits& traits() const noexcept override {
    static constexpr TokenizerTraits transfo_xl{"TransfoXLTokenizer", layout(first_text()),
                                                layout(first_text(), second_text()), 0, 0};
    return transfo_xl;
  }

  std::size_t vocab_size() const noexcept override { return vocabulary_.size(); }
  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }
  const SymbolCounter& counter() const noexcept { return counter_; }

  /// The tokens of a line with what ends it, at each stretch between special tokens.
  Result<Tokens> tokenize_line(std::string_view line, LineEnd end) const noexcept {
    return guarded([&]() -> Result<Tokens> {
      TextScratch scratch;
      Tokens out;
      Error problem;
      TESSERA_TRY(for_each_chunk(line, scratch, [&](const Chunk& chunk) {
        if (chunk.is_token) {
          out.emplace_back(chunk.text);
        } else if (const auto done = tokenize_stretch(chunk.text, end, out); !done.ok() && !problem) {
          problem = done.error();
        }
      }));
      if (problem) return problem;
      return out;
    });
  }

  /// Counts the words of a corpus, line by line.
  Result<void> count(std::string_view corpus, LineEnd end) noexcept {
    return guarded([&]() -> Result<void> {
      return for_each_line(corpus, [&](std::string_view line) -> Result<void> {
        TESSERA_TRY_ASSIGN(const Tokens tokens, tokenize_line(line, end));
        for (const std::string& token : tokens) TESSERA_TRY(counter_.add(token));
        return {};
      });
    });
  }

  /// Makes the vocabulary of what was counted. Tokens that were added before keep their ids.
  Result<void> build() noexcept {
    return guarded([&]() -> Result<void> {
      TESSERA_TRY_ASSIGN(vocabulary_, words_.build(counter_));
      unknown_ = no_id;
      return {};
    });
  }

  /// Appends the ids of a corpus, line by line.
  Result<void> encode_corpus(std::string_view corpus, LineEnd end, Ids& out) const noexcept {
    return guarded([&]() -> Result<void> {
      return for_each_line(corpus, [&](std::string_view line) -> Result<void> {
        TESSERA_TRY_ASSIGN(const Tokens tokens, tokenize_line(line, end));
        TESSERA_TRY_ASSIGN(const Ids ids, tokens_to_ids(tokens));
        out.insert(out.end(), ids.begin(), ids.end());
        return {};
      });
    });
  }

  /// vocab.bin, as torch.save writes it; the reference takes symbols and ids out of it.
  Result<std::vector<VocabularyFile>> vocabulary_files(std::vector<std::string>&) const override {
    std::vector<VocabularyFile> files;
    files.push_back({"vocab.bin", torch_vocabulary(vocabulary_, unknown_)});
    return files;
  }

  Result<std::string> tokens_to_string(std::span<const std::string> tokens) const override {
    std::string joined;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) joined += ' ';
      joined += tokens[i];
    }
    return std::string(strip(joined));
  }

  RunText run_text() const noexcept override { return {true, utf8::OnError::replace}; }

  Result<void> append_run_text(std::string_view token, bool first, std::string& out) const override {
    if (!first) out += ' ';
    out += token;
    return {};
  }

 private:
  Result<void> tokenize_stretch(std::string_view chunk, LineEnd end, Tokens& out) const {
    if (words_.options().delimiter && words_.options().delimiter->empty()) {
      return Error::format(Code::invalid_argument, "%s: the delimiter is empty, which only word_level.hpp takes",
                           traits().class_name);
    }
    return words_.for_each_symbol(chunk, end, [&out](std::string_view symbol) { out.emplace_back(symbol); });
  }

  Result<void> tokenize_chunk(std::string_view chunk, Tokens& out, TextScratch&) const override {
    return tokenize_stretch(chunk, LineEnd::none, out);
  }

  Id vocabulary_id(std::string_view token) const noexcept override {
    const Id id = vocabulary_.find(token);
    if (id != no_id || unknown_ != no_id) return id != no_id ? id : unknown_;
    return unknown_symbol(vocabulary_);
  }
  bool in_vocabulary(std::string_view token) const noexcept override { return vocabulary_.contains(token); }
  Result<std::string> vocabulary_token(Id id) const override {
    if (vocabulary_.has(id)) return std::string(vocabulary_.token(id));
    return Error::format(Code::out_of_range, "%s: id %d has no symbol, the vocabulary has %zu", traits().class_name, id,
                         vocabulary_.size());
  }

  WordLevel words_;
  SymbolCounter counter_;
  Vocabulary vocabulary_;
  Id unknown_;
};

}  // namespace tessera::text
