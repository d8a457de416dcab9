// What the tokenizers with vocab.json and merges.txt share: their vocabulary, the encoding of words, their files.
//
// How a text becomes words, and a word first symbols, is what they differ in. vocab.json comes parsed, since text/
// reads no JSON; it is written here. Source: pytorch-transformers 1.2.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/text/bpe.hpp"
#include "tessera/text/merges.hpp"
#include "tessera/text/tokenizer.hpp"
#include "tessera/text/word_cache.hpp"

namespace tessera::inline TESSERA_ISA::text {

namespace detail {

/// A string as JSON has it, with non-ASCII characters as they are.
inline void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char escape[8];
          std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
          out += escape;
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

}  // namespace detail

/// A vocabulary as json.dumps(encoder, ensure_ascii=False) writes it.
inline std::string vocabulary_json(const Vocabulary& vocabulary) {
  std::string out = "{";
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    if (i > 0) out += ", ";
    detail::append_json_string(out, vocabulary.nth_token(i));
    out += ": ";
    out += std::to_string(vocabulary.nth_id(i));
  }
  out += '}';
  return out;
}

class BpeTokenizer : public Tokenizer {
 public:
  std::size_t vocab_size() const noexcept override { return vocabulary_.size(); }
  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }

  Result<std::vector<VocabularyFile>> vocabulary_files(std::vector<std::string>& warnings) const override {
    bool gaps = false;
    std::vector<VocabularyFile> files;
    files.push_back({"vocab.json", vocabulary_json(vocabulary_)});
    files.push_back({"merges.txt", merges_.file(gaps, header_ == MergesHeader::present)});
    if (gaps) {
      warnings.emplace_back(
          "merges.txt: BPE merge indices are not consecutive. Please check that the tokenizer is not "
          "corrupted!");
    }
    return files;
  }

 protected:
  /// Whether a saved merges.txt begins with a line that is no merge.
  enum class MergesHeader : unsigned char { present, absent };

  BpeTokenizer(SpecialTokens special, std::int64_t max_len, Vocabulary vocabulary, Merges merges,
               MergesHeader header = MergesHeader::present)
      : Tokenizer(std::move(special), max_len),
        vocabulary_(std::move(vocabulary)),
        merges_(std::move(merges)),
        header_(header) {}

  /// To be called before append_ids.
  void claim_cache(TextScratch& scratch) const { scratch.words.claim(stamp_); }

  /// Appends the ids of a word. encode() returns its symbols, if the cache does not have its ids, and
  /// append_string(symbol, out) appends the string of a symbol that is no token of the vocabulary. False if such a one
  /// has no id at all, and then `problem` says so.
  template <class Encode, class AppendString>
  bool append_ids(const Bpe& bpe, std::string_view word, IdSource source, Ids& out, TextScratch& scratch,
                  Error& problem, Encode&& encode, AppendString&& append_string) const {
    const bool cached = WordCache::takes(word);
    if (cached) {
      if (const std::span<const Id> ids = scratch.words.find(word); !ids.empty()) {
        if (ids.size() == 1) {
          out.push_back(ids.front());
        } else {
          out.insert(out.end(), ids.begin(), ids.end());
        }
        return true;
      }
    }
    const std::size_t start = out.size();
    bool all_known = true;
    for (const BpeToken& token : encode()) {
      Id id = bpe.id(token.symbol);
      if (id == no_id) {
        // The string may be an added token, or unknown: not to be remembered.
        all_known = false;
        std::string string;
        append_string(token.symbol, string);
        const auto found = to_id(string, source);
        if (!found.ok()) {
          problem = found.error();
          return false;
        }
        id = *found;
      }
      out.push_back(id);
    }
    if (cached && all_known) scratch.words.put(word, std::span(out).subspan(start));
    return true;
  }

  Id vocabulary_id(std::string_view token) const noexcept override {
    const Id id = vocabulary_.find(token);
    if (id != no_id || !special_tokens().has(Role::unk)) return id;
    return vocabulary_.find(special_tokens()[Role::unk]);
  }
  bool in_vocabulary(std::string_view token) const noexcept override { return vocabulary_.contains(token); }

 private:
  Vocabulary vocabulary_;
  Merges merges_;
  MergesHeader header_;
  std::uint64_t stamp_ = WordCache::new_owner();
};

}  // namespace tessera::text
