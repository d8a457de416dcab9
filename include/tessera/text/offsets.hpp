// Where tokens lie in the text that they were made of: spans in bytes and in code points.
//
// Tokenizers change a text before they cut it (lower case, no accents, one space for many), so that a token is found
// again by what it spells: both sides are folded (decomposed by compatibility, without marks, spaces and controls, in
// lower case) and the letters are paired from left to right; where they differ, the pairing goes on at the nearest
// place where three of them agree. A token that spells nothing of the text - the unknown one - gets what lies between
// its neighbours. Tokens of bytes are paired byte by byte. Equal spans occur where one character became several tokens,
// and spans go backwards where a tokenizer exchanged two characters.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/text/basic.hpp"
#include "tessera/text/tokenizer.hpp"
#include "tessera/text/unicode.hpp"
#include "tessera/text/utf8.hpp"

namespace tessera::inline TESSERA_ISA::text {

/// [begin, end) in bytes and in code points. Bytes that are no UTF-8 count as Python's 'replace' counts them: one code
/// point for each maximal valid prefix.
struct TokenSpan {
  std::size_t byte_begin = 0;
  std::size_t byte_end = 0;
  std::size_t point_begin = 0;
  std::size_t point_end = 0;

  bool operator==(const TokenSpan&) const = default;
};

namespace detail {

/// Pairs letters of a text with letters of tokens.
class Pairing {
 public:
  /// A letter: its value, and the number of the code point (or the token) that it comes from.
  struct Letter {
    char32_t value;
    std::uint32_t from;
    bool begins_word = false;
  };
  static constexpr std::uint32_t none = 0xFFFFFFFFU;
  /// Stands for a whole word, of which nothing is known.
  static constexpr char32_t any_word = 0xFFFFFFFFU;

  /// For each letter of the tokens the number of the letter of the text, or none.
  static std::vector<std::uint32_t> pair(std::span<const Letter> text, std::span<const Letter> tokens) {
    std::vector<std::uint32_t> out(tokens.size(), none);
    std::size_t i = 0;
    for (std::size_t j = 0; j < tokens.size();) {
      if (i < text.size() && text[i].value == tokens[j].value) {
        out[j++] = static_cast<std::uint32_t>(i++);
      } else if (tokens[j].value == any_word) {
        std::size_t words = 0;
        while (j < tokens.size() && tokens[j].value == any_word) ++j, ++words;
        i += behind_words(text.subspan(i), words, tokens.subspan(j));
      } else if (i + 1 < text.size() && j + 1 < tokens.size() && text[i].value == tokens[j + 1].value &&
                 text[i + 1].value == tokens[j].value) {
        out[j++] = static_cast<std::uint32_t>(i + 1);  // exchanged: a quote and a comma, say
        out[j++] = static_cast<std::uint32_t>(i);
        i += 2;
      } else {
        const auto [skip_text, skip_tokens] = resume(text.subspan(i), tokens.subspan(j));
        i += skip_text;
        j += skip_tokens;
      }
    }
    return out;
  }

 private:
  static constexpr std::size_t reach = 48;
  static constexpr std::size_t agreeing = 3;

  /// Whether the next letters agree: three of them, or as many as there are before the end or a word unknown.
  static bool agree(std::span<const Letter> text, std::span<const Letter> tokens) {
    for (std::size_t k = 0; k < agreeing; ++k) {
      if (k == tokens.size() || tokens[k].value == any_word) return k > 0;
      if (k == text.size()) return k > 0;
      if (text[k].value != tokens[k].value) return false;
    }
    return true;
  }

  /// The fewest letters to be passed over on both sides so that the next ones agree.
  static std::pair<std::size_t, std::size_t> resume(std::span<const Letter> text, std::span<const Letter> tokens) {
    for (std::size_t sum = 1; sum <= reach; ++sum) {
      for (std::size_t b = 0; b <= sum; ++b) {
        const std::size_t a = sum - b;
        if (a < text.size() && b < tokens.size() && agree(text.subspan(a), tokens.subspan(b))) return {a, b};
      }
    }
    return {0, 1};
  }

  /// How many letters so many words have, if what follows them is `tokens`: where these begin a word.
  static std::size_t behind_words(std::span<const Letter> text, std::size_t words, std::span<const Letter> tokens) {
    if (tokens.empty()) return text.size();
    constexpr std::size_t furthest = 4096;
    std::size_t seen = 0;
    std::size_t early = 0;  // the last place that fits, but with fewer words before it
    for (std::size_t a = 0; a < text.size(); ++a) {
      if (!text[a].begins_word) continue;
      const bool enough = seen++ >= words;
      if (!agree(text.subspan(a), tokens)) continue;
      if (enough) return a;
      early = a;
      if (a > furthest) break;
    }
    return early;
  }
};

/// Appends what is left of a code point when it is folded.
inline void append_folded(char32_t c, std::uint32_t from, std::vector<Pairing::Letter>& out) {
  // What tokenizers replace by ASCII beside the normal forms: quotes, dashes, East Asian brackets and stops.
  constexpr std::u32string_view from_signs =
      U"\u2018\u2019\u201A\u00B4\u201C\u201D\u201E\u00AB\u00BB\u300A\u300B\u300C\u300D\u2013\u2014\u2501\u3002\u3001"
      U"\u2236\u3008\u3009\u3010\u3011";
  constexpr std::u32string_view to_signs = U"''''\"\"\"\"\"\"\"\"\"---.,:<>[]";
  static_assert(from_signs.size() == to_signs.size());
  if (c >= 0x80) {
    if (const std::size_t at = from_signs.find(c); at != from_signs.npos) c = to_signs[at];
  }
  if (c < 0x80) {
    if (c == U'`') c = U'\'';
    if (c > 0x20 && c < 0x7F) out.push_back({unicode::simple_lower(c), from});
    return;
  }
  for (const char32_t part : unicode::normalize({&c, 1}, unicode::Form::nfkd)) {
    const unicode::Category k = unicode::category(part);
    if (unicode::is_mark(k) || unicode::is_other(k) || unicode::is_python_space(part) || part == utf8::replacement)
      continue;
    const char32_t lower = unicode::simple_lower(part);
    for (const char32_t again : unicode::normalize({&lower, 1}, unicode::Form::nfkd)) {
      // A final sigma is a sigma: which of them it is depends on what follows.
      if (!unicode::is_mark(unicode::category(again))) out.push_back({again == 0x3C2 ? char32_t{0x3C3} : again, from});
    }
  }
}

}  // namespace detail

/// The spans of tokens that tokenize(text) gave, in their order. Tokens that are not from the text (special ones that
/// were put around it) get empty spans.
inline Result<std::vector<TokenSpan>> token_offsets(const Tokenizer& tokenizer, std::string_view text,
                                                    std::span<const std::string> tokens) noexcept {
  return guarded([&]() -> Result<std::vector<TokenSpan>> {
    using Letter = detail::Pairing::Letter;
    // Code points, and where each begins.
    std::vector<char32_t> points;
    std::vector<std::size_t> starts;
    for (std::size_t at = 0; at < text.size();) {
      const utf8::Step step = utf8::decode_one(text.data() + at, text.data() + text.size());
      points.push_back(step.code_point);
      starts.push_back(at);
      at += step.length;
    }
    starts.push_back(text.size());
    if (points.size() >= detail::Pairing::none) {
      return Error::format(Code::out_of_range, "offsets: a text of %zu code points is too long", points.size());
    }

    const bool bytes = tokenizer.spells_bytes();
    std::vector<Letter> letters;
    std::vector<std::size_t> byte_of;  // with bytes: the place of each letter
    for (std::size_t p = 0; p < points.size(); ++p) {
      if (!bytes) {
        const std::size_t before = letters.size();
        detail::append_folded(points[p], static_cast<std::uint32_t>(p), letters);
        const auto alone = [&points](std::size_t i) {
          return basic::is_punctuation(points[i]) || basic::is_chinese(points[i]);
        };
        if (letters.size() > before) {
          letters[before].begins_word = p == 0 || alone(p) || alone(p - 1) || unicode::is_python_space(points[p - 1]);
        }
        continue;
      }
      std::string spelled;
      utf8::append(spelled, points[p]);
      for (std::size_t b = 0; b < spelled.size(); ++b) {
        letters.push_back({static_cast<std::uint8_t>(spelled[b]), static_cast<std::uint32_t>(p)});
        byte_of.push_back((std::min)(starts[p] + b, starts[p + 1] - 1));
      }
    }

    std::vector<Letter> spelled;
    std::string surface;
    const std::string& unknown = tokenizer.special_tokens()[Role::unk];
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      const auto from = static_cast<std::uint32_t>(t);
      // The unknown token stands for something else, unless the text has it spelled out.
      if (tokens[t] == unknown && text.find(unknown) == text.npos) {
        spelled.push_back({detail::Pairing::any_word, from});
        continue;
      }
      surface.clear();
      if (tokenizer.is_added(tokens[t]) || !tokenizer.append_run_text(tokens[t], false, surface).ok())
        surface = tokens[t];
      if (bytes) {
        for (const char c : surface) spelled.push_back({static_cast<std::uint8_t>(c), from});
      } else {
        for (const char32_t c : utf8::decode(surface)) detail::append_folded(c, from, spelled);
      }
    }

    constexpr std::size_t missing = static_cast<std::size_t>(-1);
    std::vector<TokenSpan> spans(tokens.size(), {missing, 0, missing, 0});
    const std::vector<std::uint32_t> pairs = detail::Pairing::pair(letters, spelled);
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      if (pairs[k] == detail::Pairing::none) continue;
      const std::size_t p = letters[pairs[k]].from;
      TokenSpan& span = spans[spelled[k].from];
      const std::size_t first = bytes ? byte_of[pairs[k]] : starts[p];
      // A space that a tokenizer put before a word is none of those that it took away.
      if (bytes && span.point_begin != missing && first != span.byte_end) span = {missing, 0, missing, 0};
      span.byte_begin = (std::min)(span.byte_begin, first);
      span.point_begin = (std::min)(span.point_begin, p);
      span.byte_end = (std::max)(span.byte_end, bytes ? first + 1 : starts[p + 1]);
      span.point_end = (std::max)(span.point_end, p + 1);
    }

    // Marks and format characters right behind a token are its own; they fold to nothing.
    if (!bytes) {
      for (TokenSpan& span : spans) {
        if (span.point_begin == missing) continue;
        while (span.point_end < points.size() && unicode::is_mark(unicode::category(points[span.point_end])))
          ++span.point_end;
        span.byte_end = starts[span.point_end];
      }
    }

    // What spells nothing lies between its neighbours: a word each, if there are as many, else all of it with the
    // first.
    for (std::size_t t = 0; t < spans.size(); ++t) {
      if (spans[t].point_begin != missing) continue;
      std::size_t last = t;
      while (last < spans.size() && spans[last].point_begin == missing) ++last;
      const std::size_t begin = t == 0 ? 0 : spans[t - 1].point_end;
      const std::size_t end = last == spans.size() ? points.size() : spans[last].point_begin;
      std::vector<std::pair<std::size_t, std::size_t>> words;
      for (std::size_t p = begin; p < end;) {
        if (unicode::is_python_space(points[p]) || basic::is_removed(points[p])) {
          ++p;
          continue;
        }
        const auto alone = [&points](std::size_t i) {
          return basic::is_punctuation(points[i]) || basic::is_chinese(points[i]);
        };
        std::size_t q = p + 1;
        while (!alone(p) && q < end && !unicode::is_python_space(points[q]) && !alone(q)) ++q;
        words.emplace_back(p, q);
        p = q;
      }
      const bool one_each = words.size() == last - t;
      for (std::size_t u = t; u < last; ++u) {
        std::pair<std::size_t, std::size_t> place(u == t ? begin : spans[u - 1].point_end, 0);
        place.second = place.first;
        if (one_each) place = words[u - t];
        if (!one_each && u == t && !words.empty()) place = {words.front().first, words.back().second};
        spans[u] = {starts[place.first], starts[place.second], place.first, place.second};
      }
      t = last - 1;
    }
    return spans;
  });
}

}  // namespace tessera::text
