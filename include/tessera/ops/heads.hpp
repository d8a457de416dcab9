// split_heads and merge_heads: rows of all heads, [rows, h * d], to and from one matrix a head, [B, h, T, d].
//
// A ragged batch is spread to the longest text with zeros behind each shorter one; merging drops them again. They are
// each other's gradient.
#pragma once

#include "tessera/ops/kernel.hpp"
#include "tessera/tensor/sequence.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct split_heads {
  static constexpr OpId id = OpId::split_heads;
  enum : int { x, offsets };  ///< [rows, h * d]; i32 [B + 1], absent in a padded batch
  struct Attributes {
    Index heads = 1;
  };
  static constexpr unsigned keeps = keeps_input(offsets);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};

struct merge_heads {
  static constexpr OpId id = OpId::merge_heads;
  enum : int { x, offsets };  ///< [B, h, T, d]; i32 [B + 1], absent in a padded batch
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(offsets);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// x: [rows, heads * d]. Returns [texts, heads, longest, d].
template <class T>
constexpr auto split_heads(const T& x, Index heads, const Sequence& sequence) noexcept {
  auto& context = x.context();
  const Layout& layout = sequence.layout;
  context.require(heads > 0 && x.size(1) % heads == 0, "split_heads: columns must be a multiple of the heads", heads,
                  x.size(1), Code::shape_mismatch, OpId::split_heads);
  context.require(x.size(0) == layout.rows, "split_heads: x must have a row for each token", layout.rows, x.size(0),
                  Code::shape_mismatch, OpId::split_heads);
  return context.template apply<op::split_heads>(
      {heads}, Extents<dyn, dyn, dyn, dyn>(layout.texts, heads, layout.longest, heads > 0 ? x.size(1) / heads : 0),
      x.operand(), sequence.offsets);
}

/// x: [texts, heads, longest, d]. Returns [rows, heads * d].
template <Index Width = dyn, class T>
constexpr auto merge_heads(const T& x, const Sequence& sequence) noexcept {
  auto& context = x.context();
  const Layout& layout = sequence.layout;
  context.require(x.size(0) == layout.texts, "merge_heads: x must have a matrix for each text", layout.texts, x.size(0),
                  Code::shape_mismatch, OpId::merge_heads);
  context.require(x.size(2) == layout.longest, "merge_heads: x must have a row for each token of the longest text",
                  layout.longest, x.size(2), Code::shape_mismatch, OpId::merge_heads);
  return context.template apply<op::merge_heads>({}, Extents<dyn, Width>(layout.rows, x.size(1) * x.size(3)),
                                                 x.operand(), sequence.offsets);
}

}  // namespace tessera
