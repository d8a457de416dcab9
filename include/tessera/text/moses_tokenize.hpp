// The tokenizer of Moses for a language: punctuation parted off words, commas off all but numbers, full stops off the
// ends of sentences but not off abbreviations.
//
// The rules are those of a chain of regular expressions; each step below is one of them, in their order, since later
// ones see what earlier ones have made. Nothing is escaped and no pattern is protected, as XLM calls it.
// Source: the Moses project (tokenizer.perl) as sacremoses 0.2.0 has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/text/moses_classes.hpp"
#include "tessera/text/moses_normalize.hpp"
#include "tessera/text/moses_prefixes.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/unicode.hpp"
#include "tessera/text/utf8.hpp"
#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text::moses {

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view language = "en") : language_(language) {
    const Prefixes* found = nullptr;
    for (const Prefixes& candidate : prefixes) {
      if (candidate.language == language || (found == nullptr && candidate.language == "en")) found = &candidate;
    }
    if (found != nullptr) {
      for_each_word(found->always, [this](std::string_view word) { (void)always_.set(word, 0); });
      for_each_word(found->before_numbers, [this](std::string_view word) { (void)before_numbers_.set(word, 0); });
    }
    if (language == "ko") letters_ |= Class::hangul;
  }

  std::string_view language() const noexcept { return language_; }

  /// Calls f(word) for each word of a text, which is used up.
  template <class F>
  void for_each_token(std::u32string& text, F&& f) const {
    std::u32string other;
    collapse_white_space(text);
    detail::strip(text);
    part_specials(text, other);
    mark_dots(text, other);
    part_commas(text, other);
    part_apostrophes(text, other);
    part_final_stops(text, other);
    collapse_white_space(text);
    detail::strip(text);
    part_trailing_stop_and_quote(text);
    restore_dots(text, other);
    each_word(text, f);
  }

 private:
  bool is(char32_t c, unsigned classes) const noexcept {
    // Hangul is a letter and alphanumeric in Korean alone.
    return (classes_of(c) & (classes | ((classes & (Class::alnum | Class::alpha)) != 0 ? letters_ : 0U))) != 0;
  }

  template <class F>
  static void each_word(std::u32string_view text, F&& f) {
    for (std::size_t i = 0; i < text.size();) {
      while (i < text.size() && unicode::is_python_space(text[i])) ++i;
      std::size_t end = i;
      while (end < text.size() && !unicode::is_python_space(text[end])) ++end;
      if (end > i) f(text.substr(i, end - i));
      i = end;
    }
  }

  /// Runs of white space become a space; then controls are dropped.
  static void collapse_white_space(std::u32string& text) {
    std::size_t to = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (unicode::is_python_space(text[i])) {
        if (i == 0 || !unicode::is_python_space(text[i - 1])) text[to++] = U' ';
      } else if (text[i] >= 0x20) {
        text[to++] = text[i];
      }
    }
    text.resize(to);
  }

  /// Spaces around each character that is neither alphanumeric nor one of . ' ` , -
  void part_specials(std::u32string& text, std::u32string& other) const {
    other.clear();
    for (const char32_t c : text) {
      const bool stays = is(c, Class::alnum) || c == U'.' || c == U'\'' || c == U'`' || c == U',' || c == U'-' ||
                         unicode::is_python_space(c);
      if (!stays) other.push_back(U' ');
      other.push_back(c);
      if (!stays) other.push_back(U' ');
    }
    text.swap(other);
  }

  // Runs of full stops are spelled as words meanwhile: "..." is DOTDOTDOTMULTI. A text that has such a word gets the
  // stops as well, as in the original.

  static void mark_dots(std::u32string& text, std::u32string& other) {
    if (text.find(U"..") == std::u32string::npos) return;
    other.clear();
    for (std::size_t i = 0; i < text.size();) {
      std::size_t end = i;
      while (end < text.size() && text[end] == U'.') ++end;
      if (end - i < 2) {
        other.push_back(text[i++]);
        continue;
      }
      other.push_back(U' ');
      for (; i < end; ++i) other += U"DOT";
      other += U"MULTI";
      if (end < text.size()) other.push_back(U' ');
    }
    text.swap(other);
  }

  static void restore_dots(std::u32string& text, std::u32string& other) {
    constexpr std::u32string_view dot = U"DOT";
    constexpr std::u32string_view multi = U"MULTI";
    if (text.find(multi) == std::u32string::npos) return;
    other.clear();
    for (std::size_t i = 0; i < text.size();) {
      std::size_t end = i;
      while (text.compare(end, dot.size(), dot) == 0) end += dot.size();
      if (end > i && text.compare(end, multi.size(), multi) == 0) {
        other.append((end - i) / dot.size(), U'.');
        i = end + multi.size();
      } else if (end > i) {
        other.append(text, i, end - i);
        i = end;
      } else {
        other.push_back(text[i++]);
      }
    }
    text.swap(other);
  }

  /// Spaces around commas that do not stand between numbers.
  static void part_commas(std::u32string& text, std::u32string& other) {
    if (text.find(U',') == std::u32string::npos) return;
    const auto number = [](char32_t c) { return (classes_of(c) & Class::number) != 0; };
    other.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
      other.push_back(text[i]);
      if (number(text[i]) || i + 1 == text.size() || text[i + 1] != U',') continue;
      other += U" , ";
      ++i;
    }
    text.clear();
    for (std::size_t i = 0; i < other.size(); ++i) {
      if (other[i] != U',' || i + 1 == other.size() || number(other[i + 1])) {
        text.push_back(other[i]);
        continue;
      }
      text += U" , ";
      text.push_back(other[++i]);
    }
    if (text.size() >= 2 && text.back() == U',' && number(text[text.size() - 2])) {
      text.pop_back();
      text += U" , ";
    }
  }

  /// For each apostrophe between two characters that `left` and `right` accept: spaces as told.
  template <class Left, class Right>
  static void part_apostrophe(std::u32string& text, std::u32string& other, Left&& left, Right&& right,
                              bool space_before, bool space_behind) {
    other.clear();
    for (std::size_t i = 0; i < text.size();) {
      other.push_back(text[i]);
      if (i + 2 < text.size() && text[i + 1] == U'\'' && left(text[i]) && right(text[i + 2])) {
        if (space_before) other.push_back(U' ');
        other.push_back(U'\'');
        if (space_behind) other.push_back(U' ');
        other.push_back(text[i + 2]);
        i += 3;  // the right one is no left one of the next
      } else {
        ++i;
      }
    }
    text.swap(other);
  }

  void part_apostrophes(std::u32string& text, std::u32string& other) const {
    if (text.find(U'\'') == std::u32string::npos) return;
    const auto alpha = [](char32_t c) { return is_letter(c); };
    const auto no_alpha = [](char32_t c) { return !is_letter(c); };
    const auto number = [](char32_t c) { return (classes_of(c) & Class::number) != 0; };
    if (language_ == "en") {
      part_apostrophe(text, other, no_alpha, no_alpha, true, true);
      part_apostrophe(
          text, other, [&](char32_t c) { return !alpha(c) && !number(c); }, alpha, true, true);
      part_apostrophe(text, other, alpha, no_alpha, true, true);
      part_apostrophe(text, other, alpha, alpha, true, false);
      part_apostrophe(
          text, other, number, [](char32_t c) { return c == U's'; }, true, false);
    } else if (language_ == "fr" || language_ == "it") {
      part_apostrophe(text, other, no_alpha, no_alpha, true, true);
      part_apostrophe(text, other, no_alpha, alpha, true, true);
      part_apostrophe(text, other, alpha, no_alpha, true, true);
      part_apostrophe(text, other, alpha, alpha, false, true);
    } else {
      detail::Rewriter(text).replace(U"'", U" ' ");
    }
  }

  /// The class is fixed where the patterns are made, before Korean adds to it.
  static bool is_letter(char32_t c) noexcept { return (classes_of(c) & Class::alpha) != 0; }

  /// The full stop at the end of a word stays with an abbreviation, before a small letter, or in a word with others.
  void part_final_stops(std::u32string& text, std::u32string& other) const {
    std::vector<std::u32string_view> words;
    each_word(text, [&words](std::u32string_view word) { words.push_back(word); });
    other.clear();
    std::string spelled;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (i > 0) other.push_back(U' ');
      other += words[i];
      if (words[i].size() < 2 || words[i].back() != U'.') continue;
      const std::u32string_view prefix = words[i].substr(0, words[i].size() - 1);
      const bool more = i + 1 < words.size();
      bool stays = more && (classes_of(words[i + 1][0]) & Class::lower) != 0;
      if (!stays && prefix.find(U'.') != prefix.npos) {
        for (const char32_t c : prefix) stays |= is(c, Class::alpha);
      }
      if (!stays) {
        spelled = utf8::encode(prefix);
        const bool next_is_number = more && words[i + 1][0] >= U'0' && words[i + 1][0] <= U'9';
        stays = before_numbers_.contains(spelled) ? next_is_number : always_.contains(spelled);
      }
      if (stays) continue;
      other.back() = U' ';
      other.push_back(U'.');
    }
    text.swap(other);
  }

  /// A text that ends in .' has both parted off.
  static void part_trailing_stop_and_quote(std::u32string& text) {
    const std::size_t space = !text.empty() && text.back() == U' ' ? 1 : 0;
    if (text.size() < 2 + space || text.compare(text.size() - 2 - space, 2, U".'") != 0) return;
    text.resize(text.size() - 2 - space);
    text += U" . ' ";
  }

  std::string language_;
  Vocabulary always_;
  Vocabulary before_numbers_;
  unsigned letters_ = 0;
};

}  // namespace tessera::text::moses
