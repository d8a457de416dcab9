// GrowingTexts: the tokens of several texts, each begun by a prompt, that grow at their ends.
#pragma once

#include "tessera/base/buffer.hpp"
#include "tessera/base/result.hpp"
#include "tessera/tensor/extents.hpp"

namespace tessera::inline TESSERA_ISA {

/// The beginnings of texts, one after the other.
struct Prompts {
  const std::int32_t* ids = nullptr;
  const std::int32_t* offsets = nullptr;  ///< [texts + 1]: where each begins, and the end
  Index texts = 0;
  constexpr Index length(Index text) const noexcept { return offsets[text + 1] - offsets[text]; }
};

/// Sees each new token as it is chosen; false ends that text.
struct TokenSink {
  void* state = nullptr;
  bool (*take)(void* state, Index text, std::int32_t token) = nullptr;
};

/// Where texts end, and what a model has to know of them: the same for drawn texts and for beams.
struct TextOptions {
  Index max_new_tokens = 20;
  const std::int32_t* stop_tokens = nullptr;  ///< a text ends with one of them, which belongs to it
  Index stop_count = 0;
  TokenSink sink;
  Index language = -1;    ///< of all tokens, for an XLM of several languages; -1: none
  Index mask_token = -1;  ///< its id, for an XLM that is not causal, which fills it in

  constexpr bool stops_at(std::int32_t token) const noexcept {
    for (Index i = 0; i < stop_count; ++i)
      if (stop_tokens[i] == token) return true;
    return false;
  }
};

class GrowingTexts {
 public:
  /// Room for `texts` texts whose prompts have up to `longest_prompt` tokens, and `capacity`, which is more, with what
  /// follows.
  Result<void> reserve(Index texts, Index longest_prompt, Index capacity) noexcept {
    if (texts <= 0 || longest_prompt <= 0 || capacity <= longest_prompt)
      return Error::format(
          Code::out_of_range, "generator: %lld texts with prompts of %lld tokens and a new one do not fit into %lld",
          static_cast<long long>(texts), static_cast<long long>(longest_prompt), static_cast<long long>(capacity));
    constexpr Index most = Index{1} << 31;  // rows are named by i32
    const Index all = saturating_product(texts, capacity);
    if (all >= most || !tokens_.resize(static_cast<std::size_t>(all)) || !old_.resize(static_cast<std::size_t>(all)) ||
        !lengths_.resize(static_cast<std::size_t>(texts)) || !old_lengths_.resize(static_cast<std::size_t>(texts)) ||
        !prompts_.resize(static_cast<std::size_t>(texts)))
      return Error::format(Code::out_of_memory, "generator: no memory for %lld texts of %lld tokens",
                           static_cast<long long>(texts), static_cast<long long>(capacity));
    texts_ = texts;
    longest_prompt_ = longest_prompt;
    capacity_ = capacity;
    return {};
  }
  /// Begins anew: as many texts as reserved, `copies` of each prompt next to each other.
  Result<void> begin(const Prompts& prompts, Index copies = 1) noexcept {
    if (prompts.texts <= 0 || prompts.texts * copies != texts_)
      return Error::format(Code::invalid_argument, "generator: expected %lld prompts as reserved, found %lld",
                           static_cast<long long>(texts_ / copies), static_cast<long long>(prompts.texts));
    for (Index t = 0; t < texts_; ++t) {
      const Index prompt = t / copies, length = prompts.length(prompt);
      if (length <= 0 || length > longest_prompt_)
        return Error::format(Code::out_of_range, "generator: prompt %lld has %lld tokens, expected 1 to %lld",
                             static_cast<long long>(prompt), static_cast<long long>(length),
                             static_cast<long long>(longest_prompt_));
      length_of(lengths_, t) = length_of(prompts_, t) = length;
      for (Index i = 0; i < length; ++i) place(tokens_, t)[i] = prompts.ids[prompts.offsets[prompt] + i];
    }
    return {};
  }

  Index count() const noexcept { return texts_; }
  Index capacity() const noexcept { return capacity_; }
  const std::int32_t* tokens(Index text) const noexcept { return tokens_.data() + text * capacity_; }
  Index length(Index text) const noexcept { return lengths_[static_cast<std::size_t>(text)]; }
  Index prompt(Index text) const noexcept { return prompts_[static_cast<std::size_t>(text)]; }
  /// New tokens of a text.
  Index grown(Index text) const noexcept { return length(text) - prompt(text); }
  Index longest() const noexcept {
    Index most = 0;
    for (const Index length : lengths_) most = length > most ? length : most;
    return most;
  }
  Index shortest() const noexcept {
    Index least = capacity_;
    for (const Index length : lengths_) least = length < least ? length : least;
    return least;
  }

  void append(Index text, std::int32_t token) noexcept { place(tokens_, text)[length_of(lengths_, text)++] = token; }
  /// Text t becomes what text from[t] was.
  void reorder(const Index* from) noexcept {
    for (Index t = 0; t < texts_; ++t) {
      length_of(old_lengths_, t) = length(from[t]);
      for (Index i = 0; i < length(from[t]); ++i) place(old_, t)[i] = tokens(from[t])[i];
    }
    std::swap(tokens_, old_);
    std::swap(lengths_, old_lengths_);
  }

 private:
  std::int32_t* place(Buffer<std::int32_t>& all, Index text) noexcept { return all.data() + text * capacity_; }
  static Index& length_of(Buffer<Index>& lengths, Index text) noexcept {
    return lengths[static_cast<std::size_t>(text)];
  }

  Buffer<std::int32_t> tokens_, old_;
  Buffer<Index> lengths_, old_lengths_, prompts_;
  Index texts_ = 0, longest_prompt_ = 0, capacity_ = 0;
};

}  // namespace tessera
