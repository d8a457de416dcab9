// NextScores: what a language model says about the next token of each of several texts, while these grow.
//
// A model reads the texts in the way that suits what it keeps from run to run:
//   with holes  GPT, GPT-2      a cache of keys and values; what lies between a short prompt and the first new token is
//                               hidden, so each text is read as if alone
//   in step     a causal XLM,   a cache (a memory) that has as many tokens of each text: the shortest prompt is run
//               Transformer-XL  whole, then one token at a time, of longer prompts, too, until all are read
//   whole       XLNet, an XLM   nothing is kept; each run is over all tokens, with one more at the end that is filled
//               not causal      in: XLNet's is hidden from all others and predicted by its query stream, XLM's is the
//                               mask token. A Transformer-XL without memory (mem_len 0) is read so, too, and one of
//                               absolute positions.
// All memory is taken by reserve; later calls allocate nothing. Source: the example program run_generation of
// pytorch-transformers 1.2.0, which runs over the whole text for each token; the scores are the same.
#pragma once

#include <limits>

#include "tessera/blocks/memory.hpp"
#include "tessera/blocks/past.hpp"
#include "tessera/context/session.hpp"
#include "tessera/generate/texts.hpp"

namespace tessera::inline TESSERA_ISA {

enum class ReadingOrder : std::uint8_t { with_holes, in_step, whole };

namespace detail {
/// Tokens that a base model has a place for; `most` where positions are relative.
constexpr Index most_tokens(const auto& base, Index most) noexcept {
  if constexpr (requires { base.embeddings.position; }) {
    most = base.embeddings.position.weight.view.dim[0];
    if constexpr (requires { base.context_size(); })
      if (base.context_size() < most) most = base.context_size();
  } else if constexpr (requires { base.longest_segment(); }) {
    if (base.longest_segment() < most) most = base.longest_segment();
  }
  return most;
}

constexpr Index vocabulary_of(const auto& base) noexcept {
  if constexpr (requires { base.word_emb.cutoffs; })
    return base.word_emb.cutoffs.vocabulary();
  else if constexpr (requires { base.word_embedding; })
    return base.word_embedding.weight.view.dim[0];
  else
    return base.embeddings.word.weight.view.dim[0];
}
}  // namespace detail

/// Model: a class with scores of tokens: CausalLM, XlmLanguageModel or XLNetLMHead on a base, TransfoXLLMHeadModel.
template <class Model, class B>
class NextScores {
  using Input = typename Model::Input;
  static constexpr bool has_past = requires(Input in) { in.past; };
  static constexpr bool has_query_stream = requires(Input in) { in.target_mapping; };
  static constexpr bool has_mems = !has_query_stream && requires(Input in) { in.mems; };
  static constexpr bool has_languages = requires(Input in) { in.langs; };
  static constexpr bool has_lengths = requires(Input in) { in.lengths; };
  struct Nothing {};
  using Cache = std::conditional_t<has_past, KeyValueCache<B>, std::conditional_t<has_mems, MemoryCache<B>, Nothing>>;

 public:
  /// `model` and `packed` must outlive this; null: the model's params as they are bound.
  NextScores(const Model& model, const B& backend, const Packed<B>* packed, const Executor& executor) noexcept
      : model_(&model), backend_(backend), session_(model, backend, packed, executor), order_(order_of_model()) {}

  Index vocabulary() const noexcept { return detail::vocabulary_of(model_->base); }
  /// The most tokens that a text may have, prompt included.
  Index context_size() const noexcept { return detail::most_tokens(model_->base, Index{1} << 30); }
  ReadingOrder order() const noexcept { return order_; }
  /// Whether prompts of one batch may differ in length.
  bool takes_unequal_prompts() const noexcept {
    if constexpr (has_mems)
      return order_ == ReadingOrder::whole ? model_->base.ignores_what_follows() : model_->base.same_in_any_segments();
    return true;
  }

  /// Room for texts of these sizes (GrowingTexts). `reorders`: the texts will change places.
  Result<void> reserve(Index texts, Index longest_prompt, Index capacity, bool reorders) noexcept {
    if (capacity > context_size())
      return Error::format(Code::out_of_range, "generator: the model has room for %lld tokens, found %lld",
                           static_cast<long long>(context_size()), static_cast<long long>(capacity));
    texts_ = texts;
    capacity_ = capacity;
    const auto n = static_cast<std::size_t>(texts), all = n * static_cast<std::size_t>(capacity);
    if (!ids_.resize(all) || !positions_.resize(all) || !rows_.resize(n) || !lengths_.resize(n) ||
        !keep_.resize(uses_keep ? all : 0) || !target_.resize(has_query_stream ? all : 0) ||
        !languages_.resize(has_languages ? all : 0) || !scores_.resize(n * static_cast<std::size_t>(vocabulary())))
      return Error::format(Code::out_of_memory, "generator: no memory for %lld texts of %lld tokens",
                           static_cast<long long>(texts), static_cast<long long>(capacity));
    if constexpr (has_past) {
      if (keeps()) {
        TESSERA_TRY_ASSIGN(cache_, KeyValueCache<B>::of(*model_, backend_, texts, capacity));
        if (reorders) TESSERA_TRY(cache_.reserve_reorder());
      }
    } else if constexpr (has_mems) {
      if (keeps()) {
        const bool zeros = model_->base.zeros_project_to_zeros();
        TESSERA_TRY_ASSIGN(cache_, MemoryCache<B>::of(*model_, backend_, texts,
                                                      zeros ? MemoryForm::keys_and_values : MemoryForm::hidden_states));
        if (reorders) TESSERA_TRY(cache_.reserve_reorder());
      }
    }
    return reserve_arena(longest_prompt);
  }

  /// Runs the prompts of texts that have not grown yet.
  Result<void> start(const GrowingTexts& texts, const TextOptions& options) noexcept {
    unequal_ = texts.shortest() != texts.longest();
    if (unequal_ && !takes_unequal_prompts())
      return Error::format(
          Code::unsupported,
          "generator: this model's scores depend on how a batch is cut and padded (its attn_type, same_length, mem_len "
          "and ext_len): expected prompts of one length, found %lld to %lld tokens",
          static_cast<long long>(texts.shortest()), static_cast<long long>(texts.longest()));
    filler_ = 0;
    if (!has_query_stream && fills_in()) {
      if (options.mask_token < 0)
        return Error::format(Code::invalid_argument,
                             "generator: this XLM is not causal and fills in masked tokens: expected the id of its "
                             "mask token, found none");
      filler_ = static_cast<std::int32_t>(options.mask_token < INT32_MAX ? options.mask_token : INT32_MAX);
    }
    if (options.language >= 0 && !has_languages)
      return Error::format(Code::invalid_argument, "generator: this model takes no language, found %lld",
                           static_cast<long long>(options.language));
    has_language_ = options.language >= 0;
    for (std::int32_t& language : languages_)
      language = static_cast<std::int32_t>(options.language < INT32_MAX ? options.language : INT32_MAX);
    read_ = 0;
    if constexpr (has_past) {
      cache_.rewind(0);
    } else if constexpr (has_mems) {
      if (keeps()) cache_.reset(*model_);
    }
    const Index longest = texts.longest();
    same_ = order_ == ReadingOrder::in_step ? texts.shortest() : longest;
    if (order_ == ReadingOrder::with_holes)
      for (Index t = 0; t < texts_; ++t)
        for (Index i = 0; i < capacity_; ++i)
          at(keep_, t * capacity_ + i) = i < texts.prompt(t) || i >= longest ? 1.0F : 0.0F;
    return run(texts, same_);
  }
  /// Reads what came since. `full`: then there is no room for more.
  Result<void> go_on(const GrowingTexts& texts) noexcept {
    return run(texts, order_ == ReadingOrder::whole ? texts.longest() : 1);
  }
  bool full() const noexcept { return order_ != ReadingOrder::whole && read_ >= capacity_; }

  /// Whether all of a text is read, so that its scores are those of the next token.
  bool ready(const GrowingTexts& texts, Index text) const noexcept {
    return order_ != ReadingOrder::in_step || texts.length(text) <= read_;
  }
  /// [vocabulary]; log-probabilities of some models.
  const float* scores(Index text) const noexcept { return scores_.data() + text * vocabulary(); }

  /// Text t goes on from where text from[t] is; both were begun by one prompt.
  void reorder(const Index* from) noexcept {
    if constexpr (has_past) {
      if (keeps()) cache_.reorder(from, same_);
    } else if constexpr (has_mems) {
      if (keeps()) cache_.reorder(from);
    }
  }

 private:
  /// A mask of holes, or of XLNet's last token and what lies behind it.
  static constexpr bool uses_keep = has_query_stream || (has_past && !has_lengths);

  template <class T>
  static T& at(Buffer<T>& buffer, Index i) noexcept {
    return buffer[static_cast<std::size_t>(i)];
  }
  bool keeps() const noexcept { return order_ != ReadingOrder::whole; }
  /// Whether the model predicts a token that stands at the end of its input, not the one behind it.
  bool fills_in() const noexcept {
    if constexpr (requires { model_->base.causal; }) return !model_->base.causal;
    return has_query_stream;
  }
  ReadingOrder order_of_model() const noexcept {
    if (fills_in()) return ReadingOrder::whole;
    if constexpr (has_mems) return model_->base.reads_on() ? ReadingOrder::in_step : ReadingOrder::whole;
    return uses_keep ? ReadingOrder::with_holes : ReadingOrder::in_step;
  }

  /// An arena is exact for one shape, and not monotone in it: all that can come are planned.
  Result<void> reserve_arena(Index longest_prompt) noexcept {
    std::size_t most = 0;
    const auto plan = [&](Index rows, Index before) -> Result<void> {
      for (const bool masked : {false, true})
        for (const bool language : {false, true}) {
          if ((masked && order_ != ReadingOrder::with_holes) || (language && !has_languages)) continue;
          Input shape = input(rows, before, masked, language);
          shape.input_ids.data = nullptr;  // an adaptive embedding needs what the worst ids need
          TESSERA_TRY_ASSIGN(const std::size_t bytes, session_.bytes_for(shape));
          most = bytes > most ? bytes : most;
        }
      return {};
    };
    if constexpr (has_mems) {
      if (keeps()) {
        const auto& base = model_->base;
        const Index initial = base.initial_memory();
        for (Index rows = 1; rows <= longest_prompt; ++rows) TESSERA_TRY(plan(rows, initial));
        // The memory stays as long as it is, unless ext_len cuts it.
        const bool stays = base.same_in_any_segments() || base.kept_memory(initial, 1).count() == initial;
        for (Index length = stays ? initial : 0; length <= initial; ++length) TESSERA_TRY(plan(1, length));
        return session_.reserve_bytes(most);
      }
    }
    for (Index rows = 1; rows <= (keeps() ? longest_prompt : capacity_); ++rows) TESSERA_TRY(plan(rows, 0));
    for (Index before = 1; keeps() && before < capacity_; ++before) TESSERA_TRY(plan(1, before));
    return session_.reserve_bytes(most);
  }

  /// The input of `rows` rows a text. `before`: tokens of each text in the cache, or rows of the memory.
  Input input(Index rows, Index before, bool masked, bool language) noexcept {
    Input in;
    const auto ids = [&](Buffer<std::int32_t>& values) { return View::of(values.data(), DType::i32, texts_, rows); };
    in.layout = Layout::padded(texts_, rows);
    in.input_ids = ids(ids_);
    if constexpr (requires { in.position_ids; }) in.position_ids = ids(positions_);
    if constexpr (requires { in.score_rows; }) in.score_rows = View::of(rows_.data(), DType::i32, texts_);
    if constexpr (has_languages)
      if (language) in.langs = ids(languages_);
    if constexpr (has_lengths) in.lengths = View::of(lengths_.data(), DType::i64, texts_);
    if constexpr (has_past) {
      if (keeps()) in.past = cache_.past();
      in.past.length = before;
    } else if constexpr (has_mems) {
      if (keeps()) in.mems = cache_.mems();
      in.mems.length = before;
    }
    if constexpr (has_query_stream) {
      in.attention_mask = View::of(keep_.data(), DType::f32, texts_, rows);
      in.target_mapping = View::of(target_.data(), DType::f32, texts_, Index{1}, rows);
    } else if constexpr (uses_keep) {
      if (masked) {
        in.attention_mask = View::of(keep_.data(), DType::f32, texts_, before + rows);
        in.attention_mask.row_stride = capacity_;
      }
    }
    return in;
  }

  /// Runs `tokens` more tokens of each text, or all of the longest, and reads the scores.
  Result<void> run(const GrowingTexts& texts, Index tokens) noexcept {
    Index rows = tokens + (fills_in() ? 1 : 0);
    if (rows > capacity_) rows = capacity_;  // a text that is full has ended
    const bool in_holes = order_ == ReadingOrder::with_holes && read_ > 0;
    const Index first = order_ == ReadingOrder::in_step ? read_ : 0;
    for (Index t = 0; t < texts_; ++t) {
      const Index length = texts.length(t), end = fills_in() ? length : length - 1;
      for (Index i = 0; i < rows; ++i) {
        const Index place = in_holes ? end : first + i;  // in the text; behind its end: a token that nobody sees
        const Index row = t * rows + i;
        at(ids_, row) = place < length ? texts.tokens(t)[place] : place == end ? filler_ : 0;
        at(positions_, row) = static_cast<std::int32_t>(place);
        if constexpr (has_query_stream) {
          // The reference's perm_mask hides the last token from all rows: a mask of keys says the same.
          at(keep_, row) = place < length ? 1.0F : 0.0F;
          at(target_, row) = place == end ? 1.0F : 0.0F;
        }
      }
      const Index scored = in_holes || end < first ? 0 : end - first < rows ? end - first : rows - 1;
      at(lengths_, t) = order_ == ReadingOrder::whole ? scored + 1 : read_ + rows;
      at(rows_, t) = static_cast<std::int32_t>(t * rows + scored);
    }
    Index before = read_;
    if constexpr (has_mems) before = keeps() ? cache_.length() : 0;
    TESSERA_TRY_ASSIGN(const auto* output, session_.run(input(rows, before, unequal_, has_language_)));
    if constexpr (requires { output->log_probs; })
      session_.read(output->log_probs.view(), scores_.data());
    else
      session_.read(output->logits.view(), scores_.data());
    TESSERA_TRY(check_scores(texts));
    if (!keeps()) return {};
    read_ += rows;
    if constexpr (has_past)
      cache_.advance(rows);
    else if constexpr (has_mems)
      cache_.advance(*model_, rows);
    return {};
  }

  /// What is chosen from scores that are no numbers means nothing.
  Result<void> check_scores(const GrowingTexts& texts) const noexcept {
    for (Index t = 0; t < texts_; ++t) {
      if (!ready(texts, t)) continue;
      bool good = false;  // a token may be impossible, but not all
      for (Index i = 0; i < vocabulary(); ++i) {
        const float score = scores(t)[i];
        good = good || score >= std::numeric_limits<float>::lowest();
        if (score <= (std::numeric_limits<float>::max)()) continue;
        good = false;
        break;
      }
      if (!good)
        return Error::format(Code::out_of_range,
                             "generator: the model's scores for text %lld are no numbers: are the weights damaged?",
                             static_cast<long long>(t));
    }
    return {};
  }

  const Model* model_;
  B backend_;
  Session<Model, B> session_;
  Cache cache_;
  Buffer<std::int32_t> ids_, positions_, rows_, languages_;
  Buffer<Index> lengths_;
  Buffer<float> keep_, target_, scores_;
  ReadingOrder order_;
  Index texts_ = 0, capacity_ = 0;
  Index read_ = 0;  ///< tokens of each text that are in the cache, holes included
  Index same_ = 0;  ///< of those, tokens of prompts
  std::int32_t filler_ = 0;
  bool unequal_ = false, has_language_ = false;
};

}  // namespace tessera
