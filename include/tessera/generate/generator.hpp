// Generator: continues texts with a language model, token by token, each drawn or the most probable one.
//
// How a model reads the texts is NextScores' business. All memory is taken by reserve: steps allocate nothing. Prompts
// may differ in length: each text is continued as if alone.
#pragma once

#include "tessera/generate/next_scores.hpp"
#include "tessera/generate/sampler.hpp"

namespace tessera::inline TESSERA_ISA {

struct GenerateOptions : TextOptions {
  Sampling sampling;
  const std::uint64_t* streams = nullptr;  ///< [texts]: the stream of random numbers of each; null: its number
};

/// Model: a class with scores of tokens (NextScores).
template <class Model, class B>
class Generator {
 public:
  /// `model` and `packed` must outlive the generator; null: the model's params as they are bound.
  Generator(const Model& model, const B& backend, const Packed<B>* packed = nullptr,
            const Executor& executor = {}) noexcept
      : next_(model, backend, packed, executor) {}

  /// Room for `texts` texts whose prompts have up to `longest_prompt` tokens, and `capacity`, which is more, with what
  /// follows.
  Result<void> reserve(Index texts, Index longest_prompt, Index capacity) noexcept {
    running_ = reserved_ = false;
    TESSERA_TRY(texts_.reserve(texts, longest_prompt, capacity));
    TESSERA_TRY(sampler_.reserve(next_.vocabulary()));
    if (!done_.resize(static_cast<std::size_t>(texts)))
      return Error::format(Code::out_of_memory, "generator: no memory for %lld texts", static_cast<long long>(texts));
    TESSERA_TRY(next_.reserve(texts, longest_prompt, capacity, false));
    reserved_ = true;
    return {};
  }

  /// Runs the prompts, as many as reserved. The first new tokens come with the first step.
  Result<void> start(const Prompts& prompts, const GenerateOptions& options) noexcept {
    running_ = false;
    if (!reserved_) return Error::format(Code::invalid_argument, "generator: nothing is reserved; call reserve");
    TESSERA_TRY(check_sampling(options.sampling));
    TESSERA_TRY(texts_.begin(prompts));
    options_ = options;
    for (bool& done : done_) done = false;
    TESSERA_TRY(next_.start(texts_, options));
    running_ = true;
    return {};
  }
  /// One more token for each text that goes on. False when there is none.
  Result<bool> step() noexcept {
    if (!running_) return Error::format(Code::invalid_argument, "generator: there is nothing to continue; start it");
    bool goes_on = false;
    for (Index t = 0; t < texts_.count(); ++t) {
      bool& done = done_[static_cast<std::size_t>(t)];
      if (!done && next_.ready(texts_, t)) done = !choose(t);
      goes_on = goes_on || !done;
    }
    running_ = false;
    // What is cached of all texts is as long as the longest of them.
    if (!goes_on || next_.full()) return false;
    TESSERA_TRY(next_.go_on(texts_));
    running_ = true;
    return true;
  }
  /// start, and steps to the end.
  Result<void> run(const Prompts& prompts, const GenerateOptions& options) noexcept {
    if (options.max_new_tokens <= 0)
      return Error::format(Code::out_of_range, "generator: max_new_tokens: expected 1 or more, found %lld",
                           static_cast<long long>(options.max_new_tokens));
    TESSERA_TRY(start(prompts, options));
    for (bool goes_on = true; goes_on;) {
      TESSERA_TRY_ASSIGN(goes_on, step());
    }
    return {};
  }

  /// Prompt and continuation.
  const std::int32_t* tokens(Index text) const noexcept { return texts_.tokens(text); }
  Index length(Index text) const noexcept { return texts_.length(text); }
  /// The scores that the next step chooses from: [vocabulary].
  const float* scores(Index text) const noexcept { return next_.scores(text); }
  const NextScores<Model, B>& model() const noexcept { return next_; }

 private:
  /// The next token of a text; false when it is the last.
  bool choose(Index t) noexcept {
    const std::uint64_t stream = options_.streams != nullptr ? options_.streams[t] : static_cast<std::uint64_t>(t);
    const std::int32_t token = sampler_.next(next_.scores(t), texts_.tokens(t), texts_.length(t), options_.sampling,
                                             static_cast<std::uint64_t>(texts_.grown(t)), stream);
    texts_.append(t, token);
    bool ends = texts_.length(t) >= texts_.capacity() || texts_.grown(t) >= options_.max_new_tokens;
    ends = ends || options_.stops_at(token);
    if (options_.sink.take != nullptr && !options_.sink.take(options_.sink.state, t, token)) ends = true;
    return !ends;
  }

  NextScores<Model, B> next_;
  GrowingTexts texts_;
  Sampler sampler_;
  GenerateOptions options_;
  Buffer<bool> done_;
  bool reserved_ = false, running_ = false;
};

}  // namespace tessera
