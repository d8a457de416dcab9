// WordPiece: the longest piece of the vocabulary first, "##" before all pieces that do not start a word.
//
// A word that cannot be parted completely, or that is too long, is unknown as a whole. The search hashes each byte once
// per start and joins no strings. Source: Wu et al. 2016, section 4.1; google-research/bert, tokenization.py.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

class WordPiece {
 public:
  /// Words with more code points than this are unknown.
  static constexpr std::size_t max_code_points = 100;
  static constexpr std::string_view continuation = "##";

  /// Parts a well-formed word and calls f(id) for each piece. False, and no calls, if the word is unknown.
  template <class F>
  static bool split(const Vocabulary& vocabulary, std::string_view word, F&& f) {
    // A word has at most 100 code points of at most 4 bytes; the test for bytes comes first because it is cheaper.
    if (word.size() > max_code_points && utf8::count(word) > max_code_points) return false;
    std::array<Id, max_code_points> pieces;
    std::size_t n = 0;
    for (std::size_t start = 0; start < word.size(); ++n) {
      if (n == pieces.size()) return false;  // only bytes that are not UTF-8 get here
      const Match match = longest(vocabulary, start == 0 ? std::string_view() : continuation, word.substr(start));
      if (match.id == no_id) return false;
      pieces[n] = match.id;
      start += match.length;
    }
    for (std::size_t i = 0; i < n; ++i) f(pieces[i]);
    return true;
  }

 private:
  struct Match {
    Id id;
    std::size_t length;
  };
  struct Candidate {
    TokenHash hash;
    std::size_t length;
  };

  static Match longest(const Vocabulary& vocabulary, std::string_view prefix, std::string_view rest) noexcept {
    if (vocabulary.longest() < prefix.size()) return {no_id, 0};
    const std::size_t limit = vocabulary.longest() - prefix.size();
    std::array<Candidate, max_code_points> candidates;
    std::size_t n = 0;
    TokenHash hash(prefix);
    std::size_t i = 0;
    while (i < rest.size() && n < candidates.size()) {
      const utf8::Step step = utf8::decode_one(rest.data() + i, rest.data() + rest.size(), utf8::Surrogates::accept);
      if (i + step.length > limit) break;
      hash.add(rest.substr(i, step.length));
      i += step.length;
      candidates[n++] = {hash, i};
    }
    while (n > 0) {
      const Candidate& c = candidates[--n];
      const Id id = vocabulary.find(prefix, rest.substr(0, c.length), c.hash);
      if (id != no_id) return {id, c.length};
    }
    return {no_id, 0};
  }
};

}  // namespace tessera::text
