// BERT's pre-tokenizer: clean the text, part it into words, lower-case them and strip accents, part off punctuation.
//
// Used by BERT, DistilBERT and, for want of another library, by OpenAI GPT. What it yields are words, not tokens of a
// vocabulary. Words of ASCII alone take a path of their own, which decodes nothing.
// Source: Devlin et al. 2018 (google-research/bert, tokenization.py), as changed in pytorch-transformers 1.2.0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/text/unicode.hpp"
#include "tessera/text/utf8.hpp"
#include "tessera/text/word_set.hpp"

namespace tessera::inline TESSERA_ISA::text {

struct BasicOptions {
  /// Lower-case and strip accents. Without it there is no normalisation whatsoever.
  bool do_lower_case = true;
  /// Makes each CJK ideograph a word.
  bool tokenize_chinese_chars = true;
  /// Words that are neither lower-cased nor stripped. Punctuation is parted off even from these ...
  std::vector<std::string> never_split = {};
  /// ... unless this is set, which is what release 0.6.2 of the reference does.
  bool never_split_keeps_punctuation = false;
};

namespace basic {

/// Removed by the cleaning: controls, format characters, surrogates, private use, unassigned, U+FFFD.
inline bool is_removed(char32_t c) noexcept {
  if (c < 0x7F) return c < 0x20 && c != U'\t' && c != U'\n' && c != U'\r';
  return c == utf8::replacement || unicode::is_other(unicode::category(c));
}

/// Turned into a space by the cleaning.
inline bool is_space(char32_t c) noexcept {
  if (c < 0x80) return c == U' ' || c == U'\t' || c == U'\n' || c == U'\r';
  return unicode::category(c) == unicode::Category::Zs;
}

/// All of ASCII that is neither letter nor digit nor space, and the categories P*. Not "€", "©" or "°".
inline bool is_punctuation(char32_t c) noexcept {
  if (c < 0x80) {
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
  }
  return unicode::is_punctuation(unicode::category(c));
}

/// The CJK ideographs that become words: neither kana nor Hangul, and no extension after E.
constexpr bool is_chinese(char32_t c) noexcept {
  return c >= 0x3400 &&
         ((c >= 0x4E00 && c <= 0x9FFF) || c <= 0x4DBF || (c >= 0xF900 && c <= 0xFAFF) ||
          (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) ||
          (c >= 0x2B820 && c <= 0x2CEAF) || (c >= 0x2F800 && c <= 0x2FA1F));
}

/// What an ASCII byte is to the pre-tokenizer.
enum class Ascii : std::uint8_t { other, upper, punctuation, space, removed, not_ascii };

inline constexpr std::array<Ascii, 256> ascii_classes = [] {
  std::array<Ascii, 256> classes{};
  for (std::size_t i = 0; i < 256; ++i) {
    const bool letter = (i >= '0' && i <= '9') || (i >= 'a' && i <= 'z');
    if (i >= 0x80) {
      classes[i] = Ascii::not_ascii;
    } else if (i == ' ' || i == '\t' || i == '\n' || i == '\r') {
      classes[i] = Ascii::space;
    } else if (i < 0x20 || i == 0x7F) {
      classes[i] = Ascii::removed;
    } else if (i >= 'A' && i <= 'Z') {
      classes[i] = Ascii::upper;
    } else {
      classes[i] = letter ? Ascii::other : Ascii::punctuation;
    }
  }
  return classes;
}();

constexpr Ascii ascii_class(char byte) noexcept { return ascii_classes[static_cast<std::uint8_t>(byte)]; }

}  // namespace basic

/// The memory of a run, kept between runs so that it is allocated once.
struct BasicScratch {
  std::string word;
  std::u32string clean;
  std::u32string lower;
  std::u32string decomposed;
};

class BasicTokenizer {
 public:
  BasicTokenizer() : BasicTokenizer(BasicOptions{}) {}
  explicit BasicTokenizer(BasicOptions options) : options_(std::move(options)), never_split_(options_.never_split) {}

  const BasicOptions& options() const noexcept { return options_; }

  /// Calls f(word) for each word of a well-formed text. `also_never` holds further words of the kind of never_split.
  /// A word handed to f is valid until f returns.
  template <class F>
  void for_each_word(std::string_view text, const WordSet& also_never, BasicScratch& scratch, F&& f) const {
    std::size_t i = 0;
    while (true) {
      while (i < text.size() && basic::ascii_class(text[i]) == basic::Ascii::space) ++i;
      if (i == text.size()) return;
      const std::size_t start = i;
      bool ascii = true;
      bool removed = false;
      for (; i < text.size(); ++i) {
        const basic::Ascii k = basic::ascii_class(text[i]);
        if (k == basic::Ascii::space) break;
        ascii &= k != basic::Ascii::not_ascii;
        removed |= k == basic::Ascii::removed;
      }
      const std::string_view word = text.substr(start, i - start);
      if (ascii) {
        ascii_word(word, removed, also_never, scratch, f);
      } else {
        words_of(word, also_never, scratch, f);
      }
    }
  }

  /// The words of any bytes, which are repaired first.
  std::vector<std::string> tokenize(std::string_view text) const {
    std::string repaired;
    if (!utf8::is_valid(text)) text = repaired = utf8::repair(text);
    return words(text);
  }

  /// The words of code points, lone surrogates among them.
  std::vector<std::string> tokenize(std::u32string_view text) const { return words(utf8::encode(text)); }

  /// The cleaning step alone.
  static std::u32string clean(std::u32string_view text) {
    std::u32string out;
    out.reserve(text.size());
    for (const char32_t c : text) {
      if (!basic::is_removed(c)) out.push_back(basic::is_space(c) ? U' ' : c);
    }
    return out;
  }

 private:
  std::vector<std::string> words(std::string_view text) const {
    std::vector<std::string> out;
    BasicScratch scratch;
    for_each_word(text, WordSet(), scratch, [&out](std::string_view word) { out.emplace_back(word); });
    return out;
  }

  bool is_protected(std::string_view word, const WordSet& also_never) const noexcept {
    return never_split_.contains(word) || also_never.contains(word);
  }

  /// A word without white space, all ASCII.
  template <class F>
  void ascii_word(std::string_view word, bool removed, const WordSet& also_never, BasicScratch& scratch, F& f) const {
    if (removed) {
      scratch.word.clear();
      for (const char c : word) {
        if (basic::ascii_class(c) != basic::Ascii::removed) scratch.word.push_back(c);
      }
      if (scratch.word.empty()) return;
      const std::string cleaned = scratch.word;
      ascii_word(cleaned, false, also_never, scratch, f);
      return;
    }
    const bool lower = options_.do_lower_case && !is_protected(word, also_never);
    std::string& out = scratch.word;
    if (options_.never_split_keeps_punctuation && !never_split_.empty()) {
      out.assign(word);
      if (lower) lower_ascii(out);
      if (is_protected(out, also_never)) {
        f(std::string_view(out));
        return;
      }
    }
    out.clear();
    for (const char c : word) {
      const basic::Ascii k = basic::ascii_class(c);
      if (k == basic::Ascii::punctuation) {
        if (!out.empty()) f(std::string_view(out));
        out.clear();
        f(std::string_view(&c, 1));
      } else {
        out.push_back(lower && k == basic::Ascii::upper ? static_cast<char>(c + 0x20) : c);
      }
    }
    if (!out.empty()) f(std::string_view(out));
  }

  static void lower_ascii(std::string& s) noexcept {
    for (char& c : s) {
      if (basic::ascii_class(c) == basic::Ascii::upper) c = static_cast<char>(c + 0x20);
    }
  }

  /// A stretch without ASCII white space that holds more than ASCII: cleaned, and parted at other white space and
  /// around ideographs.
  template <class F>
  void words_of(std::string_view stretch, const WordSet& also_never, BasicScratch& scratch, F& f) const {
    scratch.clean.clear();
    const auto flush = [&] {
      if (!scratch.clean.empty()) unicode_word(also_never, scratch, f);
      scratch.clean.clear();
    };
    utf8::for_each(stretch, utf8::OnError::replace, utf8::Surrogates::accept, [&](char32_t c) {
      if (basic::is_removed(c)) return;
      if (unicode::is_python_space(c)) {
        flush();
      } else if (options_.tokenize_chinese_chars && basic::is_chinese(c)) {
        flush();
        scratch.clean.push_back(c);
        flush();
      } else {
        scratch.clean.push_back(c);
      }
    });
    flush();
  }

  /// The word in scratch.clean.
  template <class F>
  void unicode_word(const WordSet& also_never, BasicScratch& scratch, F& f) const {
    const auto spelled = [&scratch](const std::u32string& word) -> const std::string& {
      scratch.word.clear();
      for (const char32_t c : word) utf8::append(scratch.word, c);
      return scratch.word;
    };
    const std::u32string* word = &scratch.clean;
    if (options_.do_lower_case && !is_protected(spelled(scratch.clean), also_never)) {
      scratch.lower.clear();
      scratch.decomposed.clear();
      unicode::lower_into(scratch.clean, scratch.lower);
      unicode::normalize_into(scratch.lower, unicode::Form::nfd, scratch.decomposed);
      std::erase_if(scratch.decomposed,
                    [](char32_t c) { return c >= 0x300 && unicode::category(c) == unicode::Category::Mn; });
      word = &scratch.decomposed;
    }
    if (options_.never_split_keeps_punctuation && is_protected(spelled(*word), also_never)) {
      f(std::string_view(scratch.word));
      return;
    }
    std::string& out = scratch.word;
    out.clear();
    for (const char32_t c : *word) {
      const bool apart = basic::is_punctuation(c);
      if (apart && !out.empty()) {
        f(std::string_view(out));
        out.clear();
      }
      utf8::append(out, c);
      if (apart) {
        f(std::string_view(out));
        out.clear();
      }
    }
    if (!out.empty()) f(std::string_view(out));
  }

  BasicOptions options_;
  WordSet never_split_;
};

}  // namespace tessera::text
