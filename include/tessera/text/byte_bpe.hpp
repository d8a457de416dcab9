// Byte-pair encoding over bytes, as in GPT-2 and RoBERTa: the symbol of each byte, and where long words can be cut.
//
// The tables name bytes by the characters of byte_alphabet.hpp. Parting a text into words is not done here.
// Source: Radford et al. 2019 (openai/gpt-2, encoder.py).
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tessera/text/bpe.hpp"
#include "tessera/text/byte_alphabet.hpp"
#include "tessera/text/merges.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

/// Byte-pair encoding over bytes: the symbols of the bytes, and where a word can be cut beforehand.
class ByteBpe {
 public:
  static Result<ByteBpe> make(const Vocabulary& vocabulary, const Merges& merges) {
    ByteBpe out;
    TESSERA_TRY_ASSIGN(out.bpe_, Bpe::make(vocabulary, merges));
    std::string character;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      character.clear();
      utf8::append(character, byte_alphabet::character(static_cast<std::uint8_t>(byte)));
      TESSERA_TRY(out.bpe_.intern(character, out.symbols_[byte]));
    }
    for (std::size_t rank = 0; rank < merges.rank_bound(); ++rank) {
      const auto merge = merges.at(rank);
      if (!merge) continue;
      const int last = byte_alphabet::byte(last_of(merge->left));
      const int first = byte_alphabet::byte(detail::step_at(merge->right, 0).code_point);
      if (last != byte_alphabet::no_byte && first != byte_alphabet::no_byte) {
        out.meet_.set(static_cast<std::size_t>(last) * 256 + static_cast<std::size_t>(first));
      }
    }
    return out;
  }

  const Bpe& bpe() const noexcept { return bpe_; }

  /// The symbols of a word's bytes, one after the other. Valid until the next call.
  std::span<const BpeToken> encode(std::string_view word, BpeScratch& scratch) const {
    return bpe_.encode(
        word.size(), [&](std::size_t i) { return symbols_[static_cast<std::uint8_t>(word[i])]; }, scratch);
  }

  /// Where the first piece of a word ends that is encoded apart from the rest: no merge joins across that place. Short
  /// words are left whole.
  std::size_t first_cut(std::string_view word) const noexcept {
    if (word.size() <= short_word) return word.size();
    std::size_t end = 1;
    while (end < word.size() && meet_.test(static_cast<std::size_t>(static_cast<std::uint8_t>(word[end - 1])) * 256 +
                                           static_cast<std::uint8_t>(word[end]))) {
      ++end;
    }
    return end;
  }

 private:
  static constexpr std::size_t short_word = 30;

  static char32_t last_of(std::string_view s) noexcept {
    std::size_t at = s.size() - 1;
    while (at > 0 && (static_cast<std::uint8_t>(s[at]) & 0xC0U) == 0x80U) --at;
    return detail::step_at(s, at).code_point;
  }

  Bpe bpe_;
  std::array<Symbol, 256> symbols_{};
  std::bitset<std::size_t{256} * 256> meet_;  // [last byte of a left side][first byte of a right side]
};

}  // namespace tessera::text
