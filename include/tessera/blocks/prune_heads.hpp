// prune_heads: takes heads out of an attention.
//
// Query, key and value lose the rows of a pruned head (and its biases), the output projection loses its columns; its
// bias stays. Heads are named by their original numbers, in later calls too; those that are gone already are skipped.
// Source: Michel, Levy, Neubig, "Are Sixteen Heads Really Better than One?" (2019).
#pragma once

#include <bit>
#include <cstring>

#include "tessera/blocks/self_attention.hpp"
#include "tessera/context/weights.hpp"

namespace tessera::inline TESSERA_ISA {

/// The most heads of a layer that pruning can name.
inline constexpr Index max_prunable_heads = 64;

namespace detail {
/// Heads of `wanted` that are still there, by their original numbers.
inline Result<std::uint64_t> heads_to_prune(const AttentionHeads& attention, const std::int64_t* heads,
                                            Index count) noexcept {
  const Index original = attention.heads + std::popcount(attention.pruned);
  std::uint64_t wanted = 0;
  for (Index i = 0; i < count; ++i) {
    if (original > max_prunable_heads || heads[i] < 0 || heads[i] >= original)
      return Error::format(Code::out_of_range, "prune_heads: head %lld is outside of [0, %lld)",
                           static_cast<long long>(heads[i]),
                           static_cast<long long>(original < max_prunable_heads ? original : max_prunable_heads));
    wanted |= std::uint64_t{1} << heads[i];
  }
  wanted &= ~attention.pruned;
  if (std::popcount(wanted) >= attention.heads)
    return Error::format(Code::invalid_argument, "prune_heads: at least one of the %lld heads must stay",
                         static_cast<long long>(attention.heads));
  return wanted;
}

/// A param of an attention as [outer, heads, block]: what of it belongs to which head.
struct HeadBlocks {
  ParamBase* param;
  int dimension;  ///< of the param: the one in which heads lie
  Index groups;   ///< times that all heads lie there: 3 where query, key and value are one
};
struct HeadBlocksOf {
  HeadBlocks blocks[7];
  int count;
};
inline HeadBlocksOf head_blocks(SelfAttention<>& a) noexcept {
  return {{{&a.query.weight, 0, 1},
           {&a.query.bias, 0, 1},
           {&a.key.weight, 0, 1},
           {&a.key.bias, 0, 1},
           {&a.value.weight, 0, 1},
           {&a.value.bias, 0, 1},
           {&a.output.weight, 1, 1}},
          7};
}
inline HeadBlocksOf head_blocks(FusedSelfAttention<>& a) noexcept {
  return {{{&a.c_attn.weight, 1, 3}, {&a.c_attn.bias, 0, 3}, {&a.c_proj.weight, 0, 1}}, 3};
}

/// Sizes after pruning; the bytes are the caller's business.
template <class Attention>
void set_heads(Attention& a, std::uint64_t gone) noexcept {
  a.pruned |= gone;
  a.heads -= std::popcount(gone);
  const HeadBlocksOf of = head_blocks(a);
  for (int i = 0; i < of.count; ++i) {
    View& v = of.blocks[i].param->view;
    v.dim[of.blocks[i].dimension] = of.blocks[i].groups * a.width();
    v.row_stride = v.columns();
  }
}

/// Moves the blocks of the heads that stay together. `stays`: bit h is set for a head, as it lies there now, that
/// stays.
inline void keep_heads(const HeadBlocks& b, Index heads, std::uint64_t stays) noexcept {
  const View& v = b.param->view;
  Index outer = b.groups, block = v.dim[b.dimension] / (b.groups * heads);
  for (int d = 0; d < b.dimension; ++d) outer *= v.dim[d];
  for (int d = b.dimension + 1; d < v.rank; ++d) block *= v.dim[d];
  auto* to = v.as<float>();
  const auto* from = v.as<const float>();
  for (Index o = 0; o < outer; ++o)
    for (Index h = 0; h < heads; ++h) {
      if (((stays >> h) & 1U) != 0) {
        std::memmove(to, from, static_cast<std::size_t>(block) * sizeof(float));
        to += block;
      }
      from += block;
    }
}
}  // namespace detail

/// Before weights are read: makes room for a checkpoint whose heads are pruned already.
template <class Attention>
auto expect_pruned_heads(Attention& attention, const std::int64_t* heads, Index count) noexcept
    -> decltype(detail::head_blocks(attention), Result<void>()) {
  TESSERA_TRY_ASSIGN(const std::uint64_t gone, detail::heads_to_prune(attention, heads, count));
  detail::set_heads(attention, gone);
  return {};
}

/// Takes heads out of weights in place. The params must be bound to f32 memory that may be written (Weights).
template <class Attention>
auto prune_heads(Attention& attention, const std::int64_t* heads, Index count) noexcept
    -> decltype(detail::head_blocks(attention), Result<void>()) {
  TESSERA_TRY_ASSIGN(const std::uint64_t gone, detail::heads_to_prune(attention, heads, count));
  const detail::HeadBlocksOf of = detail::head_blocks(attention);
  for (int i = 0; i < of.count; ++i)
    TESSERA_TRY(detail::check_writable("prune_heads", "a weight of the attention", *of.blocks[i].param));
  // From original numbers to places among the heads that are left.
  std::uint64_t stays = 0;
  const Index original = attention.heads + std::popcount(attention.pruned);
  for (Index h = 0, place = 0; h < original; ++h) {
    if (((attention.pruned >> h) & 1U) != 0) continue;
    if (((gone >> h) & 1U) == 0) stays |= std::uint64_t{1} << place;
    ++place;
  }
  for (int i = 0; i < of.count; ++i) detail::keep_heads(of.blocks[i], attention.heads, stays);
  detail::set_heads(attention, gone);
  return {};
}

}  // namespace tessera
