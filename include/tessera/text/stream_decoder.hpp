// Decoding while ids are still being made: each id gives the text that is certain by now, never a part of a character.
//
// What push() and finish() return, put together, is decode(ids) without the clean-up of spaces, which would need to
// know what comes next; nor is the text split at separator tokens. (One exception: the mark of a word's end that comes
// spelled out over several tokens, as no text gives it.) Not thread-safe; one decoder decodes one sequence.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/tokenizer.hpp"
#include "tessera/text/utf8.hpp"

namespace tessera::inline TESSERA_ISA::text {

class StreamDecoder {
 public:
  /// The tokenizer must outlive the decoder, and get no new tokens meanwhile.
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens = false)
      : tokenizer_(&tokenizer), form_(tokenizer.run_text()) {
    if (skip_special_tokens) skipped_ = tokenizer.all_special_ids();
  }

  /// The text that has become certain with this id; often empty. After an error the decoder is as it was before.
  Result<std::string> push(Id id) noexcept {
    const std::size_t before = pending_.size();
    auto out = guarded([&]() -> Result<std::string> {
      if (std::find(skipped_.begin(), skipped_.end(), id) != skipped_.end()) return std::string();
      TESSERA_TRY_ASSIGN(const std::string token, tokenizer_->id_to_token(id));
      if (tokenizer_->is_added(token)) {
        std::string text = held_back() + ' ' + token;
        restart();
        return text;
      }
      TESSERA_TRY(tokenizer_->append_run_text(token, first_, pending_));
      const std::size_t certain = certain_prefix();
      const std::string_view bytes = std::string_view(pending_).substr(0, certain);
      std::string text = shown(bytes);
      begun_ = begun_ || !without_leading_space(bytes).empty();
      first_ = false;
      pending_.erase(0, certain);
      return text;
    });
    if (!out.ok()) pending_.resize(before);
    return out;
  }

  /// What was held back, at the end of the sequence. Afterwards the decoder is ready for another one.
  std::string finish() {
    std::string out = held_back();
    restart();
    return out;
  }

 private:
  std::string held_back() const {
    std::string out = shown(pending_);
    if (form_.stripped) {
      const std::string_view kept = strip(out);
      out.resize(kept.empty() ? 0 : static_cast<std::size_t>(kept.data() - out.data()) + kept.size());
    }
    return out;
  }
  void restart() noexcept {
    pending_.clear();
    first_ = true;
    begun_ = false;
  }

  /// Bytes of pending_ that no later token can change.
  std::size_t certain_prefix() const noexcept {
    std::string_view s = pending_;
    // A character may be incomplete: at most three bytes at the end.
    std::size_t start = s.size();
    while (start > 0 && s.size() - start < 3 && (static_cast<unsigned char>(s[start - 1]) & 0xC0U) == 0x80U) --start;
    if (start > 0 && static_cast<unsigned char>(s[start - 1]) >= 0xC0U) {
      --start;
      // Complete, or broken in a way that more bytes do not mend?
      const utf8::Step step = utf8::decode_one(s.data() + start, s.data() + s.size());
      if (!step.valid && start + step.length == s.size()) s = s.substr(0, start);
    }
    if (!form_.stripped) return s.size();
    // White space counts only if something comes behind it.
    std::size_t end = 0;
    for (std::size_t at = skip_space(s); at < s.size(); at = skip_space(s, end)) end = find_space(s, at);
    return end;
  }

  /// Bytes that come next, without white space at the beginning of a run that is stripped.
  std::string_view without_leading_space(std::string_view bytes) const {
    return form_.stripped && !begun_ ? bytes.substr(skip_space(bytes)) : bytes;
  }
  std::string shown(std::string_view bytes) const {
    bytes = without_leading_space(bytes);
    return utf8::is_valid(bytes) ? std::string(bytes) : utf8::repair(bytes, form_.on_error);
  }

  const Tokenizer* tokenizer_;
  RunText form_;
  Ids skipped_;
  std::string pending_;
  bool first_ = true;   // no token of the run yet
  bool begun_ = false;  // text of the run was given out
};

}  // namespace tessera::text
