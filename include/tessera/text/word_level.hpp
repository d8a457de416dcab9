// Words as symbols: counting them in a corpus, building a vocabulary of the frequent ones, lines to symbols.
//
// The vocabulary of Transformer-XL's training programs, and of release 0.6.2 of the reference: one "<eos>" a line, a
// blank line is a lone one. That is the layout to train on. What release 1.2.0 makes of it is in transfo_xl.hpp.
// Source: Dai et al. 2019 (kimiyoung/transformer-xl, vocabulary.py); pytorch-pretrained-bert 0.6.2.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/base/result.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/unicode.hpp"
#include "tessera/text/utf8.hpp"
#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

struct WordLevelOptions {
  /// Symbols that come first, whether they are counted or not.
  std::vector<std::string> special = {};
  /// Rarer symbols are left out.
  std::uint64_t min_freq = 0;
  /// So many counted symbols at most; those of `special` are not counted among them.
  std::optional<std::size_t> max_size = std::nullopt;
  bool lower_case = false;
  /// What parts symbols; white space without it, and an empty one makes each character a symbol.
  std::optional<std::string> delimiter = std::nullopt;
};

/// What is put at the end of a line.
enum class LineEnd : std::uint8_t {
  none,
  eos,         ///< "<eos>" behind it
  double_eos,  ///< "<S>" before and behind it, as for the One Billion Word corpus
};

/// How often each symbol occurred, in the order in which they came first.
class SymbolCounter {
 public:
  Result<void> add(std::string_view symbol) {
    Id place = symbols_.find(symbol);
    if (place == no_id) {
      place = static_cast<Id>(counts_.size());
      TESSERA_TRY(symbols_.set(symbol, place));
      counts_.push_back(0);
    }
    ++counts_[static_cast<std::size_t>(place)];
    ++total_;
    return {};
  }

  std::size_t unique() const noexcept { return counts_.size(); }
  std::uint64_t total() const noexcept { return total_; }
  std::string_view symbol(std::size_t i) const noexcept { return symbols_.nth_token(i); }
  std::uint64_t count(std::size_t i) const noexcept { return counts_[i]; }

  /// Places of symbols, the most frequent first; of equally frequent ones the one that came first.
  std::vector<std::size_t> most_common() const {
    std::vector<std::size_t> places(counts_.size());
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
    std::stable_sort(places.begin(), places.end(),
                     [this](std::size_t a, std::size_t b) { return counts_[a] > counts_[b]; });
    return places;
  }

 private:
  Vocabulary symbols_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
};

class WordLevel {
 public:
  WordLevel() = default;
  explicit WordLevel(WordLevelOptions options) : options_(std::move(options)) {}

  const WordLevelOptions& options() const noexcept { return options_; }

  /// Calls f(symbol) for each symbol of a well-formed line: stripped, lower-cased if that is asked for, and parted.
  /// A symbol handed to f is valid until f returns.
  template <class F>
  void for_each_symbol(std::string_view line, F&& f) const {
    line = strip(line);
    std::string lowered;
    if (options_.lower_case) {
      lowered = lower(line);
      line = lowered;
    }
    if (!options_.delimiter) {
      for_each_word(line, f);
      return;
    }
    const std::string_view delimiter = *options_.delimiter;
    if (delimiter.empty()) {
      for (std::size_t i = 0; i < line.size();) {
        const std::size_t length = detail::step_at(line, i).length;
        f(line.substr(i, length));
        i += length;
      }
      return;
    }
    while (true) {
      const std::size_t hit = line.find(delimiter);
      f(line.substr(0, hit));
      if (hit == std::string_view::npos) return;
      line.remove_prefix(hit + delimiter.size());
    }
  }

  /// Calls f(symbol) for each symbol of a line and for what ends it.
  template <class F>
  Result<void> for_each_symbol(std::string_view line, LineEnd end, F&& f) const {
    if (end != LineEnd::none && options_.delimiter && options_.delimiter->empty()) {
      return Error::format(Code::invalid_argument, "word level: with an empty delimiter a line has no end symbol");
    }
    if (end == LineEnd::double_eos) f(std::string_view("<S>"));
    for_each_symbol(line, f);
    if (end != LineEnd::none) f(std::string_view(end == LineEnd::eos ? "<eos>" : "<S>"));
    return {};
  }

  /// The vocabulary of what was counted: the special symbols, then the others by frequency.
  Result<Vocabulary> build(const SymbolCounter& counter) const {
    Vocabulary vocabulary;
    const auto add = [&vocabulary](std::string_view symbol) -> Result<void> {
      if (vocabulary.contains(symbol)) return {};
      return vocabulary.set(symbol, static_cast<Id>(vocabulary.size()));
    };
    for (const std::string& symbol : options_.special) TESSERA_TRY(add(symbol));
    std::size_t taken = 0;
    for (const std::size_t place : counter.most_common()) {
      if (options_.max_size && taken++ >= *options_.max_size) break;
      if (counter.count(place) < options_.min_freq) break;
      TESSERA_TRY(add(counter.symbol(place)));
    }
    return vocabulary;
  }

 private:
  static std::string lower(std::string_view line) {
    std::string out;
    if (utf8::ascii_prefix(line) == line.size()) {
      out.assign(line);
      for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 0x20);
      }
      return out;
    }
    std::u32string points;
    utf8::decode_into(line, points, utf8::OnError::replace, utf8::Surrogates::accept);
    return utf8::encode(unicode::lower(points));
  }

  WordLevelOptions options_;
};

/// Calls f(line) for each line of a text, without its end: LF, CR LF or CR. What comes behind the last end is a line if
/// it is not empty. f returns a Result<void>.
template <class F>
Result<void> for_each_line(std::string_view text, F&& f) {
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("\r\n");
    TESSERA_TRY(f(text.substr(0, end)));
    if (end == std::string_view::npos) break;
    const bool two = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
    text.remove_prefix(end + (two ? 2 : 1));
  }
  return {};
}

/// The unknown symbol of a vocabulary, as the reference looks for it; no_id if there is none.
inline Id unknown_symbol(const Vocabulary& vocabulary) noexcept {
  const Id lower = vocabulary.find("<unk>");
  return lower != no_id ? lower : vocabulary.find("<UNK>");
}

/// Appends the ids of all lines of a corpus, one line end each, by a vocabulary: what language models are trained on.
inline Result<void> encode_corpus(const WordLevel& words, const Vocabulary& vocabulary, std::string_view corpus,
                                  LineEnd end, Ids& out) {
  const Id unknown = unknown_symbol(vocabulary);
  return for_each_line(corpus, [&](std::string_view line) -> Result<void> {
    Error problem;
    TESSERA_TRY(words.for_each_symbol(line, end, [&](std::string_view symbol) {
      Id id = vocabulary.find(symbol);
      if (id == no_id) id = unknown;
      if (id == no_id && !problem) {
        problem = Error::format(Code::not_found, "word level: \"%.*s\" is not in the vocabulary, nor is \"<unk>\"",
                                static_cast<int>((std::min)(symbol.size(), std::size_t{100})), symbol.data());
      }
      out.push_back(id);
    }));
    if (problem) return problem;
    return {};
  });
}

/// Counts the symbols of all lines of a corpus.
inline Result<void> count_corpus(const WordLevel& words, std::string_view corpus, LineEnd end, SymbolCounter& counter) {
  return for_each_line(corpus, [&](std::string_view line) -> Result<void> {
    Error problem;
    TESSERA_TRY(words.for_each_symbol(line, end, [&](std::string_view symbol) {
      const auto added = counter.add(symbol);
      if (!added.ok() && !problem) problem = added.error();
    }));
    if (problem) return problem;
    return {};
  });
}

}  // namespace tessera::text
