// What all tokenizers share: added and special tokens, encoding of one text and of two, decoding, length warnings.
//
// A tokenizer of an architecture derives from Tokenizer and says how a stretch of plain text becomes tokens, how a
// token becomes an id and back, and how tokens become a string. The rest is here, once, and behaves as the base class
// of pytorch-transformers 1.2.0 does, odd corners included: they decide ids that published models were trained with.
//
// A const tokenizer may be used by many threads; what a call needs to remember is in a TextScratch that the caller may
// keep, and then encode_into allocates nothing once its buffers have grown. No file is read here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/text/basic.hpp"
#include "tessera/text/bpe.hpp"
#include "tessera/text/layout.hpp"
#include "tessera/text/sentencepiece.hpp"
#include "tessera/text/special_tokens.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/vocabulary.hpp"
#include "tessera/text/word_cache.hpp"

namespace tessera::inline TESSERA_ISA::text {

using Tokens = std::vector<std::string>;

/// What an architecture states about its inputs.
struct TokenizerTraits {
  const char* class_name;
  Layout single;
  Layout pair;
  /// What max_len_single_sentence and max_len_sentences_pair leave for special tokens (not always what is added).
  std::int64_t single_reserved;
  std::int64_t pair_reserved;
};

/// A decoded text. Where the separator token occurs in it, the reference returns a list of the parts instead.
struct Decoded {
  bool is_list = false;
  std::string text;
  std::vector<std::string> parts;
};

struct DecodeOptions {
  bool skip_special_tokens = false;
  bool clean_up_tokenization_spaces = true;
};

struct EncodeOptions {
  bool add_special_tokens = false;
  /// Cuts the text so that the result has at most this many ids, special tokens included; 0 cuts nothing.
  std::size_t max_length = 0;
  /// Which text is cut, and at which end.
  Truncation truncation = Truncation::longest_first;
};

/// Undoes the spaces that tokenizing English leaves behind: a fixed chain of plain replacements, inside words too.
inline std::string clean_up_tokenization(std::string_view text) {
  constexpr std::pair<std::string_view, std::string_view> rules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  std::string out(text);
  for (const auto& [from, to] : rules) {
    if (out.find(from) != std::string::npos) out = replace_all(out, from, to);
  }
  return out;
}

/// A stretch of a text: plain, or one of the tokens that are never split.
struct Chunk {
  std::string_view text;
  bool is_token;
};

/// A file of a saved vocabulary, as bytes.
struct VocabularyFile {
  std::string name;
  std::string content;
};

/// The memory of a call, for callers who make many.
struct TextScratch {
  std::string repaired;
  std::vector<Chunk> chunks;
  std::vector<Chunk> next_chunks;
  BasicScratch basic;
  std::string word;
  BpeScratch bpe;
  WordCache words;
  SentencePieceScratch pieces;
  Tokens tokens;
};

/// How a run of tokens becomes text when the tokens come one by one; see stream_decoder.hpp.
struct RunText {
  /// White space at the ends of the run is dropped.
  bool stripped = false;
  /// What becomes of bytes that are not UTF-8.
  utf8::OnError on_error = utf8::OnError::replace;
};

class Tokenizer {
 public:
  /// Stands for "no limit", as in the reference.
  static constexpr std::int64_t no_max_len = 1'000'000'000'000;

  virtual ~Tokenizer() = default;

  virtual const TokenizerTraits& traits() const noexcept = 0;
  /// Tokens of the vocabulary, without added ones.
  virtual std::size_t vocab_size() const noexcept = 0;
  /// The files that this vocabulary is saved as. Sentences that the reference would log are appended to `warnings`.
  virtual Result<std::vector<VocabularyFile>> vocabulary_files(std::vector<std::string>& warnings) const = 0;

  std::size_t size() const noexcept { return vocab_size() + added_.size(); }
  const SpecialTokens& special_tokens() const noexcept { return special_; }
  std::int64_t max_len() const noexcept { return max_len_; }
  std::int64_t max_len_single_sentence() const noexcept { return max_len_ - traits().single_reserved; }
  std::int64_t max_len_sentences_pair() const noexcept { return max_len_ - traits().pair_reserved; }
  void set_max_len(std::int64_t max_len) noexcept { max_len_ = max_len; }

  /// Added tokens and their ids, in the order in which they were added.
  std::vector<std::pair<std::string, Id>> added_tokens() const {
    std::vector<std::pair<std::string, Id>> out;
    for (std::size_t i = 0; i < added_.size(); ++i) out.emplace_back(added_.nth_token(i), added_.nth_id(i));
    return out;
  }

  // --- text to tokens to ids

  /// The tokens of any bytes; what is not UTF-8 is replaced as Python's 'replace' does.
  Result<Tokens> tokenize(std::string_view text) const noexcept {
    return guarded([&]() -> Result<Tokens> {
      TextScratch scratch;
      Tokens out;
      TESSERA_TRY(tokenize_well_formed(well_formed(text, scratch), out, scratch));
      return out;
    });
  }

  /// The tokens of code points, lone surrogates among them.
  Result<Tokens> tokenize(std::u32string_view text) const noexcept {
    return guarded([&]() -> Result<Tokens> {
      TextScratch scratch;
      Tokens out;
      const std::string bytes = utf8::encode(text);
      TESSERA_TRY(tokenize_well_formed(bytes, out, scratch));
      return out;
    });
  }

  /// Appends the ids of a text, without special tokens.
  Result<void> encode_into(std::string_view text, Ids& out, TextScratch& scratch) const noexcept {
    return guarded([&]() -> Result<void> {
      return encode_well_formed(well_formed(text, scratch), IdSource::added_first, out, scratch);
    });
  }

  /// The ids of a text; with special tokens if asked for.
  Result<Encoding> encode(std::string_view text, const EncodeOptions& options = {}) const noexcept {
    return guarded([&]() -> Result<Encoding> {
      TextScratch scratch;
      Encoding row;
      Ids ids;
      TESSERA_TRY(encode_into(text, ids, scratch));
      warn_of_length(ids.size(), row.warnings);
      Ids none;
      TESSERA_TRY(cut(traits().single, options, ids, none));
      if (!options.add_special_tokens) {
        row.ids = std::move(ids);
        row.segments.assign(row.ids.size(), 0);
        return row;
      }
      TESSERA_TRY(fill(traits().single, ids, none, row));
      return row;
    });
  }

  /// The ids of two texts: joined with special tokens, or apart without (`ids` and `pair_ids`). As in the reference,
  /// the ids are those of the vocabulary alone, so that an added token is unknown here.
  Result<Encoding> encode(std::string_view text, std::string_view pair,
                          const EncodeOptions& options = {}) const noexcept {
    return guarded([&]() -> Result<Encoding> {
      TextScratch scratch;
      TextScratch pair_scratch;
      return encode_pair(well_formed(text, scratch), well_formed(pair, pair_scratch), options, scratch);
    });
  }

  /// The same for code points, lone surrogates among them.
  Result<Encoding> encode(std::u32string_view text, std::u32string_view pair,
                          const EncodeOptions& options = {}) const noexcept {
    return guarded([&]() -> Result<Encoding> {
      TextScratch scratch;
      const std::string first = utf8::encode(text);
      const std::string second = utf8::encode(pair);
      return encode_pair(first, second, options, scratch);
    });
  }

  /// The layout of one text around given ids.
  Result<Encoding> with_special_tokens(const Ids& ids) const noexcept {
    return guarded([&]() -> Result<Encoding> {
      Encoding row;
      TESSERA_TRY(fill(traits().single, ids, {}, row));
      return row;
    });
  }
  /// The layout of two texts around given ids.
  Result<Encoding> with_special_tokens(const Ids& first, const Ids& second) const noexcept {
    return guarded([&]() -> Result<Encoding> {
      Encoding row;
      TESSERA_TRY(fill(traits().pair, first, second, row));
      return row;
    });
  }

  /// Pads rows to a rectangle with the padding token.
  Result<Batch> pad(std::span<const Encoding> rows, const PadOptions& options = {}) const noexcept {
    return guarded([&]() -> Result<Batch> {
      TESSERA_TRY_ASSIGN(const Id id, special_id(Role::pad));
      return text::pad(rows, id, options);
    });
  }

  /// The id of a token: that of the added token, of the vocabulary, or of the unknown token.
  Result<Id> token_to_id(std::string_view token) const { return to_id(token, IdSource::added_first); }

  Result<Ids> tokens_to_ids(std::span<const std::string> tokens,
                            std::vector<std::string>* warnings = nullptr) const noexcept {
    return guarded([&]() -> Result<Ids> {
      Ids ids;
      ids.reserve(tokens.size());
      for (const std::string& token : tokens) {
        TESSERA_TRY_ASSIGN(const Id id, token_to_id(token));
        ids.push_back(id);
      }
      if (warnings != nullptr) warn_of_length(ids.size(), *warnings);
      return ids;
    });
  }

  /// The id of the token of a role.
  Result<Id> special_id(Role role) const {
    if (role == Role::additional || !special_.has(role)) {
      return Error::format(Code::not_found, "%s: %s is asked for, but it is not set", traits().class_name,
                           text::name(role).data());
    }
    return token_to_id(special_[role]);
  }

  /// Each special token once: those of the roles in their order, then the additional ones.
  const std::vector<std::string>& all_special_tokens() const noexcept { return all_special_; }

  /// Their ids in the vocabulary. As in the reference, a special token that was added counts as the unknown token;
  /// no_id where there is none of that either.
  Ids all_special_ids() const {
    Ids ids;
    for (const std::string& token : all_special_) ids.push_back(vocabulary_id(token));
    return ids;
  }

  // --- ids to tokens to text

  Result<std::string> id_to_token(Id id) const noexcept {
    return guarded([&]() -> Result<std::string> {
      if (const std::string* token = added_token(id)) return *token;
      return vocabulary_token(id);
    });
  }

  Result<Tokens> ids_to_tokens(std::span<const Id> ids, bool skip_special_tokens = false) const noexcept {
    return guarded([&]() -> Result<Tokens> {
      const Ids special_ids = skip_special_tokens ? all_special_ids() : Ids();
      Tokens tokens;
      tokens.reserve(ids.size());
      for (const Id id : ids) {
        if (std::find(special_ids.begin(), special_ids.end(), id) != special_ids.end()) continue;
        TESSERA_TRY_ASSIGN(std::string token, id_to_token(id));
        tokens.push_back(std::move(token));
      }
      return tokens;
    });
  }

  /// The string that tokens of the vocabulary stand for.
  virtual Result<std::string> tokens_to_string(std::span<const std::string> tokens) const = 0;

  /// The same in steps: what append_run_text makes of each token of a run, one after the other, is the string, once it
  /// is treated as run_text() says.
  virtual RunText run_text() const noexcept { return {}; }
  /// Appends what a token of the vocabulary adds to the run. `first` says that it begins the run.
  virtual Result<void> append_run_text(std::string_view token, [[maybe_unused]] bool first, std::string& out) const {
    const std::string alone[] = {std::string(token)};
    TESSERA_TRY_ASSIGN(const std::string text, tokens_to_string(alone));
    out += text;
    return {};
  }

  /// True if what tokens spell are bytes, of which a character may have several.
  virtual bool spells_bytes() const noexcept { return false; }

  bool is_added(std::string_view token) const noexcept { return added_.contains(token); }

  Result<Decoded> decode(std::span<const Id> ids, const DecodeOptions& options = {}) const noexcept {
    return guarded([&]() -> Result<Decoded> {
      TESSERA_TRY_ASSIGN(const Tokens tokens, ids_to_tokens(ids, options.skip_special_tokens));
      std::string text;
      std::size_t start = 0;
      for (std::size_t i = 0; i <= tokens.size(); ++i) {
        const bool added = i < tokens.size() && added_.contains(tokens[i]);
        if (i < tokens.size() && !added) continue;
        if (i > start) {
          TESSERA_TRY_ASSIGN(const std::string run, tokens_to_string(std::span(tokens).subspan(start, i - start)));
          text += run;
        }
        if (added) {
          text += ' ';
          text += tokens[i];
        }
        start = i + 1;
      }
      const auto cleaned = [&options](std::string s) {
        if (options.clean_up_tokenization_spaces) return clean_up_tokenization(s);
        return s;
      };
      Decoded out;
      const std::string& separator = special_[Role::sep];
      if (separator.empty() || text.find(separator) == std::string::npos) {
        out.text = cleaned(std::move(text));
        return out;
      }
      if (!special_.has(Role::cls)) {
        return Error::format(Code::invalid_argument,
                             "%s: a text with sep_token is split at cls_token too, but cls_token is not set",
                             traits().class_name);
      }
      out.is_list = true;
      text = replace_all(text, special_[Role::cls], separator);
      for (std::size_t at = 0; at <= text.size();) {
        const std::size_t hit = (std::min)(text.find(separator, at), text.size());
        if (hit > at) out.parts.push_back(cleaned(text.substr(at, hit - at)));
        at = hit + separator.size();
      }
      return out;
    });
  }

  // --- more tokens

  /// Adds tokens that the vocabulary does not have and returns how many. A token that occurs twice in one call is
  /// counted twice and leaves a gap in the ids, as in the reference.
  Result<std::size_t> add_tokens(std::span<const std::string> tokens) noexcept {
    return guarded([&]() -> Result<std::size_t> {
      const bool has_unknown = special_.has(Role::unk);
      const std::string& unknown = special_[Role::unk];
      const Id unknown_id = has_unknown ? find(unknown, IdSource::added_first) : no_id;
      std::size_t count = 0;
      Vocabulary fresh;  // of equal tokens the first one decides the place and the last one the id
      for (const std::string& token : tokens) {
        if ((has_unknown && token == unknown) || find(token, IdSource::added_first) != unknown_id) continue;
        TESSERA_TRY(fresh.set(token, static_cast<Id>(count)));
        ++count;
      }
      const auto first = static_cast<std::int64_t>(size());
      for (std::size_t i = 0; i < fresh.size(); ++i) {
        TESSERA_TRY(put_added(fresh.nth_token(i), first + fresh.nth_id(i)));
      }
      tokens_changed();
      return count;
    });
  }

  /// Sets special tokens, item by item, and adds those that the vocabulary does not have. Returns how many were added.
  Result<std::size_t> add_special_tokens(std::span<const SpecialTokenChange> changes) noexcept {
    return guarded([&]() -> Result<std::size_t> {
      std::size_t added = 0;
      for (const SpecialTokenChange& change : changes) {
        if (change.role != Role::additional && change.tokens.size() != 1) {
          return Error::format(Code::invalid_argument, "%s: %s is given %zu tokens, expected 1", traits().class_name,
                               text::name(change.role).data(), change.tokens.size());
        }
        TESSERA_TRY_ASSIGN(const std::size_t n, add_tokens(change.tokens));
        added += n;
        special_.apply(change);
        tokens_changed();
      }
      return added;
    });
  }

  /// Takes over tokens that were added and saved before, with the ids they had.
  Result<void> restore_added_tokens(std::span<const std::pair<std::string, Id>> tokens) noexcept {
    return guarded([&]() -> Result<void> {
      for (const auto& [token, id] : tokens) TESSERA_TRY(put_added(token, id));
      tokens_changed();
      return {};
    });
  }

 protected:
  /// Where ids come from: encode(text) looks at added tokens first, encode(text, pair) does not look at them at all.
  enum class IdSource : unsigned char { added_first, vocabulary };

  Tokenizer(SpecialTokens special, std::int64_t max_len)
      : special_(std::move(special)), all_special_(special_.all()), max_len_(max_len) {}
  Tokenizer(const Tokenizer&) = default;
  Tokenizer(Tokenizer&&) = default;
  Tokenizer& operator=(const Tokenizer&) = default;
  Tokenizer& operator=(Tokenizer&&) = default;

  // --- what an architecture provides

  /// Appends the tokens of a well-formed, stripped stretch without added or special tokens.
  virtual Result<void> tokenize_chunk(std::string_view chunk, Tokens& out, TextScratch& scratch) const = 0;

  /// Appends the ids of such a stretch. An architecture overrides it where ids can be had without the tokens.
  virtual Result<void> encode_chunk(std::string_view chunk, IdSource source, Ids& out, TextScratch& scratch) const {
    scratch.tokens.clear();
    TESSERA_TRY(tokenize_chunk(chunk, scratch.tokens, scratch));
    for (const std::string& token : scratch.tokens) {
      TESSERA_TRY_ASSIGN(const Id id, to_id(token, source));
      out.push_back(id);
    }
    return {};
  }

  /// The id of a token in the vocabulary, that of the unknown token otherwise, or no_id.
  virtual Id vocabulary_id(std::string_view token) const noexcept = 0;
  /// True if the vocabulary itself has the token.
  virtual bool in_vocabulary(std::string_view token) const noexcept = 0;
  /// The token of an id of the vocabulary, or what the architecture takes for other ids.
  virtual Result<std::string> vocabulary_token(Id id) const = 0;
  /// Called after special or added tokens have changed.
  virtual void on_tokens_changed() {}

  /// True if some added token is in the vocabulary too: then ids of pieces must be looked up as tokens.
  bool added_hides_vocabulary() const noexcept { return added_hides_vocabulary_; }

  Result<Id> to_id(std::string_view token, IdSource source) const {
    const Id id = find(token, source);
    if (id != no_id) return id;
    return Error::format(Code::not_found, "%s: the vocabulary has neither token \"%.*s\" nor the unknown token \"%s\"",
                         traits().class_name, static_cast<int>(std::min<std::size_t>(token.size(), 100)), token.data(),
                         special_[Role::unk].c_str());
  }

  /// Calls f(chunk) for each stretch of plain text and each token that is never split, in the order of the text.
  template <class F>
  Result<void> for_each_chunk(std::string_view text, TextScratch& scratch, F&& f) const {
    TESSERA_TRY(split(well_formed(text, scratch), scratch));
    for (const Chunk& chunk : scratch.chunks) f(chunk);
    return {};
  }

  /// To be called at the end of the constructor of the most derived class.
  void tokens_changed() {
    all_special_ = special_.all();
    never_split_.clear();
    longest_never_split_ = 0;
    for (std::size_t i = 0; i < added_.size(); ++i) never_split_.emplace_back(added_.nth_token(i));
    never_split_.insert(never_split_.end(), all_special_.begin(), all_special_.end());
    for (const std::string& token : never_split_) longest_never_split_ = (std::max)(longest_never_split_, token.size());
    on_tokens_changed();
  }

 private:
  Id find(std::string_view token, IdSource source) const noexcept {
    if (source == IdSource::added_first) {
      const Id id = added_.find(token);
      if (id != no_id) return id;
    }
    return vocabulary_id(token);
  }

  const std::string* added_token(Id id) const {
    const auto at = added_by_id_.find(id);
    return at == added_by_id_.end() ? nullptr : &at->second;
  }

  Result<void> put_added(std::string_view token, std::int64_t id) {
    if (id < 0 || id > Vocabulary::max_id) {
      return Error::format(Code::out_of_range, "%s: the id of the added token \"%.*s\" is %lld, expected 0 to %d",
                           traits().class_name, static_cast<int>(std::min<std::size_t>(token.size(), 100)),
                           token.data(), static_cast<long long>(id), Vocabulary::max_id);
    }
    TESSERA_TRY(added_.set(token, static_cast<Id>(id)));
    added_by_id_.insert_or_assign(static_cast<Id>(id), std::string(token));
    added_hides_vocabulary_ = added_hides_vocabulary_ || in_vocabulary(token);
    return {};
  }

  static std::string_view well_formed(std::string_view text, TextScratch& scratch) {
    if (utf8::is_valid(text)) return text;
    scratch.repaired = utf8::repair(text);
    return scratch.repaired;
  }

  bool is_never_split(std::string_view text) const noexcept {
    if (text.size() > longest_never_split_) return false;
    return added_.contains(text) || std::find(all_special_.begin(), all_special_.end(), text) != all_special_.end();
  }

  /// Splits a text at the tokens that are never split: at all occurrences of the first one, then each remaining
  /// stretch at those of the second, and so on. Every stretch is stripped, and one of white space alone at the front
  /// becomes the token that is looked for - also when the token does not occur, which is why a text of white space
  /// alone yields a token.
  Result<void> split(std::string_view text, TextScratch& scratch) const {
    std::vector<Chunk>& chunks = scratch.chunks;
    std::vector<Chunk>& next = scratch.next_chunks;
    chunks.clear();
    if (text.empty()) return {};
    chunks.push_back({text, is_never_split(text)});
    for (const std::string& token : never_split_) {
      if (token.empty()) {
        return Error::format(Code::invalid_argument, "%s: an added or special token is empty, so no text can be split",
                             traits().class_name);
      }
      next.clear();
      for (const Chunk& chunk : chunks) {
        if (chunk.is_token) {
          next.push_back(chunk);
          continue;
        }
        for (std::size_t at = 0;;) {
          const std::size_t hit = chunk.text.find(token, at);
          const bool last = hit == std::string_view::npos;
          const std::string_view part = strip(chunk.text.substr(at, last ? last_part : hit - at));
          if (!part.empty()) next.push_back({part, is_never_split(part)});
          if (!last || (at == 0 && part.empty())) next.push_back({token, true});
          if (last) break;
          at = hit + token.size();
        }
      }
      chunks.swap(next);
    }
    return {};
  }

  Result<void> tokenize_well_formed(std::string_view text, Tokens& out, TextScratch& scratch) const {
    TESSERA_TRY(split(text, scratch));
    for (const Chunk& chunk : scratch.chunks) {
      if (chunk.is_token) {
        out.emplace_back(chunk.text);
      } else {
        TESSERA_TRY(tokenize_chunk(chunk.text, out, scratch));
      }
    }
    return {};
  }

  Result<Encoding> encode_pair(std::string_view text, std::string_view pair, const EncodeOptions& options,
                               TextScratch& scratch) const {
    Ids first;
    Ids second;
    TESSERA_TRY(encode_well_formed(text, IdSource::vocabulary, first, scratch));
    TESSERA_TRY(encode_well_formed(pair, IdSource::vocabulary, second, scratch));
    TESSERA_TRY(cut(traits().pair, options, first, second));
    Encoding row;
    if (!options.add_special_tokens) {
      row.ids = std::move(first);
      row.segments.assign(row.ids.size(), 0);
      row.pair_ids = std::move(second);
      return row;
    }
    TESSERA_TRY(fill(traits().pair, first, second, row));
    return row;
  }

  Result<void> encode_well_formed(std::string_view text, IdSource source, Ids& out, TextScratch& scratch) const {
    TESSERA_TRY(split(text, scratch));
    for (const Chunk& chunk : scratch.chunks) {
      if (chunk.is_token) {
        TESSERA_TRY_ASSIGN(const Id id, to_id(chunk.text, source));
        out.push_back(id);
      } else {
        TESSERA_TRY(encode_chunk(chunk.text, source, out, scratch));
      }
    }
    return {};
  }

  void warn_of_length(std::size_t length, std::vector<std::string>& warnings) const {
    if (static_cast<std::int64_t>(length) <= max_len_) return;
    char sentence[256];
    std::snprintf(sentence, sizeof sentence,
                  "Token indices sequence length is longer than the specified maximum sequence length for this model "
                  "(%zu > %lld). Running this sequence through the model will result in indexing errors",
                  length, static_cast<long long>(max_len_));
    warnings.emplace_back(sentence);
  }

  Result<void> cut(const Layout& layout, const EncodeOptions& options, Ids& first, Ids& second) const {
    if (options.max_length == 0) return {};
    const std::size_t reserved = options.add_special_tokens ? layout.specials() : 0;
    if (options.max_length < reserved) {
      return Error::format(Code::invalid_argument,
                           "%s: max_length is %zu, expected at least the %zu special tokens of the layout",
                           traits().class_name, options.max_length, reserved);
    }
    if (!truncate(first, second, options.max_length - reserved, options.truncation)) {
      return Error::format(
          Code::invalid_argument,
          "%s: %zu and %zu ids and %zu special tokens do not fit max_length %zu by the truncation asked for",
          traits().class_name, first.size(), second.size(), reserved, options.max_length);
    }
    return {};
  }

  Result<void> fill(const Layout& layout, const Ids& first, const Ids& second, Encoding& row) const {
    if (layout.specials() == 0) {
      row.warnings.emplace_back(&layout == &traits().single
                                    ? "This tokenizer does not make use of special tokens. The sequence has been "
                                      "returned with no modification."
                                    : "This tokenizer does not make use of special tokens. The two sequences have been "
                                      "concatenated.");
    }
    row.ids.reserve(first.size() + second.size() + layout.specials());
    for (std::size_t i = 0; i < layout.size; ++i) {
      const Slot& slot = layout.slots[i];
      if (slot.kind == Slot::Kind::special) {
        TESSERA_TRY_ASSIGN(const Id id, special_id(slot.role));
        row.ids.push_back(id);
      } else {
        const Ids& ids = slot.kind == Slot::Kind::first_text ? first : second;
        row.ids.insert(row.ids.end(), ids.begin(), ids.end());
      }
      row.segments.resize(row.ids.size(), slot.segment);
    }
    return {};
  }

  static constexpr std::size_t last_part = std::string_view::npos;

  SpecialTokens special_;
  std::vector<std::string> all_special_;
  std::int64_t max_len_;
  Vocabulary added_;
  std::unordered_map<Id, std::string> added_by_id_;
  bool added_hides_vocabulary_ = false;
  std::vector<std::string> never_split_;
  std::size_t longest_never_split_ = 0;
};

}  // namespace tessera::text
