// TransfoXLAttention: the four attentions that a Transformer-XL may have, as its config says (attn_type).
//
//   relative   0  Dai et al. (2019): sinusoids of the distance, projected
//   learned    1  Shaw et al. (2018): a learned vector of each distance, for each layer
//   absolute   2  Vaswani et al. (2017): sinusoids, added to the embeddings
//   per_layer  3  Al-Rfou et al., "Character-Level Language Modeling with Deeper Self-Attention" (2018): learned
//                 positions, added to what each layer reads
// Absolute positions count from the end of the segment. They are added to the rows of the memory too, again for each
// segment, and the memory keeps the sum, as in the reference.
#pragma once

#include <type_traits>

#include "tessera/blocks/learned_relative_attention.hpp"
#include "tessera/blocks/memory_attention.hpp"

namespace tessera::inline TESSERA_ISA {

struct TransfoXLPositions {
  static constexpr Index relative = 0, learned = 1, absolute = 2, per_layer = 3;
};

/// What an attention takes of positions. Of the absolute ones: nothing.
template <class Context, Index H>
struct LayerPositions {
  Tensor<Context, Extents<dyn, H>> sinusoids;  ///< [P, H], of relative
  LearnedDistances<Context> distances;         ///< of learned
};

/// H: width of the model; W: heads times width of a head; Type: of the config, or dyn where the program is to take any.
template <Index H = dyn, Index W = dyn, Index Type = dyn>
class TransfoXLAttention {
  using P = TransfoXLPositions;
  template <int>
  struct None {};
  template <class Attention, Index... types>
  using If = std::conditional_t<(may_equal(Type, types) || ...), Attention, None<static_cast<int>((types + ...))>>;

 public:
  constexpr TransfoXLAttention() = default;
  constexpr TransfoXLAttention(Index type, Index width, Index heads, Index head_size, double dropout) : type_(type) {
    chosen([&](auto& attention) { attention = {width, heads, head_size, dropout}; });
  }
  constexpr void visit(auto&& v) {
    chosen([&](auto& attention) { attention.visit(v); });
  }
  /// f(the attention that the config asks for).
  constexpr void chosen(auto&& f) {
    if constexpr (may_equal(Type, P::relative))
      if (type_ == P::relative) f(relative_);
    if constexpr (may_equal(Type, P::learned))
      if (type_ == P::learned) f(learned_);
    if constexpr (may_equal(Type, P::absolute) || may_equal(Type, P::per_layer))
      if (type_ >= P::absolute) f(absolute_);
  }

  /// all: [texts * rows, H]: the segment's rows, behind those of a memory of hidden states; x: the segment's rows
  /// alone, [texts * queries, H]; a memory of keys and values comes beside them. Returns [texts * queries, H].
  template <class X>
  constexpr auto operator()(const X& all, const auto& x, const LayerPositions<typename X::context_type, H>& positions,
                            const ProjectedMemory& memory, const RelativeContext& c) const noexcept {
    Tensor<typename X::context_type, Extents<dyn, H>> out;
    if constexpr (may_equal(Type, P::relative))
      if (type_ == P::relative) out = relative_(all, positions.sinusoids, memory, c);
    if constexpr (may_equal(Type, P::learned))
      if (type_ == P::learned) out = learned_(all, positions.distances, memory, c);
    if constexpr (may_equal(Type, P::absolute) || may_equal(Type, P::per_layer))
      if (type_ >= P::absolute) out = absolute_(all, x, c);
    return out;
  }

 private:
  Index type_ = Type == dyn ? P::relative : Type;
  [[no_unique_address]] If<RelativeAttention<H, W>, P::relative> relative_;
  [[no_unique_address]] If<LearnedRelativeAttention<H, W>, P::learned> learned_;
  [[no_unique_address]] If<MemoryAttention<H, W>, P::absolute, P::per_layer> absolute_;
};

}  // namespace tessera
