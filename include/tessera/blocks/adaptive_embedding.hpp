// AdaptiveEmbedding: one table for each cluster of a vocabulary, narrower for rarer words, projected to one width.
//
// out[n] = sqrt(H) W_c e_c[id[n] - first(c)] for the cluster c of the id. With div_val 1 there is one table, and a
// projection only where its width is not H. Source: Baevski, Auli, "Adaptive Input Representations for Neural Language
// Modeling" (2019); Dai et al., "Transformer-XL" (2019).
#pragma once

#include "tessera/blocks/adaptive.hpp"
#include "tessera/blocks/embedding.hpp"
#include "tessera/blocks/stack.hpp"
#include "tessera/ops/add_rows.hpp"
#include "tessera/ops/linear.hpp"
#include "tessera/ops/scale.hpp"
#include "tessera/ops/zeros.hpp"

namespace tessera::inline TESSERA_ISA {

namespace detail {
/// sqrt(x), in constant expressions too.
constexpr double square_root(double x) noexcept {
  if (x <= 0) return 0;
  double root = x < 1 ? 1 : x;
  for (int i = 0; i < 64; ++i) {
    const double next = 0.5 * (root + x / root);
    if (next >= root) break;
    root = next;
  }
  return root;
}

/// The width of cluster i's table: embed / div_val^i.
constexpr Index cluster_width(Index embed, Index div_val, int i) noexcept {
  Index divisor = 1;
  for (int k = 0; k < i; ++k) divisor *= div_val > 0 ? div_val : 1;
  return embed / divisor;
}
}  // namespace detail

/// H: width of the model; Tables, Projections: how many of them.
template <Index H = dyn, Index Tables = dyn, Index Projections = dyn>
struct AdaptiveEmbedding {
  Stack<Embedding<>, Tables> emb_layers;
  Stack<Param<H, dyn>, Projections> emb_projs;  ///< [H, width of the table]
  Cutoffs cutoffs;
  Index width = H;

  constexpr AdaptiveEmbedding() = default;
  /// False when memory was short, or the constants of the type are others.
  constexpr bool init(const Cutoffs& cuts, Index embed, Index model, Index div_val) noexcept {
    cutoffs = cuts;
    width = model;
    const bool one_table = div_val == 1;
    if (!emb_layers.resize(one_table ? 1 : cuts.count)) return false;
    if (!emb_projs.resize(!one_table ? cuts.count : embed != model ? 1 : 0)) return false;
    for (Index i = 0; i < emb_layers.size(); ++i) {
      const int c = static_cast<int>(i);
      emb_layers[i] = {one_table ? cuts.vocabulary() : cuts.size(c), detail::cluster_width(embed, div_val, c)};
    }
    for (Index i = 0; i < emb_projs.size(); ++i)
      emb_projs[i] = Param<H, dyn>(ParamUse::matrix,
                                   Extents<H, dyn>(model, detail::cluster_width(embed, div_val, static_cast<int>(i))));
    return true;
  }

  constexpr void visit(auto&& v) {
    v("emb_layers", emb_layers);
    v("emb_projs", emb_projs);
  }

  /// ids: host integers in [0, vocabulary). Returns [ids, H].
  template <class Context>
  constexpr Tensor<Context, Extents<dyn, H>> operator()(Context& context, const View& ids) const noexcept {
    const double factor = detail::square_root(static_cast<double>(width));
    if (emb_layers.size() == 1 && emb_projs.size() == 0) {
      auto x = emb_layers[0](context, context.ids(ids));
      return scale(std::move(x).reshape(Extents<dyn, H>(ids.count(), width)), factor);
    }
    if (emb_layers.size() == 1) {
      auto narrow = emb_layers[0](context, context.ids(ids));
      auto x = linear(narrow, emb_projs[0]);
      narrow.reset();
      return scale(std::move(x), factor);
    }
    auto x = zeros(context, Extents<dyn, H>(ids.count(), width));
    for (int c = 0; c < cutoffs.count; ++c) {
      const ClusterMembers members(cutoffs, ids, c, 0);  // the first table is the widest
      if (members.count() == 0) continue;
      const Operand places = members.places(context);
      auto narrow = emb_layers[c](context, members.classes(context));
      auto projected = linear(narrow, emb_projs[c]);
      narrow.reset();
      x = add_rows(std::move(x), projected, places);
    }
    return scale(std::move(x), factor);
  }
};

}  // namespace tessera
