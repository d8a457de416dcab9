// Vocabularies made from raw text: byte-pair encoding over characters or bytes, and WordPiece.
//
// Words are counted once; then, over and over, the two neighbouring symbols that occur together most often become one.
// Of equally frequent pairs the one with the smaller numbers wins, so that a corpus gives one vocabulary, on any
// machine. The reference has no training; the order is that of the package `tokenizers`, which therefore gives the same
// merges. Source: Sennrich et al. 2016, algorithm 1; Schuster and Nakajima 2012 for pieces that continue a word.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/text/basic.hpp"
#include "tessera/text/byte_alphabet.hpp"
#include "tessera/text/gpt2_words.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/utf8.hpp"
#include "tessera/text/vocabulary.hpp"
#include "tessera/text/word_level.hpp"

namespace tessera::inline TESSERA_ISA::text {

/// What the first symbols of a word are.
enum class TrainedPieces : std::uint8_t {
  bytes,      ///< its bytes, in the byte alphabet: GPT-2, RoBERTa
  word_end,   ///< its characters, the last one with "</w>": GPT, XLM
  continued,  ///< its characters, all but the first with "##": BERT, DistilBERT
};

struct TrainOptions {
  TrainedPieces pieces = TrainedPieces::bytes;
  /// Tokens at most; special ones and the first symbols count, and are never left out.
  std::size_t vocab_size = 30000;
  /// Rarer pairs are not joined.
  std::uint64_t min_frequency = 2;
  /// These get the first ids.
  std::vector<std::string> special_tokens = {};
};

struct TrainedVocabulary {
  Vocabulary vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;

  /// As merges.txt of GPT-2 and GPT has them.
  std::string merges_txt() const {
    std::string out = "#version: 0.2\n";
    for (const auto& [left, right] : merges) out.append(left).append(" ").append(right).append("\n");
    return out;
  }
  /// As vocab.txt has them: a token a line.
  std::string vocab_txt() const {
    std::string out;
    for (std::size_t id = 0; id < vocabulary.id_bound(); ++id)
      out.append(vocabulary.token(static_cast<Id>(id))).append("\n");
    return out;
  }
};

/// Counts the words of a text as GPT-2's tokenizer sees them: stripped, with a space before.
inline Result<void> count_gpt2_words(std::string_view text, SymbolCounter& counter) noexcept {
  return guarded([&]() -> Result<void> {
    std::string repaired;
    if (!utf8::is_valid(text)) text = repaired = utf8::repair(text);
    text = strip(text);
    if (text.empty()) return {};
    const std::string spaced = " " + std::string(text);
    for (std::size_t at = 0; at < spaced.size();) {
      const std::size_t end = Gpt2Words::end_of_word(spaced, at);
      TESSERA_TRY(counter.add(std::string_view(spaced).substr(at, end - at)));
      at = end;
    }
    return {};
  });
}

/// Counts the words of a text as BERT's basic tokenizer sees them.
inline Result<void> count_basic_words(std::string_view text, const BasicTokenizer& basic,
                                      SymbolCounter& counter) noexcept {
  return guarded([&]() -> Result<void> {
    std::string repaired;
    if (!utf8::is_valid(text)) text = repaired = utf8::repair(text);
    BasicScratch scratch;
    Error problem;
    basic.for_each_word(text, WordSet(), scratch, [&](std::string_view word) {
      const auto added = counter.add(word);
      if (!added.ok() && !problem) problem = added.error();
    });
    if (problem) return problem;
    return {};
  });
}

namespace detail {

class PairTrainer {
 public:
  PairTrainer(const SymbolCounter& words, const TrainOptions& options) : words_(words), options_(options) {}

  Result<TrainedVocabulary> run() {
    TESSERA_TRY(first_symbols());
    TESSERA_TRY(cut_words());
    count_pairs();
    TESSERA_TRY(join_pairs());
    return std::move(out_);
  }

 private:
  using Symbol = std::uint32_t;
  using Pair = std::uint64_t;

  struct Candidate {
    std::int64_t count;
    Pair pair;
    /// The heap's top: the most frequent pair, of equal ones the smallest.
    bool operator<(const Candidate& other) const noexcept {
      return count < other.count || (count == other.count && pair > other.pair);
    }
  };
  struct PairState {
    std::int64_t count = 0;
    std::vector<std::uint32_t> words;
  };

  static constexpr Pair pair_of(Symbol left, Symbol right) noexcept { return Pair{left} << 32 | right; }

  Result<Symbol> symbol(std::string_view string) {
    const Id found = out_.vocabulary.find(string);
    if (found != no_id) return static_cast<Symbol>(found);
    const auto id = static_cast<Id>(out_.vocabulary.size());
    TESSERA_TRY(out_.vocabulary.set(string, id));
    return static_cast<Symbol>(id);
  }

  /// Special tokens, then the alphabet: all bytes, or the characters that occur, in the order of their code points.
  Result<void> first_symbols() {
    for (const std::string& token : options_.special_tokens) {
      TESSERA_TRY_ASSIGN([[maybe_unused]] const Symbol s, symbol(token));
    }
    std::vector<char32_t> alphabet;
    if (options_.pieces == TrainedPieces::bytes) {
      for (unsigned byte = 0; byte < 256; ++byte)
        alphabet.push_back(byte_alphabet::character(static_cast<std::uint8_t>(byte)));
    } else {
      for (std::size_t i = 0; i < words_.unique(); ++i) {
        utf8::for_each(words_.symbol(i), utf8::OnError::replace, utf8::Surrogates::reject,
                       [&alphabet](char32_t c) { alphabet.push_back(c); });
        if (alphabet.size() > 1U << 20) unite(alphabet);
      }
    }
    unite(alphabet);
    for (const char32_t c : alphabet) {
      std::string string;
      utf8::append(string, c);
      TESSERA_TRY_ASSIGN([[maybe_unused]] const Symbol s, symbol(string));
    }
    return {};
  }
  static void unite(std::vector<char32_t>& characters) {
    std::sort(characters.begin(), characters.end());
    characters.erase(std::unique(characters.begin(), characters.end()), characters.end());
  }

  Result<void> cut_words() {
    cut_.resize(words_.unique());
    std::string string;
    for (std::size_t i = 0; i < cut_.size(); ++i) {
      const std::string_view word = words_.symbol(i);
      for (std::size_t at = 0; at < word.size();) {
        const std::size_t length = options_.pieces == TrainedPieces::bytes ? 1 : step_at(word, at).length;
        string.clear();
        if (options_.pieces == TrainedPieces::continued && at > 0) string = "##";
        if (options_.pieces == TrainedPieces::bytes) {
          utf8::append(string, byte_alphabet::character(static_cast<std::uint8_t>(word[at])));
        } else {
          string += word.substr(at, length);
        }
        at += length;
        if (options_.pieces == TrainedPieces::word_end && at == word.size()) string += "</w>";
        TESSERA_TRY_ASSIGN(const Symbol s, symbol(string));
        cut_[i].push_back(s);
      }
    }
    return {};
  }

  std::int64_t count_of(std::size_t word) const noexcept { return static_cast<std::int64_t>(words_.count(word)); }

  void count_pairs() {
    for (std::uint32_t w = 0; w < cut_.size(); ++w) {
      for (std::size_t i = 0; i + 1 < cut_[w].size(); ++i) change(pair_of(cut_[w][i], cut_[w][i + 1]), w, count_of(w));
    }
    for (const auto& [pair, state] : pairs_) heap_.push_back({state.count, pair});
    std::make_heap(heap_.begin(), heap_.end());
  }

  void change(Pair pair, std::uint32_t word, std::int64_t by) {
    PairState& state = pairs_[pair];
    state.count += by;
    if (by > 0 && (state.words.empty() || state.words.back() != word)) state.words.push_back(word);
  }

  /// The string of two symbols that are joined.
  std::string joined(Symbol left, Symbol right) const {
    std::string string(out_.vocabulary.token(static_cast<Id>(left)));
    std::string_view rest = out_.vocabulary.token(static_cast<Id>(right));
    if (options_.pieces == TrainedPieces::continued && rest.starts_with("##")) rest.remove_prefix(2);
    return string.append(rest);
  }

  Result<void> join_pairs() {
    std::vector<Pair> fresh;
    while (out_.vocabulary.size() < options_.vocab_size && !heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end());
      Candidate best = heap_.back();
      heap_.pop_back();
      PairState& state = pairs_[best.pair];
      if (best.count != state.count) {
        // Counted before other joins took some of its places.
        best.count = state.count;
        heap_.push_back(best);
        std::push_heap(heap_.begin(), heap_.end());
        continue;
      }
      if (best.count < 1 || static_cast<std::uint64_t>(best.count) < options_.min_frequency) break;
      const auto left = static_cast<Symbol>(best.pair >> 32);
      const auto right = static_cast<Symbol>(best.pair & 0xFFFFFFFFU);
      TESSERA_TRY_ASSIGN(const Symbol made, symbol(joined(left, right)));
      out_.merges.emplace_back(out_.vocabulary.token(static_cast<Id>(left)),
                               out_.vocabulary.token(static_cast<Id>(right)));
      const std::vector<std::uint32_t> places = std::move(state.words);
      state.words.clear();
      fresh.clear();
      for (const std::uint32_t word : places) join_in(word, left, right, made, fresh);
      std::sort(fresh.begin(), fresh.end());
      fresh.erase(std::unique(fresh.begin(), fresh.end()), fresh.end());
      for (const Pair pair : fresh) {
        const std::int64_t count = pairs_[pair].count;
        if (count <= 0) continue;
        heap_.push_back({count, pair});
        std::push_heap(heap_.begin(), heap_.end());
      }
    }
    return {};
  }

  /// Joins the pair wherever it is in a word, and notes the pairs that came about.
  void join_in(std::uint32_t word, Symbol left, Symbol right, Symbol made, std::vector<Pair>& fresh) {
    std::vector<Symbol>& symbols = cut_[word];
    const std::int64_t count = count_of(word);
    const auto arises = [&](Symbol a, Symbol b) {
      change(pair_of(a, b), word, count);
      fresh.push_back(pair_of(a, b));
    };
    std::size_t to = 0;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      if (i + 1 == symbols.size() || symbols[i] != left || symbols[i + 1] != right) {
        symbols[to++] = symbols[i];
        continue;
      }
      if (to > 0) {
        change(pair_of(symbols[to - 1], left), word, -count);
        arises(symbols[to - 1], made);
      }
      if (i + 2 < symbols.size()) {
        change(pair_of(right, symbols[i + 2]), word, -count);
        arises(made, symbols[i + 2]);
      }
      symbols[to++] = made;
      ++i;
    }
    symbols.resize(to);
  }

  const SymbolCounter& words_;
  const TrainOptions& options_;
  TrainedVocabulary out_;
  std::vector<std::vector<Symbol>> cut_;
  std::unordered_map<Pair, PairState> pairs_;
  std::vector<Candidate> heap_;
};

}  // namespace detail

/// Trains a vocabulary on counted words.
inline Result<TrainedVocabulary> train_vocabulary(const SymbolCounter& words, const TrainOptions& options) noexcept {
  return guarded([&]() -> Result<TrainedVocabulary> { return detail::PairTrainer(words, options).run(); });
}

}  // namespace tessera::text
