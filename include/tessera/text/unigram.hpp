// The unigram model of sentencepiece: of all ways to cut a text into pieces, the one with the largest sum of scores.
//
// Sums are float32 from the start of the text on, as the original has them, so that ties and near ties fall the same
// way. The search keeps a window of the text: behind every place all still open paths run together soon, and what
// lies before is settled. Source: Kudo 2018, section 3.2; google/sentencepiece, unigram_model.cc (EncodeOptimized).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/result.hpp"
#include "tessera/text/double_array.hpp"
#include "tessera/text/sentencepiece_model.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

/// A stretch of a normalized text, and the id of its piece.
struct PieceSpan {
  std::size_t begin;
  std::size_t length;
  Id id;
};

/// The memory of a search.
struct UnigramScratch {
  struct Node {
    float score;
    Id id;
    std::uint32_t start;
  };
  struct Choice {
    double best;
    double second;
    std::uint32_t start;
  };
  std::vector<Node> nodes;
  std::vector<std::uint32_t> open;
  std::vector<Choice> choices;
};

class Unigram {
 public:
  /// Bytes after which settled pieces are given out.
  static constexpr std::size_t window = std::size_t{1} << 16;

  Unigram() = default;

  /// `unknown` is the id for characters that no piece covers.
  Unigram(const SentencePieceModel& model, Id unknown) : unknown_(unknown) {
    std::vector<std::pair<std::string_view, std::int32_t>> keys;
    float least = (std::numeric_limits<float>::max)();
    float most = (std::numeric_limits<float>::min)();  // as in the original: the least positive number
    for (const SentencePieceEntry& entry : model.pieces) {
      if (entry.type != PieceType::normal) continue;
      least = (std::min)(least, entry.score);
      most = (std::max)(most, entry.score);
    }
    scores_.reserve(model.pieces.size());
    for (const SentencePieceEntry& entry : model.pieces) {
      const auto id = static_cast<Id>(scores_.size());
      double score = entry.score;
      if (entry.type == PieceType::user_defined) {
        // Such a piece is to win always. A float product, from which a double is taken.
        score = static_cast<double>(static_cast<float>(entry.piece.size()) * most) - 0.1;
      }
      scores_.push_back(score);
      const bool can_be_found = entry.type == PieceType::normal || entry.type == PieceType::user_defined;
      if (!can_be_found) continue;
      keys.emplace_back(entry.piece, id);
      longest_ = (std::max)(longest_, entry.piece.size());
      largest_ = (std::max)(largest_, std::abs(score));
    }
    trie_ = DoubleArray(std::move(keys));
    unknown_score_ = least - 10.0F;
    largest_ = (std::max)(largest_, static_cast<double>(std::abs(unknown_score_)));
  }

  /// What a path's sum becomes with one more piece.
  float sum(float so_far, Id id) const noexcept {
    if (id == unknown_) return unknown_score_ + so_far;
    return static_cast<float>(scores_[static_cast<std::size_t>(id)] + static_cast<double>(so_far));
  }

  /// Calls emit(PieceSpan) for each piece of a well-formed text, whose path begins with the sum `score`; leaves the
  /// sum at the end there.
  template <class Emit>
  void cut(std::string_view text, float& score, UnigramScratch& scratch, Emit&& emit,
           std::size_t settle_after = window) const {
    std::vector<UnigramScratch::Node>& nodes = scratch.nodes;
    std::size_t base = 0;  // the place of nodes[0], which every path goes through
    std::size_t limit = settle_after;
    const UnigramScratch::Node unreached{0, no_id, unset};
    nodes.assign((std::min)(text.size(), limit + longest_ + 4) + 1, unreached);
    nodes[0] = {score, no_id, 0};
    std::size_t at = 0;
    while (at < text.size()) {
      if (at - base >= limit) {
        const std::size_t settled = settle(at - base, scratch);
        if (settled == 0) {
          limit *= 2;
        } else {
          emit_path(base, settled, scratch, emit);
          nodes.erase(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(settled));
          for (UnigramScratch::Node& node : nodes) {
            if (node.start != unset)
              node.start -= static_cast<std::uint32_t>((std::min)(settled, std::size_t{node.start}));
          }
          base += settled;
          limit = settle_after;
        }
      }
      const std::size_t enough = (std::min)(text.size() - base, (std::max)(limit, at - base) + longest_ + 4) + 1;
      if (nodes.size() < enough) nodes.resize(enough, unreached);

      const auto start = static_cast<std::uint32_t>(at - base);
      const float here = nodes[start].score;
      const std::size_t character = (std::min)(std::size_t{detail::step_at(text, at).length}, text.size() - at);
      bool character_known = false;
      DoubleArray::Node trie_node = DoubleArray::root;
      for (std::size_t end = at; end < text.size() && trie_.step(trie_node, text[end]);) {
        ++end;
        const Id id = trie_.value(trie_node);
        if (id == DoubleArray::none) continue;
        const double candidate = scores_[static_cast<std::size_t>(id)] + static_cast<double>(here);
        UnigramScratch::Node& node = nodes[end - base];
        if (node.start == unset || candidate > static_cast<double>(node.score)) {
          node = {static_cast<float>(candidate), id, start};
        }
        character_known |= end - at == character;
      }
      if (!character_known) {
        const float candidate = unknown_score_ + here;
        UnigramScratch::Node& node = nodes[start + character];
        if (node.start == unset || candidate > node.score) node = {candidate, unknown_, start};
      }
      at += character;
    }
    if (text.empty()) return;
    score = nodes[at - base].score;
    emit_path(base, at - base, scratch, emit);
  }

  /// How much better the best cut of a short text is than any that leaves it at some place: the least lead over all
  /// places on its path. Rounding that is less than this changes nothing.
  double lead(std::string_view text, UnigramScratch& scratch) const {
    constexpr double worst = -std::numeric_limits<double>::infinity();
    std::vector<UnigramScratch::Choice>& choices = scratch.choices;
    choices.assign(text.size() + 1, {worst, worst, unset});
    choices[0].best = 0;
    const auto offer = [&choices](std::size_t end, double candidate, std::size_t start) {
      UnigramScratch::Choice& choice = choices[end];
      if (candidate > choice.best) {
        choice = {candidate, choice.best, static_cast<std::uint32_t>(start)};
      } else {
        choice.second = (std::max)(choice.second, candidate);
      }
    };
    for (std::size_t at = 0; at < text.size();) {
      const double here = choices[at].best;
      const std::size_t character = detail::step_at(text, at).length;
      bool character_known = false;
      DoubleArray::Node trie_node = DoubleArray::root;
      for (std::size_t end = at; end < text.size() && trie_.step(trie_node, text[end]);) {
        ++end;
        const Id id = trie_.value(trie_node);
        if (id == DoubleArray::none) continue;
        offer(end, here + scores_[static_cast<std::size_t>(id)], at);
        character_known |= end - at == character;
      }
      if (!character_known) offer(at + character, here + static_cast<double>(unknown_score_), at);
      at += character;
    }
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t end = text.size(); end > 0 && end != unset; end = choices[end].start) {
      least = (std::min)(least, choices[end].best - choices[end].second);
    }
    return least;
  }

  /// A bound of what rounding can do to the comparisons within a text of so many bytes behind a sum.
  double rounding(float so_far, std::size_t bytes) const noexcept {
    const auto n = static_cast<double>(bytes) + 2;
    const double magnitude = std::abs(static_cast<double>(so_far)) + n * largest_;
    return n * magnitude * 0x1p-22;
  }

 private:
  static constexpr std::uint32_t unset = 0xFFFFFFFFU;

  /// The last place at or before `at` that all open paths go through. Those end at a place reached from before `at`.
  std::size_t settle(std::size_t at, UnigramScratch& scratch) const {
    std::vector<std::uint32_t>& open = scratch.open;
    open.clear();
    for (std::size_t i = at; i < scratch.nodes.size(); ++i) {
      if (scratch.nodes[i].start != unset) open.push_back(static_cast<std::uint32_t>(i));
    }
    // The furthest one steps back until all are one; a heap holds them.
    std::make_heap(open.begin(), open.end());
    while (!open.empty()) {
      std::pop_heap(open.begin(), open.end());
      const std::uint32_t furthest = open.back();
      open.pop_back();
      if (open.empty()) return furthest;
      if (open.front() == furthest) continue;
      if (furthest == 0) return 0;
      open.push_back(scratch.nodes[furthest].start);
      std::push_heap(open.begin(), open.end());
    }
    return 0;
  }

  /// Gives out the path from nodes[0] to nodes[end].
  template <class Emit>
  void emit_path(std::size_t base, std::size_t end, UnigramScratch& scratch, Emit& emit) const {
    std::vector<std::uint32_t>& ends = scratch.open;
    ends.clear();
    for (auto i = static_cast<std::uint32_t>(end); i > 0; i = scratch.nodes[i].start) ends.push_back(i);
    for (std::size_t i = ends.size(); i-- > 0;) {
      const UnigramScratch::Node& node = scratch.nodes[ends[i]];
      emit(PieceSpan{base + node.start, ends[i] - node.start, node.id});
    }
  }

  DoubleArray trie_;
  std::vector<double> scores_;
  float unknown_score_ = 0;
  double largest_ = 0;
  std::size_t longest_ = 0;
  Id unknown_ = 0;
};

}  // namespace tessera::text
