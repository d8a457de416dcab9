// reorder: a cache's texts in another order, in place: text t takes what text from[t] had, as the beams of a search do.
#pragma once

#include <cstring>

#include "tessera/base/buffer.hpp"
#include "tessera/context/frame.hpp"

namespace tessera::inline TESSERA_ISA {

/// Moves slots so that slot t has what slot from[t] had, reading each before it is overwritten. `work`: room for 2 *
/// count numbers. move(to, from) copies one; slot -1 is a spare one.
template <class Move>
constexpr void reorder_slots(const Index* from, Index count, Index* work, const Move& move) noexcept {
  Index* const source = work;           // itself: nothing is left to do
  Index* const readers = work + count;  // slots that still wait for this one's old content
  for (Index t = 0; t < count; ++t) readers[t] = 0;
  for (Index t = 0; t < count; ++t) {
    source[t] = from[t];
    if (from[t] != t) ++readers[from[t]];
  }
  // What nobody waits for is overwritten, and with it all that is free then.
  for (Index t = 0; t < count; ++t)
    for (Index to = t; source[to] != to && readers[to] == 0;) {
      const Index next = source[to];
      move(to, next);
      source[to] = to;
      --readers[next];
      to = next;
    }
  // What is left are rings, each slot with one reader.
  for (Index t = 0; t < count; ++t) {
    if (source[t] == t) continue;
    move(-1, t);
    Index to = t;
    while (source[to] != t) {
      const Index next = source[to];
      move(to, next);
      source[to] = to;
      to = next;
    }
    move(to, -1);
    source[to] = to;
  }
}

namespace detail {
inline std::size_t bytes_of_rows(const View& view, Index rows) noexcept {
  return static_cast<std::size_t>(rows * view.columns()) * size_of(view.type);
}
/// Copies inside of a backend's memory; `bounce`, host memory, is used where the backend's is not.
inline void copy_inside(const Memory& memory, void* to, const void* from, std::size_t bytes,
                        std::byte* bounce) noexcept {
  if (memory.host()) {
    if (bytes > 0) std::memcpy(to, from, bytes);
    return;
  }
  download(memory, bounce, from, bytes);
  upload(memory, to, bounce, bytes);
}
}  // namespace detail

}  // namespace tessera
