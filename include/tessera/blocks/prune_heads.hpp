// prune_heads: takes heads out of a SelfAttention.
//
// Query, key and value lose the rows of a pruned head (and its biases), the output projection loses its columns; its
// bias stays. Heads are named by their original numbers, in later calls too; those that are gone already are skipped.
// Source: Michel, Levy, Neubig, "Are Sixteen Heads Really Better than One?" (2019).
#pragma once

#include <bit>
#include <cstring>

#include "tessera/blocks/self_attention.hpp"

namespace tessera::inline TESSERA_ISA {

/// The most heads of a layer that pruning can name.
inline constexpr Index max_prunable_heads = 64;

namespace detail {
/// Heads of `wanted` that are still there, as positions among those that are left; the rest stay as they are.
inline Result<std::uint64_t> heads_to_prune(const SelfAttention<>& attention, const std::int64_t* heads,
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

inline void set_width(Param<dyn, dyn>& weight, int dimension, Index width) noexcept {
  weight.view.dim[dimension] = width;
  weight.view.row_stride = weight.view.columns();
}

/// Sizes after pruning; the bytes are the caller's business.
inline void set_heads(SelfAttention<>& a, std::uint64_t gone) noexcept {
  a.pruned |= gone;
  a.heads -= std::popcount(gone);
  const Index width = a.heads * a.head_size;
  for (Linear<>* projection : {&a.query, &a.key, &a.value}) {
    set_width(projection->weight, 0, width);
    projection->bias.view.dim[0] = projection->bias.view.row_stride = width;
  }
  set_width(a.output.weight, 1, width);
}
}  // namespace detail

/// Before weights are read: makes room for a checkpoint whose heads are pruned already.
inline Result<void> expect_pruned_heads(SelfAttention<>& attention, const std::int64_t* heads, Index count) noexcept {
  TESSERA_TRY_ASSIGN(const std::uint64_t gone, detail::heads_to_prune(attention, heads, count));
  detail::set_heads(attention, gone);
  return {};
}

/// Takes heads out of weights in place. The params must be bound to f32 memory that may be written (Weights).
inline Result<void> prune_heads(SelfAttention<>& attention, const std::int64_t* heads, Index count) noexcept {
  TESSERA_TRY_ASSIGN(const std::uint64_t gone, detail::heads_to_prune(attention, heads, count));
  const Index size = attention.head_size;
  const Index width = attention.output.weight.view.dim[0];
  for (const Linear<>* p : {&attention.query, &attention.key, &attention.value, &attention.output})
    if (p->weight.view.data == nullptr || p->weight.view.type != DType::f32)
      return Error::format(Code::invalid_argument, "prune_heads: the weights must be bound to f32 memory (Weights)");

  const auto stays = [&](Index position) {
    // Position among the heads that are left, to original number.
    Index original = -1;
    for (Index seen = -1; seen < position;)
      if (++original, ((attention.pruned >> original) & 1U) == 0) ++seen;
    return ((gone >> original) & 1U) == 0;
  };
  const Index old_columns = attention.heads * size;
  Index kept = 0;
  for (Index h = 0; h < attention.heads; ++h) {
    if (!stays(h)) continue;
    for (const Linear<>* p : {&attention.query, &attention.key, &attention.value}) {
      auto* weight = p->weight.view.as<float>();
      auto* bias = p->bias.view.as<float>();
      const Index in = p->weight.view.dim[1];
      std::memmove(weight + kept * size * in, weight + h * size * in,
                   static_cast<std::size_t>(size * in) * sizeof(float));
      std::memmove(bias + kept * size, bias + h * size, static_cast<std::size_t>(size) * sizeof(float));
    }
    ++kept;
  }
  auto* output = attention.output.weight.view.as<float>();
  const Index new_columns = kept * size;
  for (Index row = 0; row < width; ++row) {
    Index to = 0;
    for (Index h = 0; h < attention.heads; ++h) {
      if (!stays(h)) continue;
      std::memmove(output + row * new_columns + to * size, output + row * old_columns + h * size,
                   static_cast<std::size_t>(size) * sizeof(float));
      ++to;
    }
  }
  detail::set_heads(attention, gone);
  return {};
}

}  // namespace tessera
