// A small set of words for tests in an inner loop: nearly every word is turned away by its first byte.
#pragma once

#include <bitset>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA::text {

class WordSet {
 public:
  WordSet() = default;
  explicit WordSet(const std::vector<std::string>& words) {
    for (const std::string& word : words) add(word);
  }

  void add(std::string_view word) {
    if (word.empty() || contains(word)) return;
    first_bytes_.set(static_cast<unsigned char>(word.front()));
    words_.emplace_back(word);
  }

  bool may_start_with(char byte) const noexcept { return first_bytes_.test(static_cast<unsigned char>(byte)); }

  bool contains(std::string_view word) const noexcept {
    if (word.empty() || !may_start_with(word.front())) return false;
    for (const std::string& candidate : words_) {
      if (candidate == word) return true;
    }
    return false;
  }

  bool empty() const noexcept { return words_.empty(); }

 private:
  std::bitset<256> first_bytes_;
  std::vector<std::string> words_;
};

}  // namespace tessera::text
