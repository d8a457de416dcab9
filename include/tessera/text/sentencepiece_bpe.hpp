// The byte-pair model of sentencepiece: joins the two neighbours whose joint piece has the best score, until none is.
//
// Unlike bpe.hpp, which goes by ranks of pairs and joins all occurrences in a round, this one goes by scores of pieces,
// one join at a time, the leftmost first among equals; any two neighbours that spell a piece may be joined.
// Source: google/sentencepiece, bpe_model.cc.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tessera/text/double_array.hpp"
#include "tessera/text/sentencepiece_model.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/unigram.hpp"
#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

/// Places are 32 bits, as a text has at most SentencePiece::most_bytes: a long word takes 36 bytes for each of its own.
struct SentencePieceBpeScratch {
  struct Symbol {
    std::uint32_t begin;
    std::uint32_t length;  ///< 0: joined to another
    std::uint32_t previous;
    std::uint32_t next;
    bool frozen;  ///< user-defined: never joined
  };
  struct Pair {
    float score;
    std::uint32_t left;
    std::uint32_t right;
    std::uint32_t length;
  };
  std::vector<Symbol> symbols;
  std::vector<Pair> agenda;
  /// How a piece that must not be used is made: the length of its left part, as it was found last.
  std::unordered_map<std::string_view, std::size_t> unmade;
  std::vector<std::pair<std::size_t, std::size_t>> waiting;
};

class SentencePieceBpe {
 public:
  SentencePieceBpe() = default;
  explicit SentencePieceBpe(const SentencePieceModel& model) {
    scores_.reserve(model.pieces.size());
    unused_.reserve(model.pieces.size());
    for (const SentencePieceEntry& entry : model.pieces) {
      scores_.push_back(entry.score);
      unused_.push_back(entry.type == PieceType::unused);
    }
  }

  /// Calls emit(PieceSpan) for each piece of a well-formed text. `pieces` are those that may be found, `frozen` those
  /// that the text is cut at first; id_of(piece) is the id of any string.
  template <class IdOf, class Emit>
  void cut(std::string_view text, const Vocabulary& pieces, const DoubleArray& frozen, SentencePieceBpeScratch& scratch,
           IdOf&& id_of, Emit&& emit) const {
    using Scratch = SentencePieceBpeScratch;
    std::vector<Scratch::Symbol>& symbols = scratch.symbols;
    std::vector<Scratch::Pair>& agenda = scratch.agenda;
    symbols.clear();
    agenda.clear();
    scratch.unmade.clear();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t kept = frozen.longest_prefix(text.substr(at));
      const std::size_t length = kept > 0 ? kept : detail::step_at(text, at).length;
      const auto place = static_cast<std::uint32_t>(symbols.size());
      symbols.push_back(
          {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(length), place - 1, place + 1, kept > 0});
      at += length;
    }
    if (symbols.empty()) return;
    symbols.back().next = none;

    const auto worse = [](const Scratch::Pair& a, const Scratch::Pair& b) {
      return a.score < b.score || (a.score == b.score && a.left > b.left);
    };
    const auto offer = [&](std::uint32_t left, std::uint32_t right) {
      if (left == none || right == none || symbols[left].frozen || symbols[right].frozen) return;
      const std::uint32_t length = symbols[left].length + symbols[right].length;
      if (length > pieces.longest()) return;
      const std::string_view piece = text.substr(symbols[left].begin, length);
      const Id id = pieces.find(piece);
      if (id == no_id) return;
      if (unused_[static_cast<std::size_t>(id)]) scratch.unmade[piece] = symbols[left].length;
      agenda.push_back({scores_[static_cast<std::size_t>(id)], left, right, length});
      std::push_heap(agenda.begin(), agenda.end(), worse);
    };
    for (std::uint32_t i = 1; i < symbols.size(); ++i) offer(i - 1, i);

    while (!agenda.empty()) {
      std::pop_heap(agenda.begin(), agenda.end(), worse);
      const Scratch::Pair pair = agenda.back();
      agenda.pop_back();
      Scratch::Symbol& left = symbols[pair.left];
      Scratch::Symbol& right = symbols[pair.right];
      if (left.length == 0 || right.length == 0 || left.length + right.length != pair.length) continue;
      left.length = pair.length;
      right.length = 0;
      left.next = right.next;
      if (left.next != none) symbols[left.next].previous = pair.left;
      offer(left.previous, pair.left);
      offer(pair.left, left.next);
    }

    for (std::uint32_t i = 0; i != none; i = symbols[i].next) {
      emit_used(text, {symbols[i].begin, symbols[i].length}, scratch, id_of, emit);
    }
  }

 private:
  static constexpr std::uint32_t none = 0xFFFFFFFFU;

  /// A piece that must not be used is taken apart again, the way it was made.
  template <class IdOf, class Emit>
  void emit_used(std::string_view text, std::pair<std::size_t, std::size_t> whole, SentencePieceBpeScratch& scratch,
                 IdOf& id_of, Emit& emit) const {
    scratch.waiting.assign(1, whole);
    while (!scratch.waiting.empty()) {
      const auto part = scratch.waiting.back();
      scratch.waiting.pop_back();
      const Id id = id_of(text.substr(part.first, part.second));
      if (unused_[static_cast<std::size_t>(id)]) {
        const auto made = scratch.unmade.find(text.substr(part.first, part.second));
        if (made != scratch.unmade.end()) {
          scratch.waiting.emplace_back(part.first + made->second, part.second - made->second);
          scratch.waiting.emplace_back(part.first, made->second);
          continue;
        }
      }
      emit(PieceSpan{part.first, part.second, id});
    }
  }

  std::vector<float> scores_;
  std::vector<bool> unused_;
};

}  // namespace tessera::text
