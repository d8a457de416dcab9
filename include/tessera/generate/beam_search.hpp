// BeamSearch: the most probable continuations of texts, found by carrying the best few of each on, token by token.
//
// Of all continuations of a text's live beams by one token, the best `width` live on; one that ends in a stop token and
// is among the best `width` is finished. The score of a finished text is the sum of its tokens' log-probabilities
// divided by the length penalty ((5 + n) / 6)^alpha of its n new tokens. Beams change places in the model's cache
// without memory of their own: steps allocate nothing. Source: Wu et al., "Google's Neural Machine Translation System"
// (2016), section 7, without its coverage penalty.
#pragma once

#include <cmath>
#include <limits>

#include "tessera/generate/next_scores.hpp"

namespace tessera::inline TESSERA_ISA {

struct BeamOptions : TextOptions {
  double length_penalty = 0;    ///< alpha; 0: none, above: longer texts are less at a disadvantage
  bool early_stopping = false;  ///< a text ends with `width` finished ones; else when no live beam can be better
};

/// Model: a class with scores of tokens (NextScores).
template <class Model, class B>
class BeamSearch {
 public:
  /// `model` and `packed` must outlive the search; null: the model's params as they are bound.
  BeamSearch(const Model& model, const B& backend, const Packed<B>* packed = nullptr,
             const Executor& executor = {}) noexcept
      : next_(model, backend, packed, executor) {}

  /// Room for `width` beams of each of `texts` texts, for prompts of up to `longest_prompt` tokens, and `capacity`,
  /// which is more, with what follows. `most_stops`: stop tokens that a run may have.
  Result<void> reserve(Index texts, Index width, Index longest_prompt, Index capacity, Index most_stops = 8) noexcept {
    reserved_ = false;
    if (width <= 0 || width > most_width || most_stops < 0)
      return Error::format(Code::out_of_range, "beam search: beams: expected 1 to %lld, found %lld",
                           static_cast<long long>(most_width), static_cast<long long>(width));
    if (texts <= 0)
      return Error::format(Code::out_of_range, "beam search: expected at least one text, found %lld",
                           static_cast<long long>(texts));
    const Index rows = saturating_product(texts, width);
    TESSERA_TRY(texts_.reserve(rows, longest_prompt, capacity));
    const auto n = static_cast<std::size_t>(rows);
    most_candidates_ = saturating_product(width, most_stops + 1);
    if (!live_.resize(n) || !from_.resize(n) || !token_.resize(n) || !finished_.resize(n) ||
        !finished_tokens_.resize(n * static_cast<std::size_t>(capacity)) ||
        !finished_count_.resize(static_cast<std::size_t>(texts)) || !done_.resize(static_cast<std::size_t>(texts)) ||
        !candidates_.resize(static_cast<std::size_t>(most_candidates_)))
      return Error::format(Code::out_of_memory, "beam search: no memory for %lld beams of %lld texts",
                           static_cast<long long>(width), static_cast<long long>(texts));
    TESSERA_TRY(next_.reserve(rows, longest_prompt, capacity, true));
    width_ = width;
    reserved_ = true;
    return {};
  }

  /// Searches to the end. The sink sees the tokens of the best text of each prompt when all are found.
  Result<void> run(const Prompts& prompts, const BeamOptions& options) noexcept {
    TESSERA_TRY(check_options(options));
    TESSERA_TRY(texts_.begin(prompts, width_));
    options_ = options;
    for (std::size_t t = 0; t < done_.size(); ++t) {
      done_[t] = false;
      finished_count_[t] = 0;
    }
    // The beams of a text are the same until its first new token: one lives.
    for (Index r = 0; r < texts_.count(); ++r) at(live_, r) = r % width_ == 0 ? 0 : dead;
    TESSERA_TRY(next_.start(texts_, options));
    for (;;) {
      for (Index t = 0; t < texts(); ++t) {
        stay(t);
        if (!at(done_, t) && next_.ready(texts_, t * width_)) extend(t);
      }
      move();
      bool goes_on = false;
      for (Index t = 0; t < texts(); ++t) {
        if (!at(done_, t) && (next_.full() || ends(t))) finish_live(t);
        goes_on = goes_on || !at(done_, t);
      }
      if (!goes_on) break;
      TESSERA_TRY(next_.go_on(texts_));
    }
    for (Index t = 0; t < texts() && options_.sink.take != nullptr; ++t)
      for (Index i = texts_.prompt(t * width_); i < length(t, 0); ++i)
        if (!options_.sink.take(options_.sink.state, t, tokens(t, 0)[i])) break;
    return {};
  }

  Index width() const noexcept { return width_; }
  /// Texts that were found for a prompt, best first: `width` of them, unless there are fewer.
  Index found(Index text) const noexcept { return finished_count_[static_cast<std::size_t>(text)]; }
  /// Prompt and continuation.
  const std::int32_t* tokens(Index text, Index rank) const noexcept {
    return finished_tokens_.data() + finished(text, rank).place * texts_.capacity();
  }
  Index length(Index text, Index rank) const noexcept { return finished(text, rank).length; }
  double score(Index text, Index rank) const noexcept { return finished(text, rank).score; }
  const NextScores<Model, B>& model() const noexcept { return next_; }

 private:
  static constexpr Index most_width = 1024;
  static constexpr double dead = -std::numeric_limits<double>::infinity();

  struct Candidate {
    double score = 0;
    Index row = 0;
    std::int32_t token = 0;
  };
  struct Finished {
    double score = 0;
    Index length = 0;
    Index place = 0;  ///< of its tokens
  };

  template <class T>
  static T& at(Buffer<T>& buffer, Index i) noexcept {
    return buffer[static_cast<std::size_t>(i)];
  }
  Index texts() const noexcept { return static_cast<Index>(done_.size()); }
  const Finished& finished(Index text, Index rank) const noexcept {
    return finished_[static_cast<std::size_t>(text * width_ + rank)];
  }
  double penalty(Index new_tokens) const noexcept {
    return std::pow((5.0 + static_cast<double>(new_tokens)) / 6.0, options_.length_penalty);
  }

  Result<void> check_options(const BeamOptions& options) const noexcept {
    if (!reserved_) return Error::format(Code::invalid_argument, "beam search: nothing is reserved; call reserve");
    if (options.max_new_tokens <= 0)
      return Error::format(Code::out_of_range, "beam search: max_new_tokens: expected 1 or more, found %lld",
                           static_cast<long long>(options.max_new_tokens));
    if (!(options.length_penalty >= 0 && options.length_penalty <= 100))
      return Error::format(Code::out_of_range, "beam search: length_penalty: expected 0 to 100, found %g",
                           options.length_penalty);
    if (options.stop_count < 0 || width_ * (options.stop_count + 1) > most_candidates_)
      return Error::format(Code::out_of_range, "beam search: %lld stop tokens, reserved for %lld",
                           static_cast<long long>(options.stop_count),
                           static_cast<long long>(most_candidates_ / width_ - 1));
    return {};
  }

  /// The beams of a text as they are.
  void stay(Index t) noexcept {
    for (Index r = t * width_; r < (t + 1) * width_; ++r) {
      at(from_, r) = r;
      at(token_, r) = -1;
    }
  }

  /// The best continuations of a text's live beams, by one token: those that end are finished, the others live on.
  void extend(Index t) noexcept {
    const Index first = t * width_, wanted = width_ * (options_.stop_count + 1);
    Index count = 0;
    for (Index r = first; r < first + width_; ++r)
      if (at(live_, r) > dead) add_candidates(r, wanted, count);
    Index living = 0;
    for (Index i = 0; i < count; ++i) {
      const Candidate& c = at(candidates_, i);
      if (options_.stops_at(c.token)) {
        if (i < width_) finish(t, c.row, c.token, c.score);
      } else if (living < width_) {
        const Index r = first + living++;
        at(live_, r) = c.score;
        at(from_, r) = c.row;
        at(token_, r) = c.token;
      }
    }
    for (Index r = first + living; r < first + width_; ++r) {
      at(live_, r) = dead;
      at(from_, r) = first;
      at(token_, r) = 0;
    }
  }
  /// Puts a beam's continuations among the best `wanted`, which stay sorted.
  void add_candidates(Index row, Index wanted, Index& count) noexcept {
    const float* const scores = next_.scores(row);
    const Index vocabulary = next_.vocabulary();
    double top = dead, sum = 0;
    for (Index i = 0; i < vocabulary; ++i)
      if (static_cast<double>(scores[i]) > top) top = static_cast<double>(scores[i]);
    for (Index i = 0; i < vocabulary; ++i) sum += std::exp(static_cast<double>(scores[i]) - top);
    const double base = at(live_, row) - top - std::log(sum);
    for (Index i = 0; i < vocabulary; ++i) {
      const double score = base + static_cast<double>(scores[i]);
      if (count == wanted && !(score > at(candidates_, count - 1).score)) continue;
      Index place = count < wanted ? count++ : count - 1;
      for (; place > 0 && at(candidates_, place - 1).score < score; --place)
        at(candidates_, place) = at(candidates_, place - 1);
      at(candidates_, place) = {score, row, static_cast<std::int32_t>(i)};
    }
  }

  /// Gives the beams their places and new tokens, here and in the model's cache.
  void move() noexcept {
    texts_.reorder(from_.data());
    next_.reorder(from_.data());
    for (Index r = 0; r < texts_.count(); ++r)
      if (at(token_, r) >= 0) texts_.append(r, at(token_, r));
  }

  /// No more tokens may come, or no live beam can be among the best any more.
  bool ends(Index t) noexcept {
    const Index first = t * width_, grown = texts_.grown(first);
    if (texts_.length(first) >= texts_.capacity() || grown >= options_.max_new_tokens || at(live_, first) == dead)
      return true;
    if (found(t) < width_) return false;
    Index most = texts_.capacity() - texts_.prompt(first);
    if (options_.max_new_tokens < most) most = options_.max_new_tokens;
    // Scores are negative and the penalty grows: at the largest length a beam's score is at its best.
    const bool settled = options_.early_stopping || finished(t, width_ - 1).score >= at(live_, first) / penalty(most);
    for (Index r = first; settled && r < first + width_; ++r) at(live_, r) = dead;
    return settled;
  }
  void finish_live(Index t) noexcept {
    for (Index r = t * width_; r < (t + 1) * width_; ++r)
      if (at(live_, r) > dead) finish(t, r, -1, at(live_, r));
    at(done_, t) = true;
  }
  /// A beam, and a token behind it unless that is -1, among the finished texts of t, which stay sorted.
  void finish(Index t, Index row, std::int32_t token, double sum) noexcept {
    const Index length = texts_.length(row) + (token >= 0 ? 1 : 0);
    const double score = sum / penalty(length - texts_.prompt(row));
    Index& count = at(finished_count_, t);
    const Index first = t * width_;
    if (count == width_ && !(score > at(finished_, first + count - 1).score)) return;
    // Its tokens go where those of the text lie that it drives out.
    const Index place = count < width_ ? first + count : at(finished_, first + count - 1).place;
    Index rank = count < width_ ? count++ : count - 1;
    for (; rank > 0 && at(finished_, first + rank - 1).score < score; --rank)
      at(finished_, first + rank) = at(finished_, first + rank - 1);
    at(finished_, first + rank) = {score, length, place};
    std::int32_t* const to = finished_tokens_.data() + place * texts_.capacity();
    for (Index i = 0; i < texts_.length(row); ++i) to[i] = texts_.tokens(row)[i];
    if (token >= 0) to[length - 1] = token;
  }

  NextScores<Model, B> next_;
  GrowingTexts texts_;  ///< the beams, `width` of each text
  BeamOptions options_;
  Buffer<double> live_;         ///< of each beam: the sum of its log-probabilities
  Buffer<Index> from_;          ///< where each beam's next beginning is now
  Buffer<std::int32_t> token_;  ///< what each beam grows by; -1: nothing
  Buffer<Candidate> candidates_;
  Buffer<Finished> finished_;
  Buffer<std::int32_t> finished_tokens_;
  Buffer<Index> finished_count_;
  Buffer<bool> done_;
  Index width_ = 1, most_candidates_ = 0;
  bool reserved_ = false;
};

}  // namespace tessera
