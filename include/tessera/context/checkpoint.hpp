// checkpoint: keeps a block's input instead of what it computes inside; the gradient runs the block again.
#pragma once

#include <utility>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA {

/// y = block(x, extra). On a tape, backward keeps x alone and runs the block again: time for memory. Elsewhere: a call.
/// `block` must live until backward is done. Source: Chen et al., "Training Deep Nets with Sublinear Memory Cost"
/// (2016).
template <class Block, class T, class Extra>
constexpr auto checkpoint(const Block& block, T x, const Extra& extra) noexcept {
  if constexpr (T::context_type::training) {
    auto& context = x.context();
    return context.run_checkpointed(block, std::move(x), extra);
  } else {
    return block(std::move(x), extra);
  }
}

}  // namespace tessera
