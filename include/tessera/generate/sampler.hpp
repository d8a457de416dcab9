// Sampler: from the scores of the next token to the token: greedy, temperature, top-k, top-p, repetition penalty.
//
// The scores are divided where the token was there before, then by the temperature; of those, the k largest stay, and
// of what stays the fewest that make up p. Equal scores at the k-th place all stay, and at least one token does. A
// token is drawn by inverting the distribution function in the order of the ids: the first whose sum of probabilities
// exceeds u, where u has 53 bits of words 0 and 1 of Philox(seed, step, text). Sources: Fan et al., "Hierarchical
// Neural Story Generation" (2018), section 5.4 (top-k); Holtzman et al., "The Curious Case of Neural Text Degeneration"
// (2020), section 3.1 (top-p); Keskar et al., "CTRL" (2019), section 4.1 (penalty).
#pragma once

#include <algorithm>
#include <cmath>

#include "tessera/base/buffer.hpp"
#include "tessera/base/philox.hpp"
#include "tessera/base/result.hpp"
#include "tessera/tensor/extents.hpp"

namespace tessera::inline TESSERA_ISA {

struct Sampling {
  double temperature = 1;         ///< 0: the token with the largest score, the first of equal ones
  Index top_k = 0;                ///< 0: all
  double top_p = 1;               ///< 1: all
  double repetition_penalty = 1;  ///< above 1: tokens that were there become less likely
  std::uint64_t seed = 0;
};

inline Result<void> check_sampling(const Sampling& s) noexcept {
  const auto refuse = [](const char* what, const char* expected, double found) {
    return Error::format(Code::out_of_range, "sampling: %s: expected %s, found %g", what, expected, found);
  };
  // Scores stay numbers, whatever they are divided by.
  constexpr double least = 1e-30, most = 1e30;
  if (s.temperature != 0 && !(s.temperature >= least && s.temperature <= most))
    return refuse("temperature", "0, or 1e-30 to 1e30", s.temperature);
  if (s.top_k < 0) return refuse("top_k", "0 or more", static_cast<double>(s.top_k));
  if (!(s.top_p > 0 && s.top_p <= 1)) return refuse("top_p", "more than 0 and at most 1", s.top_p);
  if (!(s.repetition_penalty >= least && s.repetition_penalty <= most))
    return refuse("repetition_penalty", "1e-30 to 1e30", s.repetition_penalty);
  return {};
}

/// Room for one vocabulary; nothing is allocated after reserve.
class Sampler {
 public:
  Result<void> reserve(Index vocabulary) noexcept {
    const auto n = static_cast<std::size_t>(vocabulary);
    if (vocabulary <= 0 || !score_.resize(n) || !probability_.resize(n) || !order_.resize(n) || !seen_.resize(n))
      return Error::format(Code::out_of_memory, "sampler: no memory for a vocabulary of %lld",
                           static_cast<long long>(vocabulary));
    return {};
  }
  Index vocabulary() const noexcept { return static_cast<Index>(score_.size()); }

  /// The scores of the next token, `vocabulary` of them. The next calls are about them.
  void set_scores(const float* scores) noexcept {
    for (std::size_t i = 0; i < score_.size(); ++i) score_[i] = static_cast<double>(scores[i]);
  }
  /// A score above 0 is divided by the penalty, one below is multiplied; once for each token that is there.
  void penalise(const std::int32_t* tokens, Index count, double penalty) noexcept {
    if (penalty == 1) return;
    for (std::size_t i = 0; i < seen_.size(); ++i) seen_[i] = false;
    for (Index i = 0; i < count; ++i) {
      const auto id = static_cast<std::size_t>(tokens[i]);
      if (tokens[i] < 0 || id >= score_.size() || seen_[id]) continue;
      seen_[id] = true;
      score_[id] = score_[id] > 0 ? score_[id] / penalty : score_[id] * penalty;
    }
  }
  /// The token with the largest of `vocabulary` scores, the first of equal ones.
  template <class T>
  std::int32_t largest(const T* scores) const noexcept {
    std::size_t best = 0;
    T most = scores[0];
    const std::size_t n = score_.size();
    std::size_t i = 1;
    // Most blocks hold nothing larger, which their maxima say, one for each lane of a vector.
    for (; i + block <= n; i += block) {
      T top[lanes];
      for (T& x : top) x = most;
      for (std::size_t j = 0; j < block; j += lanes)
        for (std::size_t l = 0; l < lanes; ++l) top[l] = scores[i + j + l] > top[l] ? scores[i + j + l] : top[l];
      bool larger = false;
      for (const T x : top) larger |= x > most;
      if (larger) take_largest(scores, i, i + block, best, most);
    }
    take_largest(scores, i, n, best, most);
    return static_cast<std::int32_t>(best);
  }
  /// The distribution that remains under temperature (more than 0), top-k and top-p: probabilities by id, 0 for what is
  /// left out.
  const double* distribution(const Sampling& s) noexcept {
    const std::size_t n = score_.size();
    for (double& x : score_) x /= s.temperature;
    const bool filters = (s.top_k > 0 && static_cast<std::size_t>(s.top_k) < n) || s.top_p < 1;
    std::size_t kept = n;
    if (filters) {
      for (std::size_t i = 0; i < n; ++i) order_[i] = static_cast<std::int32_t>(i);
      const auto before = [this](std::int32_t a, std::int32_t b) {
        const double x = score_[static_cast<std::size_t>(a)], y = score_[static_cast<std::size_t>(b)];
        return x > y || (x == y && a < b);
      };
      std::int32_t* const first = order_.data();
      if (s.top_k > 0 && static_cast<std::size_t>(s.top_k) < n) {
        kept = static_cast<std::size_t>(s.top_k);
        std::nth_element(first, first + kept - 1, first + n, before);
        const double least = score_[static_cast<std::size_t>(first[kept - 1])];
        std::int32_t* const end = std::partition(
            first + kept, first + n, [&](std::int32_t id) { return score_[static_cast<std::size_t>(id)] == least; });
        kept = static_cast<std::size_t>(end - first);
      }
      if (s.top_p < 1) {
        softmax_of(kept);
        kept = shortest_prefix(kept, s.top_p, before);
      }
    } else {
      for (std::size_t i = 0; i < n; ++i) order_[i] = static_cast<std::int32_t>(i);
    }
    softmax_of(kept);
    return probability_.data();
  }
  /// The first token, by id, whose sum of probabilities exceeds u in [0, 1). After distribution().
  std::int32_t draw(double u) const noexcept {
    double sum = 0;
    std::size_t last = 0;
    for (std::size_t i = 0; i < probability_.size(); ++i) {
      if (probability_[i] <= 0) continue;
      sum += probability_[i];
      last = i;
      if (sum > u) break;
    }
    return static_cast<std::int32_t>(last);
  }
  /// All of it: the token number `step` of text `text`. `tokens`: those that are there, for the penalty.
  std::int32_t next(const float* scores, const std::int32_t* tokens, Index count, const Sampling& s, std::uint64_t step,
                    std::uint64_t text) noexcept {
    if (s.temperature == 0 && s.repetition_penalty == 1) return largest(scores);
    set_scores(scores);
    penalise(tokens, count, s.repetition_penalty);
    if (s.temperature == 0) return largest(score_.data());
    distribution(s);
    return draw(uniform_double(Philox::at(s.seed, step, text)));
  }

 private:
  static constexpr std::size_t block = 128, lanes = 16;

  template <class T>
  static void take_largest(const T* scores, std::size_t first, std::size_t end, std::size_t& best, T& most) noexcept {
    for (std::size_t i = first; i < end; ++i) {
      if (!(scores[i] > most)) continue;
      best = i;
      most = scores[i];
    }
  }
  /// Puts the most probable of the first n ids in order, as many as make up more than p, and returns their number. A
  /// few are enough most of the time, so they are sorted part by part.
  template <class Before>
  std::size_t shortest_prefix(std::size_t n, double p, const Before& before) noexcept {
    std::int32_t* const first = order_.data();
    double sum = 0;
    for (std::size_t sorted = 0; sorted < n;) {
      const std::size_t next = (std::min)(n, (std::max)(std::size_t{64}, 4 * sorted));
      if (next < n) std::nth_element(first + sorted, first + next - 1, first + n, before);
      std::sort(first + sorted, first + next, before);
      for (; sorted < next; ++sorted) {
        sum += probability_[static_cast<std::size_t>(first[sorted])];
        if (sum > p) return sorted + 1;
      }
    }
    return n;
  }
  /// probability_ of the first n ids of order_; 0 for all others.
  void softmax_of(std::size_t n) noexcept {
    double top = score_[static_cast<std::size_t>(order_[0])], sum = 0;
    for (std::size_t i = 1; i < n; ++i) top = (std::max)(top, score_[static_cast<std::size_t>(order_[i])]);
    for (double& p : probability_) p = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const auto id = static_cast<std::size_t>(order_[i]);
      sum += probability_[id] = std::exp(score_[id] - top);
    }
    for (std::size_t i = 0; i < n; ++i) probability_[static_cast<std::size_t>(order_[i])] /= sum;
  }

  Buffer<double> score_, probability_;
  Buffer<std::int32_t> order_;
  Buffer<bool> seen_;
};

}  // namespace tessera
