// The tokenizer of OpenAI GPT, from memory: lower-cased words, byte-pair encoding over characters, "</w>" at word ends.
//
// The reference takes spaCy for the words where it is installed, and BERT's basic tokenizer otherwise; this is the
// latter. What comes next to the former is an option: the original's clean-up, and then words by white space.
// Source: Radford et al. 2018 (openai/finetune-transformer-lm, text_utils.py); pytorch-transformers 1.2.0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "tessera/base/guard.hpp"
#include "tessera/text/basic.hpp"
#include "tessera/text/bpe_tokenizer.hpp"
#include "tessera/text/text_standardize.hpp"

namespace tessera::inline TESSERA_ISA::text {

struct OpenAIGPTOptions {
  enum class Words : unsigned char {
    basic,         ///< BERT's: accents are stripped and punctuation is parted off
    standardized,  ///< text_standardize, then lower-cased words, and each line feed is one
  };
  Words words = Words::basic;
  std::int64_t max_len = Tokenizer::no_max_len;
  SpecialTokens special_tokens = default_special_tokens();

  static SpecialTokens default_special_tokens() { return SpecialTokens().set(Role::unk, "<unk>"); }
};

/// Byte-pair encoding over characters; the last one of a word is a symbol together with "</w>".
class WordEndBpe {
 public:
  static constexpr std::string_view word_end = "</w>";

  static Result<WordEndBpe> make(const Vocabulary& vocabulary, const Merges& merges) {
    WordEndBpe out;
    TESSERA_TRY_ASSIGN(out.bpe_, Bpe::make(vocabulary, merges));
    for (char32_t c = 0; c < 0x80; ++c) {
      out.ascii_[c] = out.look_up(c, false);
      out.ascii_ends_[c] = out.look_up(c, true);
    }
    return out;
  }

  const Bpe& bpe() const noexcept { return bpe_; }

  /// The symbols of a well-formed word. Valid until the next call.
  std::span<const BpeToken> encode(std::string_view word, BpeScratch& scratch) const {
    std::vector<Symbol>& characters = scratch.characters;
    characters.clear();
    for (std::size_t i = 0; i < word.size();) {
      const utf8::Step step = detail::step_at(word, i);
      i += step.length;
      characters.push_back(symbol_of(step.code_point, i == word.size()));
    }
    return bpe_.encode(
        characters.size(), [&characters](std::size_t i) { return characters[i]; }, scratch);
  }

  /// The string of a symbol, also of a character that the vocabulary does not have.
  void append_string(Symbol s, std::string& out) const {
    if (s < Bpe::first_foreign) {
      out += bpe_.string(s);
    } else {
      utf8::append(out, static_cast<char32_t>(s & 0x1FFFFFU));
      if ((s & foreign_end) != 0) out += word_end;
    }
  }

 private:
  static constexpr Symbol foreign_end = 1U << 30;

  Symbol look_up(char32_t c, bool last) const {
    std::string string;
    utf8::append(string, c);
    if (last) string += word_end;
    const Symbol found = bpe_.find(string);
    return found != Bpe::first_foreign ? found : Bpe::first_foreign | (last ? foreign_end : 0) | Symbol{c};
  }

  Symbol symbol_of(char32_t c, bool last) const {
    if (c < 0x80) return last ? ascii_ends_[c] : ascii_[c];
    return look_up(c, last);
  }

  Bpe bpe_;
  std::array<Symbol, 0x80> ascii_{};
  std::array<Symbol, 0x80> ascii_ends_{};
};

class OpenAIGPTTokenizer final : public BpeTokenizer {
 public:
  /// From a parsed vocab.json and the bytes of a merges.txt.
  static Result<OpenAIGPTTokenizer> from_memory(Vocabulary vocabulary, std::string_view merges_txt,
                                                OpenAIGPTOptions options = {}) noexcept {
    return guarded([&]() -> Result<OpenAIGPTTokenizer> {
      TESSERA_TRY_ASSIGN(Merges merges, Merges::read(merges_txt));
      TESSERA_TRY_ASSIGN(WordEndBpe bpe, WordEndBpe::make(vocabulary, merges));
      return OpenAIGPTTokenizer(std::move(vocabulary), std::move(merges), std::move(bpe), std::move(options));
    });
  }

  const TokenizerTraits& traits() const noexcept override {
    // Nothing is added, and two texts follow each other.
    static constexpr TokenizerTraits gpt{"OpenAIGPTTokenizer", layout(first_text()),
                                         layout(first_text(), second_text()), 0, 0};
    return gpt;
  }

  /// Joins the tokens; "</w>" becomes a space, and the ends are stripped.
  Result<std::string> tokens_to_string(std::span<const std::string> tokens) const override {
    std::string joined;
    for (const std::string& token : tokens) joined += token;
    return std::string(strip(replace_all(joined, WordEndBpe::word_end, " ")));
  }

  RunText run_text() const noexcept override { return {true, utf8::OnError::replace}; }

  Result<void> append_run_text(std::string_view token, bool, std::string& out) const override {
    out += replace_all(token, WordEndBpe::word_end, " ");
    return {};
  }

 private:
  OpenAIGPTTokenizer(Vocabulary vocabulary, Merges merges, WordEndBpe bpe, OpenAIGPTOptions options)
      : BpeTokenizer(std::move(options.special_tokens), options.max_len, std::move(vocabulary), std::move(merges)),
        bpe_(std::move(bpe)),
        words_(options.words) {
    tokens_changed();
  }

  template <class F>
  void for_each_word_of(std::string_view chunk, TextScratch& scratch, F&& f) const {
    if (words_ == OpenAIGPTOptions::Words::basic) {
      basic_.for_each_word(chunk, WordSet(), scratch.basic, f);
      return;
    }
    const std::string standard = text_standardize(chunk);
    const auto lowered = [&](std::string_view word) {
      scratch.word = utf8::encode(unicode::lower(decoded(word)));
      f(std::string_view(scratch.word));
    };
    for (std::size_t i = 0; i < standard.size();) {
      // text_standardize has left single spaces and line feeds of the white space.
      const std::size_t end = (std::min)(standard.find_first_of(" \n", i), standard.size());
      if (end > i) lowered(std::string_view(standard).substr(i, end - i));
      if (end < standard.size() && standard[end] == '\n') f(std::string_view("\n"));
      i = end + 1;
    }
  }

  static std::u32string decoded(std::string_view s) {
    std::u32string out;
    utf8::decode_into(s, out, utf8::OnError::replace, utf8::Surrogates::accept);
    return out;
  }

  Result<void> tokenize_chunk(std::string_view chunk, Tokens& out, TextScratch& scratch) const override {
    for_each_word_of(chunk, scratch, [&](std::string_view word) {
      for (const BpeToken& token : bpe_.encode(word, scratch.bpe)) {
        bpe_.append_string(token.symbol, out.emplace_back());
      }
    });
    return {};
  }

  Result<void> encode_chunk(std::string_view chunk, IdSource source, Ids& out, TextScratch& scratch) const override {
    if (source == IdSource::added_first && added_hides_vocabulary()) {
      return Tokenizer::encode_chunk(chunk, source, out, scratch);
    }
    claim_cache(scratch);
    Error problem;
    for_each_word_of(chunk, scratch, [&](std::string_view word) {
      if (problem) return;
      append_ids(
          bpe_.bpe(), word, source, out, scratch, problem, [&] { return bpe_.encode(word, scratch.bpe); },
          [this](Symbol s, std::string& string) { bpe_.append_string(s, string); });
    });
    if (problem) return problem;
    return {};
  }

  /// As in the reference, any id without a token stands for the unknown one.
  Result<std::string> vocabulary_token(Id id) const override {
    return vocabulary().has(id) ? std::string(vocabulary().token(id)) : special_tokens()[Role::unk];
  }

  WordEndBpe bpe_;
  BasicTokenizer basic_;
  OpenAIGPTOptions::Words words_;
};

}  // namespace tessera::text
