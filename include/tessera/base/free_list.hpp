// FreeList: hands out byte ranges of an arena that it never touches.
//
// First fit from the lowest address, neighbours joined on release. Deterministic and constexpr: planning and running
// make the same calls, so they get the same offsets, and the highest end ever used is exactly what the arena needs.
#pragma once

#include <cstddef>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA {

class FreeList {
 public:
  static constexpr std::size_t alignment = 64;
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);
  /// More than any memory: a size that is the result of an overflow.
  static constexpr std::size_t largest = npos / 4;
  /// Holes that can exist at once. Activations are released nearly in reverse order, so there are few.
  static constexpr int max_holes = 256;

  constexpr explicit FreeList(std::size_t capacity = npos) noexcept : capacity_(capacity) {}

  static constexpr std::size_t rounded(std::size_t bytes) noexcept {
    return bytes > npos - alignment ? npos : (bytes + alignment - 1) / alignment * alignment;
  }

  /// The offset of `bytes` bytes, aligned to 64; npos when the arena has no room.
  constexpr std::size_t allocate(std::size_t bytes) noexcept {
    bytes = rounded(bytes);
    if (bytes > largest) return npos;
    for (int i = 0; i < holes_; ++i) {
      if (hole_[i].bytes < bytes) continue;
      const std::size_t offset = hole_[i].offset;
      hole_[i].offset += bytes;
      hole_[i].bytes -= bytes;
      if (hole_[i].bytes == 0) erase(i);
      return offset;
    }
    if (bytes > capacity_ || end_ > capacity_ - bytes) return npos;
    const std::size_t offset = end_;
    end_ += bytes;
    if (end_ > peak_) peak_ = end_;
    return offset;
  }

  /// Gives back what allocate(bytes) returned. False when there are too many holes to remember this one.
  constexpr bool release(std::size_t offset, std::size_t bytes) noexcept {
    bytes = rounded(bytes);
    if (bytes == 0) return true;
    int i = 0;
    while (i < holes_ && hole_[i].offset < offset) ++i;
    const bool joins_before = i > 0 && hole_[i - 1].offset + hole_[i - 1].bytes == offset;
    const bool joins_after = i < holes_ && offset + bytes == hole_[i].offset;
    if (joins_before && joins_after) {
      hole_[i - 1].bytes += bytes + hole_[i].bytes;
      erase(i);
    } else if (joins_before) {
      hole_[i - 1].bytes += bytes;
    } else if (joins_after) {
      hole_[i].offset = offset;
      hole_[i].bytes += bytes;
    } else {
      if (offset + bytes == end_) {
        end_ = offset;
        return true;
      }
      if (holes_ == max_holes) return false;
      for (int j = holes_; j > i; --j) hole_[j] = hole_[j - 1];
      hole_[i] = {offset, bytes};
      ++holes_;
    }
    if (holes_ > 0 && hole_[holes_ - 1].offset + hole_[holes_ - 1].bytes == end_) {
      end_ = hole_[holes_ - 1].offset;
      --holes_;
    }
    return true;
  }

  /// The most bytes ever in use: what the arena must hold.
  constexpr std::size_t peak() const noexcept { return peak_; }
  constexpr std::size_t end() const noexcept { return end_; }

 private:
  struct Hole {
    std::size_t offset;
    std::size_t bytes;
  };
  constexpr void erase(int i) noexcept {
    for (int j = i; j + 1 < holes_; ++j) hole_[j] = hole_[j + 1];
    --holes_;
  }

  std::size_t capacity_;
  std::size_t end_ = 0;
  std::size_t peak_ = 0;
  int holes_ = 0;
  Hole hole_[max_holes] = {};
};

}  // namespace tessera
