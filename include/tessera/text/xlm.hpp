// The tokenizer of XLM, from memory: Moses' normalizer and tokenizer for a language, lower-casing, byte-pair encoding.
//
// Chinese, Thai and Japanese need a word segmenter, which is not here: without a hook for one they are refused by name.
// Source: Lample and Conneau 2019 (facebookresearch/XLM, tools/tokenize.sh); pytorch-transformers 1.2.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/text/bpe_tokenizer.hpp"
#include "tessera/text/moses_normalize.hpp"
#include "tessera/text/moses_tokenize.hpp"
#include "tessera/text/openai_gpt.hpp"

namespace tessera::inline TESSERA_ISA::text {

struct XLMOptions {
  /// Words of a text in a language that does not part them by spaces. May be called by several threads.
  using Segmenter = std::function<std::vector<std::string>(std::string_view text)>;

  /// ISO code of the texts' language.
  std::string language = "en";
  /// Texts are split at white space alone: they were prepared elsewhere.
  bool bypass_tokenizer = false;
  bool do_lowercase_and_remove_accent = true;
  /// Ids of the languages that a model knows, where it says which.
  std::vector<std::pair<std::string, Id>> lang2id = {};
  /// For zh, th and ja.
  Segmenter segmenter = {};
  std::int64_t max_len = Tokenizer::no_max_len;
  SpecialTokens special_tokens = default_special_tokens();

  static SpecialTokens default_special_tokens() {
    SpecialTokens special;
    special.set(Role::bos, "<s>").set(Role::unk, "<unk>").set(Role::sep, "</s>").set(Role::pad, "<pad>");
    special.set(Role::cls, "</s>").set(Role::mask, "<special1>");
    std::vector<std::string> additional;
    for (char digit = '0'; digit <= '9'; ++digit) additional.push_back(std::string("<special") + digit + ">");
    return special.set_additional(std::move(additional));
  }
};

class XLMTokenizer final : public BpeTokenizer {
 public:
  /// From a parsed vocab.json and the bytes of a merges.txt, which has no header and counts in a third column.
  static Result<XLMTokenizer> from_memory(Vocabulary vocabulary, std::string_view merges_txt,
                                          XLMOptions options = {}) noexcept {
    return guarded([&]() -> Result<XLMTokenizer> {
      TESSERA_TRY_ASSIGN(Merges merges, Merges::read(merges_txt, {.header = false, .most_fields = 2}));
      TESSERA_TRY_ASSIGN(WordEndBpe bpe, WordEndBpe::make(vocabulary, merges));
      return XLMTokenizer(std::move(vocabulary), std::move(merges), std::move(bpe), std::move(options));
    });
  }

  const TokenizerTraits& traits() const noexcept override {
    // </s> A </s> and </s> A </s> B </s>
    static constexpr TokenizerTraits xlm{
        "XLMTokenizer", layout(special(Role::cls), first_text(), special(Role::sep)),
        layout(special(Role::cls), first_text(), special(Role::sep), second_text(1), special(Role::sep, 1)), 2, 3};
    return xlm;
  }

  const XLMOptions& options() const noexcept { return options_; }

  /// The language of the texts to come. Not for a tokenizer that other threads use.
  void set_language(std::string language) {
    options_.language = std::move(language);
    moses_ = moses::Tokenizer(options_.language);
  }

  /// The sentence that the reference logs for a language that the model does not list.
  std::optional<std::string> language_warning() const {
    if (options_.language.empty() || options_.lang2id.empty()) return std::nullopt;
    for (const auto& [language, id] : options_.lang2id) {
      if (language == options_.language) return std::nullopt;
    }
    return "Supplied language code not found in lang2id mapping. Please check that your language is supported by the "
           "loaded pretrained model.";
  }

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

  /// Lower case, decomposed, without marks: what XLM does to words that it has joined by spaces. Appended.
  static void append_lowered(std::u32string_view text, std::u32string& out) {
    const std::u32string decomposed = unicode::normalize(unicode::lower(text), unicode::Form::nfd);
    std::u32string kept;
    for (const char32_t c : decomposed) {
      if (unicode::category(c) != unicode::Category::Mn) kept.push_back(c);
    }
    unicode::lower_into(kept, out);  // twice: a decomposed letter may have a lower case that the whole one has not
  }

 private:
  XLMTokenizer(Vocabulary vocabulary, Merges merges, WordEndBpe bpe, XLMOptions options)
      : BpeTokenizer(std::move(options.special_tokens), options.max_len, std::move(vocabulary), std::move(merges),
                     MergesHeader::absent),
        options_(std::move(options)),
        moses_(options_.language),
        bpe_(std::move(bpe)) {
    tokens_changed();
  }

  bool needs_segmenter() const noexcept {
    return options_.language == "zh" || options_.language == "th" || options_.language == "ja";
  }

  /// The clean-up that comes before words are looked for.
  void normalize(std::u32string& text) const {
    moses::replace_unicode_punctuation(text);
    moses::normalize_punctuation(text, options_.language);
    moses::remove_non_printing(text);
  }

  /// Calls f(word) for each word that the byte-pair encoding gets to see.
  template <class F>
  Result<void> for_each_word_of(std::string_view chunk, TextScratch& scratch, F&& f) const {
    if (options_.bypass_tokenizer) {
      for_each_word(chunk, f);
      return {};
    }
    std::u32string text;
    std::u32string words;  // with spaces between
    bool none = true;
    const auto add = [&words, &none](std::u32string_view word) {
      if (!std::exchange(none, false)) words.push_back(U' ');
      words += word;
    };
    const auto add_segments = [&](std::string_view whole, auto&& each) {
      for (const std::string& segment : options_.segmenter(whole)) {
        each(utf8::decode(segment));
      }
    };
    if (needs_segmenter() && !options_.segmenter) {
      return Error::format(
          Code::unsupported,
          "%s: texts in the language \"%s\" need a word segmenter: give one as the option segmenter, or "
          "segmented texts with bypass_tokenizer",
          traits().class_name, options_.language.c_str());
    }
    std::vector<std::u32string> segments;  // kept apart: one may hold spaces
    if (options_.language == "zh") {
      std::u32string joined;
      bool first = true;
      add_segments(chunk, [&](const std::u32string& segment) {
        if (!std::exchange(first, false)) joined.push_back(U' ');
        joined += segment;
      });
      normalize(joined);
      for_each_word(utf8::encode(joined), [&](std::string_view word) { add(utf8::decode(word)); });
    } else {
      utf8::decode_into(chunk, text, utf8::OnError::replace, utf8::Surrogates::accept);
      normalize(text);
      if (needs_segmenter()) {
        add_segments(utf8::encode(text), [&](const std::u32string& segment) {
          segments.push_back(segment);
          add(segment);
        });
      } else {
        if (options_.language == "ro") moses::strip_romanian_diacritics(text);
        moses_.for_each_token(text, add);
      }
    }
    std::string& word = scratch.word;
    if (!options_.do_lowercase_and_remove_accent && !segments.empty()) {
      for (const std::u32string& segment : segments) {
        word = utf8::encode(segment);
        if (!word.empty()) f(std::string_view(word));
      }
      return {};
    }
    if (options_.do_lowercase_and_remove_accent) {
      text.clear();
      append_lowered(words, text);
      words.swap(text);
    }
    for (std::size_t i = 0; i < words.size();) {
      const std::size_t end = (std::min)(words.find(U' ', i), words.size());
      word.clear();
      for (std::size_t k = i; k < end; ++k) utf8::append(word, words[k]);
      if (!word.empty()) f(std::string_view(word));
      i = end + 1;
    }
    return {};
  }

  Result<void> tokenize_chunk(std::string_view chunk, Tokens& out, TextScratch& scratch) const override {
    return for_each_word_of(chunk, scratch, [&](std::string_view word) {
      for (const BpeToken& token : bpe_.encode(word, scratch.bpe)) {
        std::string string;
        bpe_.append_string(token.symbol, string);
        // The reference joins the symbols of a word by spaces and splits there; one may hold a space itself.
        std::size_t start = 0;
        for (std::size_t space = string.find(' '); space != string.npos; space = string.find(' ', start)) {
          out.push_back(string.substr(start, space - start));
          start = space + 1;
        }
        out.push_back(start == 0 ? std::move(string) : string.substr(start));
      }
    });
  }

  Result<void> encode_chunk(std::string_view chunk, IdSource source, Ids& out, TextScratch& scratch) const override {
    if (needs_segmenter() || (source == IdSource::added_first && added_hides_vocabulary())) {
      return Tokenizer::encode_chunk(chunk, source, out, scratch);
    }
    claim_cache(scratch);
    Error problem;
    TESSERA_TRY(for_each_word_of(chunk, scratch, [&](std::string_view word) {
      if (problem) return;
      append_ids(
          bpe_.bpe(), word, source, out, scratch, problem, [&] { return bpe_.encode(word, scratch.bpe); },
          [this](Symbol s, std::string& string) { bpe_.append_string(s, string); });
    }));
    if (problem) return problem;
    return {};
  }

  Result<std::string> vocabulary_token(Id id) const override {
    return vocabulary().has(id) ? std::string(vocabulary().token(id)) : special_tokens()[Role::unk];
  }

  XLMOptions options_;
  moses::Tokenizer moses_;
  WordEndBpe bpe_;
};

}  // namespace tessera::text
