// Pooler: dense and tanh on the first token of each text. Devlin et al., "BERT" (2019), section 3.1.
#pragma once

#include "tessera/blocks/linear.hpp"
#include "tessera/ops/embedding.hpp"
#include "tessera/ops/tanh.hpp"

namespace tessera::inline TESSERA_ISA {

/// H: width of the model.
template <Index H = dyn>
struct Pooler {
  Linear<H, H> dense;

  constexpr Pooler() = default;
  constexpr explicit Pooler(Index width) : dense(width, width) {}

  constexpr void visit(auto&& v) { v("dense", dense); }

  /// x: [rows, H]; first_rows: i32 [texts], where each text begins. Returns [texts, H].
  constexpr auto operator()(const auto& x, const Operand& first_rows) const noexcept {
    auto first = take_rows(x, first_rows);
    auto pooled = dense(first);
    return tanh(std::move(pooled));
  }
};

}  // namespace tessera
