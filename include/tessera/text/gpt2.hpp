// The tokenizer of GPT-2, from memory: words by a pattern, bytes as characters, byte-pair encoding.
//
// Any text can be encoded and no token is ever unknown, if the vocabulary has the 256 bytes. A space is put before each
// text, and before each stretch behind an added or special token. RoBERTa's tokenizer is this one with other special
// tokens: roberta.hpp. Source: Radford et al. 2019 (openai/gpt-2, encoder.py); pytorch-transformers 1.2.0.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "tessera/base/guard.hpp"
#include "tessera/text/bpe_tokenizer.hpp"
#include "tessera/text/byte_alphabet.hpp"
#include "tessera/text/byte_bpe.hpp"
#include "tessera/text/gpt2_words.hpp"

namespace tessera::inline TESSERA_ISA::text {

/// What decoding makes of bytes that are not UTF-8.
enum class DecodeErrors : unsigned char {
  replace,  ///< one U+FFFD for each maximal valid prefix
  ignore,   ///< they are dropped
  strict,   ///< an error
};

struct Gpt2Options {
  DecodeErrors errors = DecodeErrors::replace;
  std::int64_t max_len = Tokenizer::no_max_len;
  SpecialTokens special_tokens = default_special_tokens();

  static SpecialTokens default_special_tokens() {
    SpecialTokens special;
    for (const Role role : {Role::bos, Role::eos, Role::unk}) special.set(role, "<|endoftext|>");
    return special;
  }
};

class Gpt2Tokenizer : public BpeTokenizer {
 public:
  /// From a parsed vocab.json and the bytes of a merges.txt.
  static Result<Gpt2Tokenizer> from_memory(Vocabulary vocabulary, std::string_view merges_txt,
                                           Gpt2Options options = {}) noexcept {
    return guarded([&]() -> Result<Gpt2Tokenizer> {
      TESSERA_TRY_ASSIGN(Merges merges, Merges::read(merges_txt));
      TESSERA_TRY_ASSIGN(ByteBpe bpe, ByteBpe::make(vocabulary, merges));
      return Gpt2Tokenizer(std::move(vocabulary), std::move(merges), std::move(bpe), std::move(options));
    });
  }

  const TokenizerTraits& traits() const noexcept override {
    // Nothing is added, and two texts follow each other.
    static constexpr TokenizerTraits gpt2{"GPT2Tokenizer", layout(first_text()), layout(first_text(), second_text()), 0,
                                          0};
    return gpt2;
  }

  DecodeErrors errors() const noexcept { return errors_; }

  /// The bytes that the tokens spell, decoded.
  Result<std::string> tokens_to_string(std::span<const std::string> tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) TESSERA_TRY(append_run_text(token, false, bytes));
    const std::size_t bad = utf8::find_invalid(bytes);
    if (bad == bytes.size()) return bytes;
    if (errors_ == DecodeErrors::strict) {
      return Error::format(Code::bad_format, "%s: the tokens spell no UTF-8, byte 0x%02X at offset %zu is invalid",
                           traits().class_name, static_cast<unsigned>(static_cast<std::uint8_t>(bytes[bad])), bad);
    }
    return utf8::repair(bytes, errors_ == DecodeErrors::ignore ? utf8::OnError::ignore : utf8::OnError::replace);
  }

  bool spells_bytes() const noexcept override { return true; }

  /// A token may hold a part of a character.
  RunText run_text() const noexcept override {
    return {false, errors_ == DecodeErrors::ignore ? utf8::OnError::ignore : utf8::OnError::replace};
  }

  Result<void> append_run_text(std::string_view token, bool, std::string& out) const override {
    for (std::size_t i = 0; i < token.size();) {
      const utf8::Step step = detail::step_at(token, i);
      const int byte = byte_alphabet::byte(step.code_point);
      if (byte == byte_alphabet::no_byte) {
        return Error::format(Code::bad_format, "%s: token \"%.*s\" holds U+%04X, which stands for no byte",
                             traits().class_name, static_cast<int>(std::min<std::size_t>(token.size(), 100)),
                             token.data(), static_cast<unsigned>(step.code_point));
      }
      out.push_back(static_cast<char>(byte));
      i += step.length;
    }
    return {};
  }

 protected:
  Gpt2Tokenizer(Vocabulary vocabulary, Merges merges, ByteBpe bpe, Gpt2Options options)
      : BpeTokenizer(std::move(options.special_tokens), options.max_len, std::move(vocabulary), std::move(merges)),
        bpe_(std::move(bpe)),
        errors_(options.errors) {
    tokens_changed();
  }

 private:
  /// Calls f(word) for each word of a stripped chunk, with a space before the first; f returns false to stop.
  template <class F>
  Result<void> for_each_word_of(std::string_view chunk, TextScratch& scratch, F&& f) const {
    // Only text that was given as code points can hold a lone surrogate, which has no bytes.
    if (const std::size_t bad = utf8::find_invalid(chunk); bad != chunk.size()) {
      return Error::format(Code::invalid_argument, "%s: the text holds a lone surrogate, U+%04X, which is no character",
                           traits().class_name, static_cast<unsigned>(detail::step_at(chunk, bad).code_point));
    }
    std::size_t at = Gpt2Words::end_of_first_run(chunk);
    scratch.word.assign(1, ' ').append(chunk, 0, at);
    if (!f(std::string_view(scratch.word))) return {};
    while (at < chunk.size()) {
      const std::size_t end = Gpt2Words::end_of_word(chunk, at);
      if (!f(chunk.substr(at, end - at))) return {};
      at = end;
    }
    return {};
  }

  Result<void> tokenize_chunk(std::string_view chunk, Tokens& out, TextScratch& scratch) const override {
    return for_each_word_of(chunk, scratch, [&](std::string_view word) {
      while (!word.empty()) {
        const std::size_t cut = bpe_.first_cut(word);
        for (const BpeToken& token : bpe_.encode(word.substr(0, cut), scratch.bpe)) {
          out.emplace_back(bpe_.bpe().string(token.symbol));
        }
        word.remove_prefix(cut);
      }
      return true;
    });
  }

  Result<void> encode_chunk(std::string_view chunk, IdSource source, Ids& out, TextScratch& scratch) const override {
    if (source == IdSource::added_first && added_hides_vocabulary()) {
      return Tokenizer::encode_chunk(chunk, source, out, scratch);
    }
    claim_cache(scratch);
    Error problem;
    TESSERA_TRY(for_each_word_of(chunk, scratch, [&](std::string_view word) {
      while (!word.empty()) {
        const std::string_view piece = word.substr(0, bpe_.first_cut(word));
        const bool good = append_ids(
            bpe_.bpe(), piece, source, out, scratch, problem, [&] { return bpe_.encode(piece, scratch.bpe); },
            [this](Symbol s, std::string& string) { string = bpe_.bpe().string(s); });
        if (!good) return false;
        word.remove_prefix(piece.size());
      }
      return true;
    }));
    if (problem) return problem;
    return {};
  }

  Result<std::string> vocabulary_token(Id id) const override {
    if (vocabulary().has(id)) return std::string(vocabulary().token(id));
    return Error::format(Code::out_of_range, "%s: id %d has no token, the vocabulary's ids are below %zu",
                         traits().class_name, id, vocabulary().id_bound());
  }

  ByteBpe bpe_;
  DecodeErrors errors_;
};

}  // namespace tessera::text
