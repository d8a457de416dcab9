// The punctuation normalizer of Moses, and the two clean-ups that XLM runs around it.
//
// All are sequences of plain replacements over code points. Each says what it replaces; a replacement whose characters
// do not occur costs nothing, since one pass before has noted which characters do. Source: the Moses project
// (normalize-punctuation.perl, replace-unicode-punctuation.perl, remove-non-printing-char.perl) as sacremoses 0.2.0 and
// pytorch-transformers 1.2.0 have them; Sennrich et al. 2016 (WMT16 scripts, Romanian).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tessera/text/unicode.hpp"

namespace tessera::inline TESSERA_ISA::text::moses {

namespace detail {

/// Replacements on one text, one after the other.
class Rewriter {
 public:
  explicit Rewriter(std::u32string& text) : text_(text) { note(text); }

  /// Whether a character may occur: sure where the answer is no.
  bool may_have(char32_t c) const noexcept { return (seen_[bucket(c) / 64] >> (bucket(c) % 64) & 1U) != 0; }

  /// str.replace(from, to).
  Rewriter& replace(std::u32string_view from, std::u32string_view to) {
    for (const char32_t c : from) {
      if (!may_have(c)) return *this;
    }
    std::size_t hit = text_.find(from);
    if (hit == std::u32string::npos) return *this;
    note(to);
    if (from.size() == 1 && to.size() == 1) {
      std::replace(text_.begin() + static_cast<std::ptrdiff_t>(hit), text_.end(), from[0], to[0]);
      return *this;
    }
    other_.clear();
    std::size_t at = 0;
    for (; hit != std::u32string::npos; hit = text_.find(from, at)) {
      other_.append(text_, at, hit - at).append(to);
      at = hit + from.size();
    }
    other_.append(text_, at);
    text_.swap(other_);
    return *this;
  }

  /// Runs of spaces become one.
  Rewriter& collapse_spaces() {
    if (text_.find(U"  ") == std::u32string::npos) return *this;
    text_.erase(std::unique(text_.begin(), text_.end(), [](char32_t a, char32_t b) { return a == U' ' && b == U' '; }),
                text_.end());
    return *this;
  }

  /// `from` and the white space behind it become `to`.
  Rewriter& replace_with_space_behind(char32_t from, std::u32string_view to) {
    if (!may_have(from)) return *this;
    other_.clear();
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] != from) {
        other_.push_back(text_[i]);
        continue;
      }
      other_.append(to);
      while (i + 1 < text_.size() && unicode::is_python_space(text_[i + 1])) ++i;
    }
    note(to);
    text_.swap(other_);
    return *this;
  }

  /// A decimal digit, `between`, and, if `both`, another digit: `between` becomes `to`.
  Rewriter& replace_behind_digit(std::u32string_view between, std::u32string_view to, bool both) {
    for (const char32_t c : between) {
      if (!may_have(c)) return *this;
    }
    other_.clear();
    for (std::size_t i = 0; i < text_.size();) {
      const std::size_t behind = i + 1 + between.size();
      if (is_decimal(text_[i]) && text_.compare(i + 1, between.size(), between) == 0 &&
          (!both || (behind < text_.size() && is_decimal(text_[behind])))) {
        other_.push_back(text_[i]);
        other_.append(to);
        i = behind;
        if (both) other_.push_back(text_[i++]);
      } else {
        other_.push_back(text_[i++]);
      }
    }
    note(to);
    text_.swap(other_);
    return *this;
  }

  /// A quote and a run of commas and full stops: the quote goes behind the run.
  Rewriter& quote_behind_commas() {
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] != U'"') continue;
      while (i + 1 < text_.size() && (text_[i + 1] == U',' || text_[i + 1] == U'.')) {
        std::swap(text_[i], text_[i + 1]);
        ++i;
      }
    }
    return *this;
  }

  /// A run of full stops and a quote, where something but "<" follows: the quote goes before the run.
  Rewriter& quote_before_stops() {
    for (std::size_t i = 0; i < text_.size();) {
      if (text_[i] != U'.') {
        ++i;
        continue;
      }
      std::size_t end = i;
      while (end < text_.size() && text_[end] == U'.') ++end;
      if (end == text_.size() || text_[end] != U'"') {
        i = end;
        continue;
      }
      std::size_t behind = end + 1;
      while (behind < text_.size() && unicode::is_python_space(text_[behind])) ++behind;
      const bool more = behind < text_.size() && text_[behind] != U'<';
      if (!more && behind == end + 1) {
        i = end + 1;
        continue;
      }
      std::rotate(text_.begin() + static_cast<std::ptrdiff_t>(i), text_.begin() + static_cast<std::ptrdiff_t>(end),
                  text_.begin() + static_cast<std::ptrdiff_t>(end + 1));
      // What follows is a part of the match and begins no other.
      i = more ? behind + 1 : behind;
    }
    return *this;
  }

 private:
  static constexpr std::size_t buckets = 1024;
  static constexpr std::size_t bucket(char32_t c) noexcept { return (c ^ (c >> 10)) % buckets; }
  static bool is_decimal(char32_t c) noexcept {
    return c < 0x80 ? c >= U'0' && c <= U'9' : unicode::category(c) == unicode::Category::Nd;
  }
  void note(std::u32string_view characters) noexcept {
    for (const char32_t c : characters) seen_[bucket(c) / 64] |= std::uint64_t{1} << (bucket(c) % 64);
  }

  std::u32string& text_;
  std::u32string other_;
  std::uint64_t seen_[buckets / 64] = {};
};

inline void strip(std::u32string& text) {
  std::size_t end = text.size();
  while (end > 0 && unicode::is_python_space(text[end - 1])) --end;
  text.resize(end);
  std::size_t start = 0;
  while (start < text.size() && unicode::is_python_space(text[start])) ++start;
  text.erase(0, start);
}

}  // namespace detail

/// East Asian and full-width punctuation made ASCII. "１" becomes a quote: an error of the original that models know.
inline void replace_unicode_punctuation(std::u32string& text) {
  detail::Rewriter rewrite(text);
  rewrite.replace(U"，", U",").replace_with_space_behind(U'。', U". ").replace(U"、", U",").replace(U"”", U"\"");
  rewrite.replace(U"“", U"\"").replace(U"∶", U":").replace(U"：", U":").replace(U"？", U"?").replace(U"《", U"\"");
  rewrite.replace(U"》", U"\"").replace(U"）", U")").replace(U"！", U"!").replace(U"（", U"(").replace(U"；", U";");
  rewrite.replace(U"１", U"\"").replace(U"」", U"\"").replace(U"「", U"\"");
  constexpr std::u32string_view digits = U"023456789";
  for (const char32_t digit : digits) {
    const char32_t wide = digit - U'0' + U'０';
    rewrite.replace({&wide, 1}, {&digit, 1});
  }
  rewrite.replace_with_space_behind(U'．', U". ").replace(U"～", U"~").replace(U"’", U"'").replace(U"…", U"...");
  rewrite.replace(U"━", U"-").replace(U"〈", U"<").replace(U"〉", U">").replace(U"【", U"[").replace(U"】", U"]");
  rewrite.replace(U"％", U"%");
}

/// Drops controls, format characters, surrogates, private use and unassigned code points.
inline void remove_non_printing(std::u32string& text) {
  std::erase_if(text, [](char32_t c) { return unicode::is_other(unicode::category(c)); });
}

/// Romanian: letters without their diacritics, the comma below and the cedilla alike.
inline void strip_romanian_diacritics(std::u32string& text) {
  constexpr std::u32string_view from =
      U"\u015E\u0218\u015F\u0219\u0162\u021A\u0163\u021B\u0102\u0103\u00C2\u00E2\u00CE\u00EE";
  constexpr std::u32string_view to = U"SSssTTttAaAaIi";
  static_assert(from.size() == to.size());
  for (char32_t& c : text) {
    const std::size_t at = c < 0x80 ? from.npos : from.find(c);
    if (at != from.npos) c = to[at];
  }
}

/// Moses' normalizer of punctuation for a language: quotes, dashes, spaces, and numbers.
inline void normalize_punctuation(std::u32string& text, std::string_view language) {
  detail::Rewriter rewrite(text);
  rewrite.replace(U"\r", U"").replace(U"(", U" (").replace(U")", U") ").collapse_spaces();
  for (const std::u32string_view closed : {U") .", U") :", U") !", U") ?", U") ;", U") ,"}) {
    const char32_t without_space[] = {closed[0], closed[2]};
    rewrite.replace(closed, {without_space, 2});
  }
  rewrite.replace(U"( ", U"(").replace(U" )", U")").replace_behind_digit(U" %", U"%", false);
  rewrite.replace(U" :", U":").replace(U" ;", U";").replace(U"`", U"'").replace(U"''", U" \" ");
  rewrite.replace(U"„", U"\"").replace(U"“", U"\"").replace(U"”", U"\"").replace(U"–", U"-").replace(U"—", U" - ");
  rewrite.collapse_spaces().replace(U"´", U"'").replace(U"‘", U"'").replace(U"‚", U"'").replace(U"’", U"'");
  rewrite.replace(U"''", U"\"").replace(U"…", U"...");
  rewrite.replace(U"\u00A0«\u00A0", U"\"").replace(U"«\u00A0", U"\"").replace(U"«", U"\"");
  rewrite.replace(U"\u00A0»\u00A0", U"\"").replace(U"\u00A0»", U"\"").replace(U"»", U"\"");
  rewrite.replace(U"\u00A0%", U"%").replace(U"nº\u00A0", U"nº ").replace(U"\u00A0:", U":").replace(U"\u00A0ºC", U" ºC");
  rewrite.replace(U"\u00A0cm", U" cm").replace(U"\u00A0?", U"?").replace(U"\u00A0!", U"!").replace(U"\u00A0;", U";");
  rewrite.replace(U",\u00A0", U", ").collapse_spaces();
  const bool german_or_so = language == "de" || language == "es" || language == "fr";
  if (language == "en") rewrite.quote_behind_commas();
  if (german_or_so) rewrite.replace(U",\"", U"\",").quote_before_stops();
  const bool comma = german_or_so || language == "cz" || language == "cs";
  rewrite.replace_behind_digit(U"\u00A0", comma ? U"," : U".", true);
  detail::strip(text);
}

}  // namespace tessera::text::moses
