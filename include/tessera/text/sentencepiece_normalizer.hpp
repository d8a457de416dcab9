// The normalizer inside sentencepiece: replacement rules compiled into a trie, and what becomes of spaces.
//
// The rules (such as nmt_nfkc, a variant of NFKC) are data of the model file: a double array of the library Darts-clone
// over the left sides, and behind it the right sides, each ended by a zero byte. At each place the longest rule wins.
// The bytes are untrusted: rules that point outside of them are refused when the map is made.
// Source: google/sentencepiece, normalizer.cc; s-yata/darts-clone (the layout of a unit).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/result.hpp"
#include "tessera/text/double_array.hpp"
#include "tessera/text/sentencepiece_model.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/utf8.hpp"

namespace tessera::inline TESSERA_ISA::text {

/// A precompiled charsmap, in place.
class CharsMap {
 public:
  CharsMap() = default;

  /// `blob` must outlive the map. An empty one has no rules.
  static Result<CharsMap> make(std::string_view blob) {
    CharsMap map;
    if (blob.empty()) return map;
    if (blob.size() < 4) {
      return Error::format(Code::bad_format,
                           "sentencepiece model: precompiled_charsmap has %zu bytes, expected 4 or more", blob.size());
    }
    const std::size_t trie = load(blob, 0);
    if (trie % 4 != 0 || trie > blob.size() - 4) {
      return Error::format(
          Code::bad_format,
          "sentencepiece model: the trie of precompiled_charsmap has %zu bytes, expected a multiple of "
          "4 and at most %zu",
          trie, blob.size() - 4);
    }
    map.units_ = blob.substr(4, trie);
    map.right_sides_ = blob.substr(4 + trie);
    TESSERA_TRY(map.survey());
    return map;
  }

  bool empty() const noexcept { return units_.empty(); }

  struct Match {
    std::size_t length = 0;  ///< bytes of the left side, 0 if no rule fits
    std::string_view replacement;
  };

  /// The longest rule whose left side `text` begins with.
  Match longest(std::string_view text) const noexcept {
    Match match;
    const std::size_t count = units_.size() / 4;
    if (count == 0) return match;
    std::size_t value = 0;
    std::size_t at = offset(unit(0));
    // The original looks at no more than 32 rules, which no longest rule exceeds: rules have few bytes.
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<std::uint8_t>(text[i]);
      at ^= byte;
      if (at >= count) break;
      const std::uint32_t u = unit(at);
      if (label(u) != byte) break;
      at ^= offset(u);
      if (has_leaf(u) && at < count) {
        match.length = i + 1;
        value = unit(at) & 0x7FFFFFFFU;
      }
    }
    if (match.length > 0) match.replacement = right_side(value);
    return match;
  }

  /// True if some rule may change an ASCII byte that an ASCII byte follows.
  bool changes_ascii(char byte) const noexcept { return changes_ascii_[static_cast<std::uint8_t>(byte) & 0x7FU]; }
  /// True if a space may be a part of a longer left side, so that words cannot be normalized one by one.
  bool joins_spaces() const noexcept { return joins_spaces_; }

 private:
  static std::uint32_t load(std::string_view from, std::size_t at) noexcept {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<std::uint8_t>(from[at + i])} << (8 * i);
    return value;
  }
  std::uint32_t unit(std::size_t i) const noexcept { return load(units_, 4 * i); }
  static constexpr std::size_t offset(std::uint32_t u) noexcept { return (u >> 10) << ((u & 0x200U) >> 6); }
  static constexpr std::uint32_t label(std::uint32_t u) noexcept { return u & 0x800000FFU; }
  static constexpr bool has_leaf(std::uint32_t u) noexcept { return (u & 0x100U) != 0; }

  std::string_view right_side(std::size_t at) const noexcept {
    if (at >= right_sides_.size()) return {};
    const std::string_view rest = right_sides_.substr(at);
    return rest.substr(0, (std::min)(rest.find('\0'), rest.size()));
  }

  /// Visits each rule once: refuses those that point outside, and notes what the rules may do.
  Result<void> survey() {
    const std::size_t count = units_.size() / 4;
    if (count == 0) return {};
    // Units by the base that their label leads back to: children of a node are those with the node's base.
    constexpr std::uint32_t end = 0xFFFFFFFFU;
    std::vector<std::uint32_t> first((count | 255U) + 1, end);
    std::vector<std::uint32_t> next(count, end);
    for (std::size_t i = count; i-- > 1;) {
      const std::uint32_t l = label(unit(i));
      if (l > 0xFF) continue;
      const std::size_t base = i ^ l;
      next[i] = first[base];
      first[base] = static_cast<std::uint32_t>(i);
    }
    struct Place {
      std::uint32_t node;
      std::uint32_t depth;
      std::uint8_t first_byte;
    };
    std::vector<Place> waiting{{0, 0, 0}};
    std::vector<bool> seen(count, false);
    seen[0] = true;
    while (!waiting.empty()) {
      const Place place = waiting.back();
      waiting.pop_back();
      const std::uint32_t u = unit(place.node);
      const std::size_t base = (place.depth == 0 ? 0 : place.node) ^ offset(u);
      if (place.depth > 0 && has_leaf(u)) {
        const std::size_t value = base < count ? unit(base) & 0x7FFFFFFFU : right_sides_.size();
        if (value >= right_sides_.size()) {
          return Error::format(Code::bad_format,
                               "sentencepiece model: a rule of precompiled_charsmap points outside of its %zu bytes",
                               right_sides_.size());
        }
        if (!utf8::is_valid(right_side(value))) {
          return Error::format(Code::bad_format, "sentencepiece model: a rule of precompiled_charsmap yields no UTF-8");
        }
        if (place.depth == 1 && place.first_byte < 0x80) {
          const char self = static_cast<char>(place.first_byte);
          if (right_side(value) != std::string_view(&self, 1)) changes_ascii_[place.first_byte] = true;
        }
      }
      if (base >= first.size()) continue;
      for (std::uint32_t child = first[base]; child != end; child = next[child]) {
        if (seen[child]) continue;
        seen[child] = true;
        const auto byte = static_cast<std::uint8_t>(child ^ base);
        const std::uint8_t first_byte = place.depth == 0 ? byte : place.first_byte;
        if (place.depth > 0 && (byte == ' ' || first_byte == ' ')) joins_spaces_ = true;
        if (place.depth == 1 && byte < 0x80 && first_byte < 0x80) changes_ascii_[first_byte] = true;
        waiting.push_back({child, place.depth + 1, first_byte});
      }
    }
    return {};
  }

  std::string_view units_;
  std::string_view right_sides_;
  std::array<bool, 128> changes_ascii_{};
  bool joins_spaces_ = false;
};

/// What sentencepiece makes of a text before it looks for pieces.
class SentencePieceNormalizer {
 public:
  static constexpr std::string_view space_symbol = "\xE2\x96\x81";  // U+2581

  SentencePieceNormalizer() = default;

  /// The bytes that `model` points into must outlive the normalizer.
  static Result<SentencePieceNormalizer> make(const SentencePieceModel& model) {
    SentencePieceNormalizer out;
    TESSERA_TRY_ASSIGN(out.map_, CharsMap::make(model.precompiled_charsmap));
    std::vector<std::pair<std::string_view, std::int32_t>> kept;
    for (const SentencePieceEntry& entry : model.pieces) {
      if (entry.type == PieceType::user_defined) kept.emplace_back(entry.piece, 0);
    }
    out.user_defined_ = DoubleArray(std::move(kept));
    out.add_dummy_prefix_ = model.add_dummy_prefix;
    out.remove_extra_whitespaces_ = model.remove_extra_whitespaces;
    out.space_ = model.escape_whitespaces ? space_symbol : std::string_view(" ");
    out.suffix_ = model.treat_whitespace_as_suffix;
    return out;
  }

  /// Symbols that no rule touches and that are always pieces of their own.
  const DoubleArray& user_defined() const noexcept { return user_defined_; }

  /// True if the form of a text is that of its words, each behind a space symbol, one after the other.
  bool is_word_wise() const noexcept {
    return add_dummy_prefix_ && remove_extra_whitespaces_ && !suffix_ && space_ == space_symbol && !map_.joins_spaces();
  }

  /// True if a word of ASCII letters and signs stays as it is.
  bool keeps_ascii(std::string_view word) const noexcept {
    for (const char c : word) {
      if (static_cast<std::uint8_t>(c) >= 0x80 || map_.changes_ascii(c)) return false;
    }
    return true;
  }

  /// Appends the normal form of a well-formed text.
  void append(std::string_view text, std::string& out) const {
    const std::size_t floor = out.size();
    if (text.empty()) return;
    if (remove_extra_whitespaces_) {
      while (!text.empty()) {
        const Step step = first_of(text);
        if (step.replacement != " ") break;
        text.remove_prefix(step.length);
      }
      if (text.empty()) return;
    }
    if (!suffix_ && add_dummy_prefix_) out += space_;
    bool after_space = remove_extra_whitespaces_;
    while (!text.empty()) {
      const Step step = first_of(text);
      std::string_view part = step.replacement;
      if (after_space) part.remove_prefix((std::min)(part.find_first_not_of(' '), part.size()));
      for (const char c : part) {
        if (c == ' ') {
          out += space_;
        } else {
          out += c;
        }
      }
      if (!part.empty()) after_space = part.back() == ' ';
      if (!remove_extra_whitespaces_) after_space = false;
      text.remove_prefix(step.length);
    }
    if (remove_extra_whitespaces_) {
      while (out.size() - floor >= space_.size() && std::string_view(out).substr(floor).ends_with(space_)) {
        out.resize(out.size() - space_.size());
      }
    }
    if (suffix_ && add_dummy_prefix_) out += space_;
  }

 private:
  struct Step {
    std::string_view replacement;
    std::size_t length;
  };

  /// What the front of a text becomes, and how long that front is.
  Step first_of(std::string_view text) const noexcept {
    if (const std::size_t kept = user_defined_.longest_prefix(text); kept > 0) return {text.substr(0, kept), kept};
    const bool ascii = static_cast<std::uint8_t>(text[0]) < 0x80;
    if (ascii && !map_.changes_ascii(text[0]) && (text.size() == 1 || static_cast<std::uint8_t>(text[1]) < 0x80)) {
      return {text.substr(0, 1), 1};
    }
    if (const CharsMap::Match match = map_.longest(text); match.length > 0) return {match.replacement, match.length};
    const std::size_t length = detail::step_at(text, 0).length;
    return {text.substr(0, length), length};
  }

  CharsMap map_;
  DoubleArray user_defined_;
  bool add_dummy_prefix_ = true;
  bool remove_extra_whitespaces_ = true;
  bool suffix_ = false;
  std::string_view space_ = space_symbol;
};

}  // namespace tessera::text
