// GPT-2's pre-tokenizer: parts a text into words, each with the space in front of it. No byte is lost.
//
// Written out by hand, the alternatives of
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// where the first one that matches wins. Not a regular expression engine; what the classes hold is in letters.hpp.
// Source: Radford et al. 2019 (openai/gpt-2, encoder.py).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tessera/text/letters.hpp"
#include "tessera/text/utf8.hpp"

namespace tessera::inline TESSERA_ISA::text {

class Gpt2Words {
 public:
  /// Where the word that starts at `at` ends. `text` is well formed, and `at` lies inside of it.
  static std::size_t end_of_word(std::string_view text, std::size_t at) noexcept {
    const char first = text[at];
    if (first == '\'') {
      if (const std::size_t n = contraction(text.substr(at)); n > 0) return at + n;
    }
    Kind kind = kind_at(text, at);
    if (first == ' ' && at + 1 < text.size()) {
      const Kind behind = kind_at(text, at + 1);
      if (behind != Kind::space) return end_of_run(text, at + 1, behind);
      kind = behind;
    }
    if (kind != Kind::space) return end_of_run(text, at, kind);
    // White space. Its last character goes to the next word if it is a space, and is a word of its own otherwise.
    std::size_t last = at;
    std::size_t end = at;
    while (end < text.size() && kind_at(text, end) == Kind::space) {
      last = end;
      end += length_at(text, end);
    }
    return end == text.size() || last == at ? end : last;
  }

  /// Where the run of characters of one class ends that starts a stripped text.
  static std::size_t end_of_first_run(std::string_view text) noexcept { return end_of_run(text, 0, kind_at(text, 0)); }

  /// Calls f(word) for each word of a well-formed text.
  template <class F>
  static void for_each(std::string_view text, F&& f) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = end_of_word(text, at);
      f(text.substr(at, end - at));
      at = end;
    }
  }

 private:
  using Kind = letters::Kind;
  static constexpr auto not_ascii = static_cast<Kind>(4);

  static constexpr std::array<Kind, 256> kinds = [] {
    std::array<Kind, 256> out{};
    for (std::size_t i = 0; i < 256; ++i) {
      if (i >= 0x80) {
        out[i] = not_ascii;
      } else if ((i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z')) {
        out[i] = Kind::letter;
      } else if (i >= '0' && i <= '9') {
        out[i] = Kind::number;
      } else {
        out[i] = i == ' ' || (i >= 9 && i <= 13) ? Kind::space : Kind::other;
      }
    }
    return out;
  }();

  static constexpr Kind ascii_kind(char byte) noexcept { return kinds[static_cast<std::uint8_t>(byte)]; }

  static utf8::Step step_at(std::string_view text, std::size_t at) noexcept {
    return utf8::decode_one(text.data() + at, text.data() + text.size(), utf8::Surrogates::accept);
  }
  static Kind kind_at(std::string_view text, std::size_t at) noexcept {
    const Kind kind = ascii_kind(text[at]);
    return kind == not_ascii ? letters::kind_of(step_at(text, at).code_point) : kind;
  }
  static std::size_t length_at(std::string_view text, std::size_t at) noexcept {
    return ascii_kind(text[at]) == not_ascii ? step_at(text, at).length : 1;
  }

  static std::size_t end_of_run(std::string_view text, std::size_t at, Kind kind) noexcept {
    while (true) {
      while (at < text.size() && ascii_kind(text[at]) == kind) ++at;
      if (at == text.size() || ascii_kind(text[at]) != not_ascii) return at;
      const utf8::Step step = step_at(text, at);
      if (letters::kind_of(step.code_point) != kind) return at;
      at += step.length;
    }
  }

  /// Bytes of the contraction that `text` starts with; 0 if there is none.
  static std::size_t contraction(std::string_view text) noexcept {
    if (text.size() < 2) return 0;
    switch (text[1]) {
      case 's':
      case 't':
      case 'm':
      case 'd': return 2;
      case 'r':
      case 'v': return text.size() > 2 && text[2] == 'e' ? 3 : 0;
      case 'l': return text.size() > 2 && text[2] == 'l' ? 3 : 0;
      default: return 0;
    }
  }
};

}  // namespace tessera::text
