// SelfAttention: queries, keys and values of one sequence, mixed and projected. Absolute positions.
//
// Source: Vaswani et al., "Attention Is All You Need" (2017), section 3.2. Masks, causality and padding come with the
// sequence; how many heads are left after pruning is a run-time value.
#pragma once

#include "tessera/blocks/linear.hpp"
#include "tessera/ops/attention.hpp"

namespace tessera::inline TESSERA_ISA {

namespace detail {
/// 1 / sqrt(x), in constant expressions too (Newton's iteration from a first guess).
constexpr double inverse_sqrt(double x) noexcept {
  if (x <= 0) return 0;
  double root = x < 1 ? 1 : x;
  for (int i = 0; i < 64; ++i) {
    const double next = 0.5 * (root + x / root);
    if (next >= root) break;
    root = next;
  }
  return 1 / root;
}
}  // namespace detail

/// H: width of the model.
template <Index H = dyn>
struct SelfAttention {
  Linear<H, H> query, key, value, output;
  Index heads = 1;      ///< heads that are left
  Index head_size = H;  ///< width of one head
  double dropout_rate = 0;
  std::uint64_t pruned = 0;  ///< bit h: original head h is gone (prune_heads.hpp)

  constexpr SelfAttention() = default;
  constexpr SelfAttention(Index width, Index head_count, double dropout)
      : query(width, width),
        key(width, width),
        value(width, width),
        output(width, width),
        heads(head_count),
        head_size(head_count > 0 ? width / head_count : 0),
        dropout_rate(dropout) {}

  constexpr void visit(auto&& v) {
    v("query", query);
    v("key", key);
    v("value", value);
    v("output", output);
  }

  /// x: [rows, H]; head_mask: [heads] or absent. Returns [rows, H].
  constexpr auto operator()(const auto& x, const Sequence& sequence, const Operand& head_mask) const noexcept {
    auto q = query(x);
    auto k = key(x);
    auto v = value(x);
    auto mixed = attention(std::move(q), std::move(k), std::move(v), heads,
                           detail::inverse_sqrt(static_cast<double>(head_size)), sequence, head_mask, dropout_rate);
    return output(mixed);
  }
};

}  // namespace tessera
