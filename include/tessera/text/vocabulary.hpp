// A two-way map between tokens and ids: one byte buffer, one table, nothing allocated for each token.
//
// Open addressing with linear probes over entries that point into the buffer. Lookups take a token in two parts, so
// that "##" + piece needs no joined copy, and accept a hash made on the way, so that a longest-match search hashes each
// byte once. The reading of vocab.txt from memory is here too; reading files is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/base/result.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/utf8.hpp"

namespace tessera::inline TESSERA_ISA::text {

using Id = std::int32_t;
using Ids = std::vector<Id>;

/// Stands for "no such token".
inline constexpr Id no_id = -1;

/// A running hash over bytes (FNV-1a, 64 bits).
class TokenHash {
 public:
  constexpr TokenHash() = default;
  constexpr explicit TokenHash(std::string_view bytes) noexcept { add(bytes); }
  constexpr void add(char byte) noexcept { state_ = (state_ ^ static_cast<std::uint8_t>(byte)) * 0x100000001B3U; }
  constexpr void add(std::string_view bytes) noexcept {
    for (const char byte : bytes) add(byte);
  }
  /// The multiplication leaves the low bits weak, and the table takes low bits.
  constexpr std::uint32_t value() const noexcept { return static_cast<std::uint32_t>(state_ ^ (state_ >> 32)); }

 private:
  std::uint64_t state_ = 0xCBF29CE484222325U;
};

class Vocabulary {
 public:
  /// Ids above this are refused: the table from ids to tokens has a place for each id up to the largest.
  static constexpr Id max_id = (1 << 26) - 1;

  /// Room for this many tokens and bytes without growing.
  void reserve(std::size_t tokens, std::size_t bytes) {
    bytes_.reserve(bytes);
    entries_.reserve(tokens);
    by_id_.reserve(tokens);
    if (tokens * 2 > slots_.size()) rehash(tokens);
  }

  /// token -> id and id -> token. A token that is there already takes the new id, and its old id then has no token;
  /// an id that is taken goes to the new token, and the old token keeps it too (as two Python dicts would have it).
  Result<void> set(std::string_view token, Id id) {
    if (id < 0 || id > max_id) {
      return Error::format(Code::out_of_range, "vocabulary: the id of token \"%.*s\" is %d, expected 0 to %d",
                           static_cast<int>(token.size() < 80 ? token.size() : 80), token.data(), id, max_id);
    }
    if (bytes_.size() + token.size() > 0xFFFFFFFFU) {
      return Error::format(Code::out_of_memory, "vocabulary: its tokens have more than 4 GiB of text");
    }
    const TokenHash hash(token);
    std::uint32_t index = find_entry({}, token, hash);
    if (index == none) {
      if ((entries_.size() + 1) * 2 > slots_.size()) rehash(entries_.size() + 1);
      index = static_cast<std::uint32_t>(entries_.size());
      entries_.push_back({static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(token.size()), id});
      bytes_.append(token);
      if (token.size() > longest_) longest_ = token.size();
      place({hash.value(), index});
    } else {
      Entry& entry = entries_[index];
      if (entry.id != id && by_id_[static_cast<std::size_t>(entry.id)] == index) {
        by_id_[static_cast<std::size_t>(entry.id)] = none;
      }
      entry.id = id;
    }
    if (static_cast<std::size_t>(id) >= by_id_.size()) by_id_.resize(static_cast<std::size_t>(id) + 1, none);
    by_id_[static_cast<std::size_t>(id)] = index;
    return {};
  }

  /// The id of prefix + rest, whose hash is given; no_id if it is not a token.
  Id find(std::string_view prefix, std::string_view rest, TokenHash hash) const noexcept {
    const std::uint32_t index = find_entry(prefix, rest, hash);
    return index == none ? no_id : entries_[index].id;
  }
  Id find(std::string_view token) const noexcept { return find({}, token, TokenHash(token)); }
  bool contains(std::string_view token) const noexcept { return find(token) != no_id; }

  /// True if some token has this id.
  bool has(Id id) const noexcept {
    return id >= 0 && static_cast<std::size_t>(id) < by_id_.size() && by_id_[static_cast<std::size_t>(id)] != none;
  }
  /// The token of an id that has one; empty otherwise. Valid until the next set().
  std::string_view token(Id id) const noexcept {
    return has(id) ? text_of(entries_[by_id_[static_cast<std::size_t>(id)]]) : std::string_view();
  }

  /// Distinct tokens.
  std::size_t size() const noexcept { return entries_.size(); }
  bool empty() const noexcept { return entries_.empty(); }
  /// One more than the largest id.
  std::size_t id_bound() const noexcept { return by_id_.size(); }
  /// Bytes of the longest token.
  std::size_t longest() const noexcept { return longest_; }

  /// Tokens in the order in which they came first.
  std::string_view nth_token(std::size_t i) const noexcept { return text_of(entries_[i]); }
  Id nth_id(std::size_t i) const noexcept { return entries_[i].id; }

 private:
  static constexpr std::uint32_t none = 0xFFFFFFFFU;
  struct Entry {
    std::uint32_t offset;
    std::uint32_t length;
    Id id;
  };
  struct Slot {
    std::uint32_t hash;
    std::uint32_t entry;
  };

  std::string_view text_of(const Entry& e) const noexcept { return {bytes_.data() + e.offset, e.length}; }

  std::uint32_t find_entry(std::string_view prefix, std::string_view rest, TokenHash hash) const noexcept {
    if (slots_.empty()) return none;
    const std::uint32_t wanted = hash.value();
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = wanted & mask; slots_[at].entry != none; at = (at + 1) & mask) {
      if (slots_[at].hash != wanted) continue;
      const std::string_view text = text_of(entries_[slots_[at].entry]);
      if (text.size() == prefix.size() + rest.size() && text.substr(0, prefix.size()) == prefix &&
          text.substr(prefix.size()) == rest) {
        return slots_[at].entry;
      }
    }
    return none;
  }

  void place(Slot slot) noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = slot.hash & mask;
    while (slots_[at].entry != none) at = (at + 1) & mask;
    slots_[at] = slot;
  }

  /// Makes the table a power of two of at least twice `tokens`, so that probes stay short and always end.
  void rehash(std::size_t tokens) {
    std::size_t size = 16;
    while (size < tokens * 2) size *= 2;
    if (size <= slots_.size()) size = slots_.size() * 2;
    std::vector<Slot> old(size, Slot{0, none});
    old.swap(slots_);
    for (const Slot slot : old) {
      if (slot.entry != none) place(slot);
    }
  }

  std::string bytes_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> by_id_;
  std::size_t longest_ = 0;
};

/// What is taken off each line of a vocab.txt.
enum class LineTrim : unsigned char {
  line_end,     ///< the line end alone
  white_space,  ///< all white space at both ends, as release 0.6.2 of the reference does
};

/// Reads a vocab.txt: one token a line, its id is the number of its line. A line ends at LF, CR LF or CR and nowhere
/// else; what comes behind the last line end is a line if it is not empty. A token that occurs twice has the last id.
inline Result<Vocabulary> read_vocabulary(std::string_view file, LineTrim trim = LineTrim::line_end) {
  if (const std::size_t bad = utf8::find_invalid(file); bad != file.size()) {
    return Error::format(Code::bad_format, "vocabulary: expected UTF-8, found an invalid byte 0x%02X at offset %zu",
                         static_cast<unsigned>(static_cast<unsigned char>(file[bad])), bad);
  }
  Vocabulary vocabulary;
  std::size_t lines = 0;
  for (const char c : file) lines += c == '\n' || c == '\r' ? 1 : 0;
  vocabulary.reserve(lines + 1, file.size());
  Id id = 0;
  while (!file.empty()) {
    const std::size_t end = file.find_first_of("\r\n");
    std::string_view token = file.substr(0, end);
    if (end == std::string_view::npos) {
      file = {};
    } else {
      const bool two = file[end] == '\r' && end + 1 < file.size() && file[end + 1] == '\n';
      file.remove_prefix(end + (two ? 2 : 1));
    }
    if (trim == LineTrim::white_space) token = strip(token);
    TESSERA_TRY(vocabulary.set(token, id));
    ++id;
  }
  return vocabulary;
}

}  // namespace tessera::text
