// Generator: continues texts with a causal language model, token by token.
//
// A model that keeps keys and values (GPT-2, a causal XLM) runs each prompt once and then one token at a time; another
// (GPT) runs the whole text each time. All memory is taken by reserve: steps allocate nothing. Prompts may differ in
// length: what lies between a prompt's end and the first new token is hidden, so each text is continued as if alone.
#pragma once

#include "tessera/blocks/past.hpp"
#include "tessera/context/session.hpp"
#include "tessera/generate/sampler.hpp"

namespace tessera::inline TESSERA_ISA {

/// Sees each new token as it is chosen; false ends that text.
struct TokenSink {
  void* state = nullptr;
  bool (*take)(void* state, Index text, std::int32_t token) = nullptr;
};

struct GenerateOptions {
  Sampling sampling;
  Index max_new_tokens = 20;
  const std::int32_t* stop_tokens = nullptr;  ///< a text ends with one of them, which belongs to it
  Index stop_count = 0;
  TokenSink sink;
};

/// The beginnings of texts, one after the other.
struct Prompts {
  const std::int32_t* ids = nullptr;
  const std::int32_t* offsets = nullptr;  ///< [texts + 1]: where each begins, and the end
  Index texts = 0;
  constexpr Index length(Index text) const noexcept { return offsets[text + 1] - offsets[text]; }
};

/// Model: a class with lm logits by row (CausalLM, XlmLanguageModel).
template <class Model, class B>
class Generator {
  using Input = typename Model::Input;
  static constexpr bool caches = requires(Input in) { in.past; };
  static constexpr bool masks_holes = requires(Input in) { in.past, in.attention_mask; }
  &&!requires(Input in) { in.lengths; };

 public:
  /// `model` and `packed` must outlive the generator; null: the model's params as they are bound.
  Generator(const Model& model, const B& backend, const Packed<B>* packed = nullptr,
            const Executor& executor = {}) noexcept
      : model_(&model), backend_(backend), session_(model, backend, packed, executor), executor_(executor) {}

  /// Room for `texts` texts whose prompts have up to `longest_prompt` tokens, and `capacity` with what follows.
  Result<void> reserve(Index texts, Index longest_prompt, Index capacity) noexcept {
    if (texts <= 0 || longest_prompt <= 0 || capacity < longest_prompt)
      return Error::format(Code::out_of_range, "generator: %lld texts with prompts of %lld tokens do not fit into %lld",
                           static_cast<long long>(texts), static_cast<long long>(longest_prompt),
                           static_cast<long long>(capacity));
    Index context = model_->base.embeddings.position.weight.view.dim[0];
    if constexpr (requires { model_->base.context_size(); })
      if (model_->base.context_size() < context) context = model_->base.context_size();
    if (capacity > context)
      return Error::format(Code::out_of_range, "generator: the model has room for %lld tokens, found %lld",
                           static_cast<long long>(context), static_cast<long long>(capacity));
    const auto n = static_cast<std::size_t>(texts), all = n * static_cast<std::size_t>(capacity);
    const Index vocabulary = model_->base.embeddings.word.weight.view.dim[0];
    TESSERA_TRY(sampler_.reserve(vocabulary));
    if (!tokens_.resize(all) || !ids_.resize(all) || !positions_.resize(all) || !keep_.resize(all) ||
        !lengths_.resize(n) || !all_lengths_.resize(n) || !prompt_.resize(n) || !rows_.resize(n) || !done_.resize(n) ||
        !scores_.resize(n * static_cast<std::size_t>(vocabulary)))
      return Error::format(Code::out_of_memory, "generator: no memory for %lld texts of %lld tokens",
                           static_cast<long long>(texts), static_cast<long long>(capacity));
    texts_ = most_texts_ = texts;
    capacity_ = capacity;
    longest_prompt_ = longest_prompt;
    if constexpr (caches) {
      TESSERA_TRY_ASSIGN(cache_, KeyValueCache<B>::of(*model_, backend_, texts, capacity));
    }
    // An arena is exact for one shape, and not monotone in it: all that can come are planned.
    std::size_t most = 0;
    for (const bool masked : {false, true}) {
      if (masked && !masks_holes) break;
      for (Index length = 1; length <= (caches ? longest_prompt : capacity); ++length)
        TESSERA_TRY(plan_for(0, length, masked, most));
      for (Index past = 1; caches && past < capacity; ++past) TESSERA_TRY(plan_for(past, 1, masked, most));
    }
    return session_.reserve_bytes(most);
  }

  /// Runs the prompts. The first new tokens come with the first step.
  Result<void> start(const Prompts& prompts, const GenerateOptions& options) noexcept {
    running_ = false;
    TESSERA_TRY(check_sampling(options.sampling));
    if (prompts.texts <= 0 || prompts.texts != most_texts_)
      return Error::format(Code::invalid_argument, "generator: expected %lld prompts as reserved, found %lld",
                           static_cast<long long>(most_texts_), static_cast<long long>(prompts.texts));
    options_ = options;
    Index longest = 0;
    unequal_ = false;
    for (Index t = 0; t < texts_; ++t) {
      const Index length = prompts.length(t);
      if (length <= 0 || length > longest_prompt_)
        return Error::format(Code::out_of_range, "generator: prompt %lld has %lld tokens, expected 1 to %lld",
                             static_cast<long long>(t), static_cast<long long>(length),
                             static_cast<long long>(longest_prompt_));
      unequal_ = unequal_ || length != prompts.length(0);
      longest = length > longest ? length : longest;
      at(lengths_, t) = at(prompt_, t) = length;
      at(done_, t) = false;
      for (Index i = 0; i < length; ++i) at(tokens_, t * capacity_ + i) = prompts.ids[prompts.offsets[t] + i];
    }
    if (caches && unequal_ && !masks_holes)
      return Error::format(Code::unsupported, "generator: this model continues prompts of one length at a time");
    if constexpr (caches) cache_.rewind(0);
    step_ = 0;
    for (Index t = 0; t < texts_; ++t)
      for (Index i = 0; i < capacity_; ++i)
        at(keep_, t * capacity_ + i) = i < at(prompt_, t) || i >= longest ? 1.0F : 0.0F;
    TESSERA_TRY(run_rows(longest, 0));
    running_ = true;
    return {};
  }
  /// One more token for each text that goes on. False when there is none.
  Result<bool> step() noexcept {
    if (!running_) return Error::format(Code::invalid_argument, "generator: there is nothing to continue; start it");
    const Index vocabulary = sampler_.vocabulary();
    bool goes_on = false;
    for (Index t = 0; t < texts_; ++t) {
      if (at(done_, t)) continue;
      Index& length = at(lengths_, t);
      const std::int32_t* const text = tokens_.data() + t * capacity_;
      const std::int32_t token = sampler_.next(scores_.data() + t * vocabulary, text, length, options_.sampling,
                                               static_cast<std::uint64_t>(step_), static_cast<std::uint64_t>(t));
      at(tokens_, t * capacity_ + length) = token;
      ++length;
      bool ends = length >= capacity_ || length - at(prompt_, t) >= options_.max_new_tokens;
      for (Index i = 0; i < options_.stop_count; ++i) ends = ends || options_.stop_tokens[i] == token;
      if (options_.sink.take != nullptr && !options_.sink.take(options_.sink.state, t, token)) ends = true;
      at(done_, t) = ends;
      goes_on = goes_on || !ends;
    }
    ++step_;
    running_ = false;
    // What is cached of all texts is as long as the longest of them.
    if (!goes_on || (caches && past_length() >= capacity_)) return false;
    Index longest = 0;
    for (Index t = 0; t < texts_; ++t) longest = at(lengths_, t) > longest ? at(lengths_, t) : longest;
    TESSERA_TRY(run_rows(caches ? 1 : longest, caches ? past_length() : 0));
    running_ = true;
    return true;
  }
  /// start, and steps to the end.
  Result<void> run(const Prompts& prompts, const GenerateOptions& options) noexcept {
    if (options.max_new_tokens <= 0)
      return Error::format(Code::out_of_range, "generator: max_new_tokens must be positive");
    TESSERA_TRY(start(prompts, options));
    for (bool goes_on = true; goes_on;) {
      TESSERA_TRY_ASSIGN(goes_on, step());
    }
    return {};
  }

  /// Prompt and continuation.
  const std::int32_t* tokens(Index text) const noexcept { return tokens_.data() + text * capacity_; }
  Index length(Index text) const noexcept { return lengths_[static_cast<std::size_t>(text)]; }
  /// The scores that the next step chooses from: [vocabulary].
  const float* scores(Index text) const noexcept { return scores_.data() + text * sampler_.vocabulary(); }

 private:
  template <class T>
  static T& at(Buffer<T>& buffer, Index i) noexcept {
    return buffer[static_cast<std::size_t>(i)];
  }
  Index past_length() const noexcept {
    if constexpr (caches) return cache_.length();
    return 0;
  }
  /// The input of `rows` rows a text behind `past` tokens, without data.
  Input input(Index rows, Index past, bool masked) noexcept {
    Input in;
    in.layout = Layout::padded(texts_, rows);
    in.input_ids = View::of(ids_.data(), DType::i32, texts_, rows);
    in.position_ids = View::of(positions_.data(), DType::i32, texts_, rows);
    in.score_rows = View::of(rows_.data(), DType::i32, texts_);
    if constexpr (caches) {
      in.past = cache_.past();
      in.past.length = past;
      if constexpr (requires { in.lengths; }) {
        for (Index t = 0; t < texts_; ++t) at(all_lengths_, t) = past + rows;
        in.lengths = View::of(all_lengths_.data(), DType::i64, texts_);
      }
      if constexpr (masks_holes)
        if (masked) {
          in.attention_mask = View::of(keep_.data(), DType::f32, texts_, past + rows);
          in.attention_mask.row_stride = capacity_;
        }
    }
    return in;
  }
  Result<void> plan_for(Index past, Index rows, bool masked, std::size_t& most) noexcept {
    TESSERA_TRY_ASSIGN(const std::size_t bytes, session_.bytes_for(input(rows, past, masked)));
    most = bytes > most ? bytes : most;
    return {};
  }

  /// Runs the last tokens of each text and reads the scores of what follows.
  Result<void> run_rows(Index rows, Index past) noexcept {
    for (Index t = 0; t < texts_; ++t) {
      const Index length = at(lengths_, t);
      for (Index i = 0; i < rows; ++i) {
        const Index place =
            caches && past > 0 ? length - 1 : i;  // in the text; behind its end: a token that nobody sees
        const Index row = t * rows + i;
        at(ids_, row) = place < length ? at(tokens_, t * capacity_ + place) : 0;
        at(positions_, row) = static_cast<std::int32_t>(place);
      }
      at(rows_, t) = static_cast<std::int32_t>(t * rows + (caches && past > 0 ? 0 : length - 1));
    }
    const Input in = input(rows, past, unequal_);
    TESSERA_TRY_ASSIGN(const auto* output, session_.run(in));
    session_.read(output->logits.view(), scores_.data());
    if constexpr (caches) cache_.advance(rows);
    return {};
  }

  const Model* model_;
  B backend_;
  Session<Model, B> session_;
  Executor executor_;
  KeyValueCache<B> cache_;
  Sampler sampler_;
  GenerateOptions options_;
  Buffer<std::int32_t> tokens_, ids_, positions_, rows_;
  Buffer<Index> lengths_, prompt_, all_lengths_;
  Buffer<float> keep_, scores_;
  Buffer<bool> done_;
  Index texts_ = 0, most_texts_ = 0, capacity_ = 0, longest_prompt_ = 0, step_ = 0;
  bool running_ = false, unequal_ = false;
};

}  // namespace tessera
