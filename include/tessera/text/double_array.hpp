// A trie over bytes in two arrays: which keys are prefixes of a text, one memory access a byte.
//
// Built once from sorted keys and then only asked. Unlike a hash table it finds all prefixes of a text in one pass.
// Source: Aoe 1989, "An efficient digital search algorithm by using a double-array structure".
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA::text {

class DoubleArray {
 public:
  /// Stands for "no key ends here".
  static constexpr std::int32_t none = -1;

  /// Where a search stands: at the root, or behind some bytes that keys begin with.
  using Node = std::uint32_t;
  static constexpr Node root = 0;

  DoubleArray() = default;

  /// Keys with values of at least 0, in any order and each once. Empty keys are left out.
  explicit DoubleArray(std::vector<std::pair<std::string_view, std::int32_t>> keys) {
    std::erase_if(keys, [](const auto& key) { return key.first.empty(); });
    if (keys.empty()) return;
    std::sort(keys.begin(), keys.end());
    units_.resize(256);
    taken_.resize(256, false);
    taken_[root] = true;
    units_[root] = {0, root, none};
    build(keys);
    taken_ = {};
  }

  bool empty() const noexcept { return units_.empty(); }

  /// Goes on by one byte; false if no key goes that way.
  bool step(Node& node, char byte) const noexcept {
    if (units_.empty()) return false;
    const Node to = units_[node].base ^ static_cast<std::uint8_t>(byte);
    if (to >= units_.size() || units_[to].parent != node || to == root) return false;
    node = to;
    return true;
  }

  /// The value of the key that ends here, or none.
  std::int32_t value(Node node) const noexcept { return units_[node].value; }

  /// The length of the longest key that `text` begins with; 0 if there is none.
  std::size_t longest_prefix(std::string_view text) const noexcept {
    std::size_t longest = 0;
    Node node = root;
    for (std::size_t i = 0; i < text.size() && step(node, text[i]); ++i) {
      if (value(node) != none) longest = i + 1;
    }
    return longest;
  }

 private:
  struct Unit {
    std::uint32_t base = 0;
    Node parent = no_node;
    std::int32_t value = none;
  };
  static constexpr Node no_node = 0xFFFFFFFFU;

  /// A stretch of keys that share their first `depth` bytes, which `node` stands for.
  struct Range {
    std::size_t first;
    std::size_t last;
    std::size_t depth;
    Node node;
  };

  void build(std::span<const std::pair<std::string_view, std::int32_t>> keys) {
    std::vector<Range> waiting{{0, keys.size(), 0, root}};
    std::vector<std::pair<std::uint8_t, std::size_t>> children;  // byte, where its keys begin
    while (!waiting.empty()) {
      const Range range = waiting.back();
      waiting.pop_back();
      children.clear();
      for (std::size_t i = range.first; i < range.last; ++i) {
        const std::string_view key = keys[i].first;
        if (key.size() == range.depth) {
          units_[range.node].value = keys[i].second;
          continue;
        }
        const auto byte = static_cast<std::uint8_t>(key[range.depth]);
        if (children.empty() || children.back().first != byte) children.emplace_back(byte, i);
      }
      if (children.empty()) continue;
      const std::uint32_t base = find_base(children);
      units_[range.node].base = base;
      for (std::size_t c = 0; c < children.size(); ++c) {
        const Node node = base ^ children[c].first;
        taken_[node] = true;
        units_[node].parent = range.node;
        const std::size_t last = c + 1 < children.size() ? children[c + 1].second : range.last;
        waiting.push_back({children[c].second, last, range.depth + 1, node});
      }
    }
  }

  /// A base that puts all children into free units. Units before `start_` are nearly all taken and not looked at.
  std::uint32_t find_base(const std::vector<std::pair<std::uint8_t, std::size_t>>& children) {
    std::size_t tries = 0;
    while (start_ < units_.size() && taken_[start_]) ++start_;
    for (std::size_t at = start_;; ++at) {
      if (at == units_.size()) {
        units_.resize(units_.size() + 256);
        taken_.resize(units_.size(), false);
      }
      if (taken_[at]) continue;
      const auto base = static_cast<std::uint32_t>(at) ^ children.front().first;
      const bool fits =
          std::all_of(children.begin(), children.end(), [&](const auto& child) { return !taken_[base ^ child.first]; });
      if (fits) {
        if (tries > most_tries) start_ = at;
        return base;
      }
      ++tries;
    }
  }

  static constexpr std::size_t most_tries = 64;

  std::vector<Unit> units_;
  std::vector<bool> taken_;
  std::size_t start_ = 1;
};

}  // namespace tessera::text
