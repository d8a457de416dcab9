// Byte-pair encoding: joins neighbouring symbols, the best ranked pair first, until no pair is ranked.
//
// A symbol is a number that stands for a string; equal strings are one symbol, whichever way they came about. What the
// first symbols of a word are (characters, bytes) is decided elsewhere. Each round joins all occurrences of one pair
// from left to right, as the original does; this matters where ranks do not follow the order in which symbols arise.
//
// Short words are searched linearly. Longer ones take a heap, so that n symbols cost O(n log n). Words longer than a
// window are encoded in windows, which bounds the memory and is exact: a sequence of symbols is the encoding of a
// word if, and only if, each two neighbours are the encoding of what they stand for. (Take the first round that would
// join across a boundary. Up to it, the two neighbours have developed as they would have alone.) So two windows fit
// together when the symbols at the seam do; where they do not, the seam is moved to the left, at worst to the start.
// Source: Sennrich et al. 2016, algorithm 1.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/result.hpp"
#include "tessera/text/merges.hpp"
#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

using Symbol = std::uint32_t;

/// A symbol of an encoded word, and how many of the word's first symbols it was made of.
struct BpeToken {
  Symbol symbol;
  std::uint32_t length;
};

/// The memory of a run, kept between runs so that it is allocated once.
struct BpeScratch {
  std::vector<Symbol> characters;  // for callers who need them side by side
  std::vector<BpeToken> tokens;    // the result
  std::vector<BpeToken> window;
  std::vector<BpeToken> seam;
  std::vector<Symbol> symbols;
  std::vector<std::uint32_t> previous;
  std::vector<std::uint32_t> next;
  std::vector<std::uint32_t> ranks;
  std::vector<std::uint64_t> heap;
  std::vector<std::uint32_t> round;
};

class Bpe {
 public:
  /// Symbols from here on stand for no string of the table: callers may use them as they like, they are never joined.
  static constexpr Symbol first_foreign = 1U << 31;
  /// First symbols of a word that are encoded at once: 100 KB of lists and heap, which stay in the cache.
  static constexpr std::size_t window = std::size_t{1} << 12;

  Bpe() = default;

  /// The symbols are the tokens of the vocabulary, in its order, and then what only the merges name.
  static Result<Bpe> make(const Vocabulary& vocabulary, const Merges& merges) {
    Bpe bpe;
    bpe.strings_.reserve(vocabulary.size() + merges.size() / 8, 0);
    bpe.ids_.reserve(vocabulary.size());
    for (std::size_t i = 0; i < vocabulary.size(); ++i) {
      TESSERA_TRY(bpe.strings_.set(vocabulary.nth_token(i), static_cast<Id>(i)));
      bpe.ids_.push_back(vocabulary.nth_id(i));
    }
    bpe.results_.assign(merges.rank_bound(), 0);
    std::size_t slots = 16;
    while (slots < merges.size() * 2) slots *= 2;
    bpe.slots_.assign(slots, Slot{0, unranked});
    std::string joined;
    for (std::size_t rank = 0; rank < merges.rank_bound(); ++rank) {
      const auto merge = merges.at(rank);
      if (!merge) continue;
      joined.assign(merge->left).append(merge->right);
      Symbol left = 0;
      Symbol right = 0;
      TESSERA_TRY(bpe.intern(merge->left, left));
      TESSERA_TRY(bpe.intern(merge->right, right));
      TESSERA_TRY(bpe.intern(joined, bpe.results_[rank]));
      bpe.place(key(left, right), static_cast<std::uint32_t>(rank));
    }
    return bpe;
  }

  /// The symbol of a string, made if there is none.
  Result<void> intern(std::string_view string, Symbol& symbol) {
    Id found = strings_.find(string);
    if (found == no_id) {
      found = static_cast<Id>(strings_.size());
      TESSERA_TRY(strings_.set(string, found));
      ids_.push_back(no_id);
    }
    symbol = static_cast<Symbol>(found);
    return {};
  }

  /// The symbol of a string; first_foreign if there is none.
  Symbol find(std::string_view string) const noexcept {
    const Id found = strings_.find(string);
    return found == no_id ? first_foreign : static_cast<Symbol>(found);
  }

  std::size_t size() const noexcept { return ids_.size(); }
  /// The string of a symbol; empty for a foreign one.
  std::string_view string(Symbol s) const noexcept {
    return s < first_foreign ? strings_.token(static_cast<Id>(s)) : std::string_view();
  }
  /// The id of a symbol in the vocabulary, or no_id.
  Id id(Symbol s) const noexcept { return s < ids_.size() ? ids_[s] : no_id; }

  /// Encodes a word of n first symbols, which symbol_at(i) names. The result is valid until the next call.
  template <class SymbolAt>
  std::span<const BpeToken> encode(std::size_t n, SymbolAt&& symbol_at, BpeScratch& scratch,
                                   std::size_t at_once = window) const {
    std::vector<BpeToken>& tokens = scratch.tokens;
    tokens.clear();
    if (n <= few) {
      encode_few(n, symbol_at, tokens);
      return tokens;
    }
    if (n <= at_once) {
      encode_range(0, n, symbol_at, scratch, tokens);
      return tokens;
    }
    std::size_t reach = at_once;
    std::size_t done = 0;  // first symbols that `tokens` stands for
    std::size_t furthest = 0;
    std::size_t moves = 0;  // to the left, since `done` was the furthest
    while (done < n) {
      // A rank and a place share 64 bits, so that a window has an end in any case; no machine gets there.
      const std::size_t end = done + (std::min)({reach, n - done, widest});
      encode_range(done, end, symbol_at, scratch, scratch.window);
      const std::vector<BpeToken>& found = scratch.window;
      if (!tokens.empty() && !fits(tokens.back(), done, found.front(), symbol_at, scratch)) {
        // Further to the left each time; after some tries it is the window that is too small.
        const std::size_t drop = (std::min)(tokens.size(), std::size_t{1} << moves);
        for (std::size_t i = 0; i < drop; ++i) {
          done -= tokens.back().length;
          tokens.pop_back();
        }
        if (++moves % 8 == 0 && reach < widest) reach *= 2;
        continue;
      }
      // What stands at the end of a window has not seen what comes behind it.
      std::size_t keep = found.size();
      if (end < n) keep = found.size() > 2 * margin ? found.size() - margin : (found.size() + 1) / 2;
      for (std::size_t i = 0; i < keep; ++i) {
        tokens.push_back(found[i]);
        done += found[i].length;
      }
      if (done > furthest) {
        furthest = done;
        moves = 0;
        reach = at_once;
      }
    }
    return tokens;
  }

 private:
  static constexpr std::uint32_t unranked = 0xFFFFFFFFU;
  static constexpr std::size_t few = 32;
  static constexpr std::size_t margin = 16;
  static constexpr std::size_t widest = std::size_t{1} << 31;

  struct Slot {
    std::uint64_t key;
    std::uint32_t rank;
  };

  static constexpr std::uint64_t key(Symbol left, Symbol right) noexcept { return std::uint64_t{left} << 32 | right; }
  static constexpr std::size_t hash(std::uint64_t k) noexcept {
    k = (k ^ (k >> 29)) * 0xBF58476D1CE4E5B9U;
    return static_cast<std::size_t>(k ^ (k >> 32));
  }

  void place(std::uint64_t k, std::uint32_t rank) noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash(k) & mask;
    while (slots_[at].rank != unranked) at = (at + 1) & mask;
    slots_[at] = {k, rank};
  }

  std::uint32_t rank_of(Symbol left, Symbol right) const noexcept {
    const std::uint64_t k = key(left, right);
    if (slots_.empty()) return unranked;
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash(k) & mask; slots_[at].rank != unranked; at = (at + 1) & mask) {
      if (slots_[at].key == k) return slots_[at].rank;
    }
    return unranked;
  }

  /// The symbols lie side by side; what is joined is closed up.
  template <class SymbolAt>
  void encode_few(std::size_t n, SymbolAt& symbol_at, std::vector<BpeToken>& out) const {
    std::array<BpeToken, few> word;
    std::array<std::uint32_t, few> ranks;
    for (std::size_t i = 0; i < n; ++i) word[i] = {symbol_at(i), 1};
    for (std::size_t i = 0; i + 1 < n; ++i) ranks[i] = rank_of(word[i].symbol, word[i + 1].symbol);
    while (n > 1) {
      const auto pairs = static_cast<std::ptrdiff_t>(n - 1);
      const auto best = std::min_element(ranks.begin(), ranks.begin() + pairs);
      const std::uint32_t rank = *best;
      if (rank == unranked) break;
      // One round. A new symbol is longer than the two it was made of, so no new pair has the rank of this round.
      for (auto i = static_cast<std::size_t>(best - ranks.begin()); i + 1 < n; ++i) {
        if (ranks[i] != rank) continue;
        word[i] = {results_[rank], word[i].length + word[i + 1].length};
        std::copy(word.begin() + i + 2, word.begin() + n, word.begin() + i + 1);
        std::copy(ranks.begin() + i + 2, ranks.begin() + n, ranks.begin() + i + 1);
        --n;
        if (i > 0) ranks[i - 1] = rank_of(word[i - 1].symbol, word[i].symbol);
        if (i + 1 < n) ranks[i] = rank_of(word[i].symbol, word[i + 1].symbol);
      }
    }
    out.insert(out.end(), word.begin(), word.begin() + n);
  }

  /// The symbols are a linked list, and a heap holds (rank, place) of each pair. `out` has the result alone.
  template <class SymbolAt>
  void encode_range(std::size_t begin, std::size_t end, SymbolAt& symbol_at, BpeScratch& s,
                    std::vector<BpeToken>& out) const {
    out.clear();
    const auto n = static_cast<std::uint32_t>(end - begin);
    const auto shifted = [&](std::size_t i) { return symbol_at(begin + i); };
    if (n <= few) {
      encode_few(n, shifted, out);
      return;
    }
    s.symbols.resize(n);
    s.previous.resize(n);
    s.next.resize(n);
    s.ranks.resize(n);
    s.heap.clear();
    for (std::uint32_t i = 0; i < n; ++i) {
      s.symbols[i] = shifted(i);
      s.previous[i] = i - 1;
      s.next[i] = i + 1;
    }
    for (std::uint32_t i = 0; i < n; ++i) {
      s.ranks[i] = i + 1 < n ? rank_of(s.symbols[i], s.symbols[i + 1]) : unranked;
      if (s.ranks[i] != unranked) s.heap.push_back(std::uint64_t{s.ranks[i]} << 32 | i);
    }
    std::make_heap(s.heap.begin(), s.heap.end(), std::greater<>());
    const auto update = [&](std::uint32_t i) {
      s.ranks[i] = s.next[i] < n ? rank_of(s.symbols[i], s.symbols[s.next[i]]) : unranked;
      if (s.ranks[i] == unranked) return;
      s.heap.push_back(std::uint64_t{s.ranks[i]} << 32 | i);
      std::push_heap(s.heap.begin(), s.heap.end(), std::greater<>());
    };
    while (!s.heap.empty()) {
      const auto rank = static_cast<std::uint32_t>(s.heap.front() >> 32);
      s.round.clear();
      while (!s.heap.empty() && s.heap.front() >> 32 == rank) {
        s.round.push_back(static_cast<std::uint32_t>(s.heap.front()));
        std::pop_heap(s.heap.begin(), s.heap.end(), std::greater<>());
        s.heap.pop_back();
      }
      for (const std::uint32_t i : s.round) {
        if (s.ranks[i] != rank) continue;  // one of the two is part of another symbol by now
        const std::uint32_t gone = s.next[i];
        s.ranks[gone] = unranked;
        s.next[i] = s.next[gone];
        if (s.next[i] < n) s.previous[s.next[i]] = i;
        s.symbols[i] = results_[rank];
        update(i);
        if (i > 0) update(s.previous[i]);
      }
    }
    for (std::uint32_t i = 0; i < n; i = s.next[i]) out.push_back({s.symbols[i], s.next[i] - i});
  }

  /// Whether `left`, which ends at `seam`, and `right`, which begins there, stay apart when encoded together.
  template <class SymbolAt>
  bool fits(BpeToken left, std::size_t seam, BpeToken right, SymbolAt& symbol_at, BpeScratch& s) const {
    encode_range(seam - left.length, seam + right.length, symbol_at, s, s.seam);
    return s.seam.size() == 2 && s.seam[0].length == left.length;
  }

  Vocabulary strings_;
  std::vector<Id> ids_;
  std::vector<Slot> slots_;
  std::vector<Symbol> results_;  // by rank
};

}  // namespace tessera::text
