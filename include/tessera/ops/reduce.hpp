// Reductions: sum and mean of all elements, and mean_pool, the mean of the rows of each text.
//
// mean_pool: out[b] = sum_t keep[b, t] x[b, t] / max(sum_t keep[b, t], 1e-9): sentence embeddings.
// Source: Reimers, Gurevych, "Sentence-BERT" (2019).
#pragma once

#include "tessera/ops/kernel.hpp"
#include "tessera/tensor/sequence.hpp"

namespace tessera::inline TESSERA_ISA {

namespace op {
struct sum {
  static constexpr OpId id = OpId::sum;
  enum : int { x };
  struct Attributes {};
  static constexpr unsigned keeps = 0;
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};

struct mean {
  static constexpr OpId id = OpId::mean;
  enum : int { x };
  struct Attributes {};
  static constexpr unsigned keeps = 0;
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};

struct mean_pool {
  static constexpr OpId id = OpId::mean_pool;
  enum : int { x, offsets, keep };  ///< [rows, H]; i32 [B + 1], absent in a padded batch; [B, T] or absent
  struct Attributes {};
  static constexpr unsigned keeps = keeps_input(offsets) | keeps_input(keep);
  static constexpr std::int64_t flops(const View*, const View&) noexcept { return 0; }
};
}  // namespace op

/// The sum of all elements, [1].
template <class T>
constexpr auto sum(const T& x) noexcept {
  return x.context().template apply<op::sum>({}, Extents<1>(1), x.operand());
}

/// The mean of all elements, [1].
template <class T>
constexpr auto mean(const T& x) noexcept {
  return x.context().template apply<op::mean>({}, Extents<1>(1), x.operand());
}

/// x: [rows, H]. Returns [texts, H].
template <class T>
constexpr auto mean_pool(const T& x, const Sequence& sequence) noexcept {
  auto& context = x.context();
  context.require(x.size(0) == sequence.layout.rows, "mean_pool: x must have a row for each token",
                  sequence.layout.rows, x.size(0), Code::shape_mismatch, OpId::mean_pool);
  if (sequence.keep.present()) {
    const View& keep = sequence.keep.view;
    context.require(keep.rank == 2 && keep.rows() == sequence.layout.texts,
                    "mean_pool: the mask must have a row for each text", sequence.layout.texts, keep.rows(),
                    Code::shape_mismatch, OpId::mean_pool);
    context.require(keep.columns() == sequence.layout.longest, "mean_pool: the mask must have a column for each token",
                    sequence.layout.longest, keep.columns(), Code::shape_mismatch, OpId::mean_pool);
  }
  return context.template apply<op::mean_pool>({}, Extents<dyn, size_of_dim<T, 1>>(sequence.layout.texts, x.size(1)),
                                               x.operand(), sequence.offsets, sequence.keep);
}

}  // namespace tessera
