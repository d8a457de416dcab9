// The ids of words that were seen before: what makes byte-pair encoding fast, since few words are most of a text.
//
// One flat table of fixed-size entries. A word has one place, and a newer word takes it; long words have none. The
// table grows with use up to a bound and is never larger. It belongs to one caller (it is part of a TextScratch), and
// to one tokenizer at a time.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

class WordCache {
 public:
  static constexpr std::size_t longest_word = 30;
  static constexpr std::size_t most_ids = 24;
  /// Entries of 128 bytes: 4 MiB, which stay in the second-level cache of most processors.
  static constexpr std::size_t most_entries = std::size_t{1} << 15;

  /// A number that no other vocabulary has, for claim(). A copy of a tokenizer has the same vocabulary, and may have
  /// the same number.
  static std::uint64_t new_owner() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }

  /// The cache forgets everything when another tokenizer comes, as told by a number that is never 0.
  void claim(std::uint64_t owner) {
    if (owner == owner_) return;
    owner_ = owner;
    stored_ = 0;
    std::fill(entries_.begin(), entries_.end(), Entry{});
  }

  static bool takes(std::string_view word) noexcept { return !word.empty() && word.size() <= longest_word; }

  /// The ids of a word that takes() accepts; empty if they are not known. Valid until the next put().
  std::span<const Id> find(std::string_view word) const noexcept {
    if (entries_.empty()) return {};
    const Entry& e = entries_[hash(word) & (entries_.size() - 1)];
    if (e.length != word.size() || !equal(e.word.data(), word.data(), word.size())) return {};
    return {e.ids.data(), e.count};
  }

  /// Remembers the ids of a word that takes() accepts, if they are not too many.
  void put(std::string_view word, std::span<const Id> ids) {
    if (ids.empty() || ids.size() > most_ids) return;
    if (++stored_ > entries_.size() && entries_.size() < most_entries) grow();
    Entry& e = entries_[hash(word) & (entries_.size() - 1)];
    e.length = static_cast<std::uint8_t>(word.size());
    e.count = static_cast<std::uint8_t>(ids.size());
    std::copy(word.begin(), word.end(), e.word.begin());
    std::copy(ids.begin(), ids.end(), e.ids.begin());
  }

 private:
  struct Entry {
    std::uint8_t length = 0;
    std::uint8_t count = 0;
    std::array<char, longest_word> word{};
    std::array<Id, most_ids> ids{};
  };
  static_assert(sizeof(Entry) == 128);

  template <class T>
  static T load(const char* at) noexcept {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }

  // Words of 4 bytes and more are read in pieces that overlap, which needs no loop over bytes.

  static bool equal(const char* a, const char* b, std::size_t n) noexcept {
    if (n >= 8) {
      for (std::size_t i = 0; i + 8 < n; i += 8) {
        if (load<std::uint64_t>(a + i) != load<std::uint64_t>(b + i)) return false;
      }
      return load<std::uint64_t>(a + n - 8) == load<std::uint64_t>(b + n - 8);
    }
    if (n >= 4) {
      return load<std::uint32_t>(a) == load<std::uint32_t>(b) &&
             load<std::uint32_t>(a + n - 4) == load<std::uint32_t>(b + n - 4);
    }
    return a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1];
  }

  static std::size_t hash(std::string_view word) noexcept {
    const char* const s = word.data();
    const std::size_t n = word.size();
    std::uint64_t h = n;
    const auto mix = [&h](std::uint64_t piece) { h = (h ^ piece ^ (h >> 31)) * 0x9E3779B97F4A7C15U; };
    if (n >= 8) {
      for (std::size_t i = 0; i + 8 < n; i += 8) mix(load<std::uint64_t>(s + i));
      mix(load<std::uint64_t>(s + n - 8));
    } else if (n >= 4) {
      mix(std::uint64_t{load<std::uint32_t>(s)} << 32 | load<std::uint32_t>(s + n - 4));
    } else {
      const auto byte = [s](std::size_t i) { return std::uint64_t{static_cast<std::uint8_t>(s[i])}; };
      mix(byte(0) << 16 | byte(n / 2) << 8 | byte(n - 1));
    }
    return static_cast<std::size_t>(h >> 40);
  }

  void grow() {
    std::vector<Entry> old(entries_.empty() ? 256 : entries_.size() * 4);
    old.swap(entries_);
    for (const Entry& e : old) {
      if (e.length > 0) entries_[hash({e.word.data(), e.length}) & (entries_.size() - 1)] = e;
    }
  }

  std::uint64_t owner_ = 0;
  std::size_t stored_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace tessera::text
