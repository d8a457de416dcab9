// Adaptive softmax: log-probabilities over a vocabulary in clusters, from a softmax over the shortlist and the clusters
// and one over the classes of each cluster: log p(w) = log p(c) + log p(w | c).
//
// A scorer gives the scores: cutoffs() and, for x [n, H], head_logits(x) [n, shortlist + tails], tail_logits(i, x)
// [n, classes of tail i], i from 1; tail_width(i): elements that tail i needs for a row. AdaptiveSoftmax is
// Transformer-XL's. Source: Grave et al., "Efficient softmax approximation for GPUs" (2017), section 4.
#pragma once

#include "tessera/blocks/adaptive_embedding.hpp"
#include "tessera/blocks/linear.hpp"
#include "tessera/ops/columns.hpp"
#include "tessera/ops/concat.hpp"
#include "tessera/ops/log_softmax.hpp"
#include "tessera/ops/negative_log_likelihood.hpp"

namespace tessera::inline TESSERA_ISA {

/// x: [n, H]. Returns the log-probabilities of all classes, [n, vocabulary].
template <class Scorer, class T>
constexpr auto adaptive_log_probabilities(const Scorer& scorer, const T& x) noexcept {
  using Context = typename T::context_type;
  auto& context = x.context();
  const Cutoffs& cutoffs = scorer.cutoffs();
  auto head = scorer.head_logits(x);
  auto log_head = log_softmax(std::move(head));
  if (cutoffs.tails() == 0) return log_head;
  Tensor<Context, Extents<dyn, dyn>> part[Cutoffs::most];
  part[0] = columns(log_head, 0, cutoffs.end[0]);
  for (int i = 1; i < cutoffs.count; ++i) {
    auto logits = scorer.tail_logits(i, x);
    part[i] = log_softmax_given(std::move(logits), log_head, cutoffs.end[0] + i - 1);
  }
  log_head.reset();
  static_assert(Cutoffs::most == 6);
  return context.template apply<op::concat>({x.size(0)}, Extents<dyn, dyn>(x.size(0), cutoffs.vocabulary()),
                                            part[0].operand(), part[1].operand(), part[2].operand(), part[3].operand(),
                                            part[4].operand(), part[5].operand());
}

/// In which order the losses of tokens come.
enum class NllOrder : std::uint8_t {
  tokens,    ///< as the labels
  clusters,  ///< those of the shortlist first, then those of each tail (pytorch-transformers 1.2.0)
};

/// x: [n, H]; labels: host integers [n] in [0, vocabulary). Returns -log p(label), [n, 1].
/// Only the tails that labels fall into are computed, for their rows.
template <class Scorer, class T>
constexpr auto adaptive_nll(const Scorer& scorer, const T& x, const View& labels, NllOrder order) noexcept {
  auto& context = x.context();
  const Cutoffs& cutoffs = scorer.cutoffs();
  // For labels without data, memory is planned for the tail that needs most.
  int planned = cutoffs.tails() > 0 ? 1 : 0;
  for (int i = 1; i < cutoffs.count; ++i)
    if (scorer.tail_width(i) > scorer.tail_width(planned)) planned = i;

  const Operand targets = context.make_ids(labels.count(), [&](Index r) {
    const Index label = detail::element_as<Index>(labels, r);
    const int cluster = cutoffs.cluster_of(label);
    return static_cast<std::int32_t>(cluster == 0 ? label : cutoffs.end[0] + cluster - 1);
  });
  auto head = scorer.head_logits(x);
  auto loss = negative_log_likelihood(head, targets);
  head.reset();
  if (cutoffs.tails() == 0) return loss;

  Index before = ClusterMembers(cutoffs, labels, 0, planned).count();
  const Index in_shortlist = before;
  if (order == NllOrder::clusters) {
    const Operand sorted = context.make_ids(labels.count(), [&, cluster = 0, next = Index{0}](Index) mutable {
      for (;; ++next) {
        if (next == labels.count()) next = 0, ++cluster;
        if (cutoffs.cluster_of(detail::element_as<Index>(labels, next)) == cluster)
          return static_cast<std::int32_t>(next++);
      }
    });
    loss = take_rows(loss, sorted);
  }
  before = in_shortlist;
  for (int i = 1; i < cutoffs.count; ++i) {
    const ClusterMembers members(cutoffs, labels, i, planned);
    if (members.count() == 0) continue;
    const Operand rows = members.places(context);
    const Operand places = order == NllOrder::tokens ? rows : context.make_ids(members.count(), [&](Index k) {
      return static_cast<std::int32_t>(before + k);
    });
    auto chosen = take_rows(x, rows);
    auto logits = scorer.tail_logits(i, chosen);
    chosen.reset();
    auto of_tail = negative_log_likelihood(logits, members.classes(context));
    logits.reset();
    loss = add_rows(std::move(loss), of_tail, places);
    before += members.count();
  }
  return loss;
}

/// Transformer-XL's scorer. With div_val 1 there is one output layer, of which clusters take rows; else one for each
/// cluster. H: width of the model; Layers, Projections: how many of them.
template <Index H = dyn, Index Layers = dyn, Index Projections = dyn>
struct AdaptiveSoftmax {
  Param<dyn, dyn> cluster_weight;  ///< [tails, width of the shortlist]
  Param<dyn> cluster_bias;         ///< [tails]
  Stack<Linear<>, Layers> out_layers;
  Stack<Param<H, dyn>, Projections> out_projs;  ///< [H, width of the cluster]: applied transposed
  Cutoffs cutoffs_of;

  constexpr AdaptiveSoftmax() = default;
  constexpr bool init(const Cutoffs& cuts, Index embed, Index model, Index div_val) noexcept {
    cutoffs_of = cuts;
    const bool one_layer = div_val == 1;
    if (!out_layers.resize(one_layer ? 1 : cuts.count)) return false;
    if (!out_projs.resize(one_layer && embed == model ? 0 : cuts.count)) return false;
    for (Index i = 0; i < out_layers.size(); ++i) {
      const int c = static_cast<int>(i);
      out_layers[i] = {detail::cluster_width(embed, div_val, c), one_layer ? cuts.vocabulary() : cuts.size(c)};
    }
    if (one_layer && cuts.count > 1) out_layers[0].weight.use = ParamUse::table;
    for (Index i = 0; i < out_projs.size(); ++i)
      out_projs[i] = Param<H, dyn>(ParamUse::matrix_io,
                                   Extents<H, dyn>(model, detail::cluster_width(embed, div_val, static_cast<int>(i))));
    cluster_weight = Param<dyn, dyn>(ParamUse::matrix, Extents<dyn, dyn>(cuts.tails(), embed));
    cluster_bias = Param<dyn>(ParamUse::vector, Extents<dyn>(cuts.tails()));
    return true;
  }

  constexpr void visit(auto&& v) {
    if (cutoffs_of.tails() > 0) {
      v("cluster_weight", cluster_weight);
      v("cluster_bias", cluster_bias);
    }
    v("out_layers", out_layers);
    v("out_projs", out_projs);
  }

  constexpr const Cutoffs& cutoffs() const noexcept { return cutoffs_of; }
  constexpr Index tail_width(int i) const noexcept {
    return cutoffs_of.size(i) + out_layers[one_layer() ? 0 : i].weight.view.dim[1];
  }
  constexpr auto head_logits(const auto& x) const noexcept {
    if (out_projs.size() == 0) return head_of(x);
    auto narrow = linear_io(x, out_projs[0]);
    return head_of(narrow);
  }
  constexpr auto tail_logits(int i, const auto& x) const noexcept {
    if (out_projs.size() == 0) return layer(i, x);
    auto narrow = linear_io(x, out_projs[i]);
    return layer(i, narrow);
  }

 private:
  constexpr bool one_layer() const noexcept { return out_layers.size() == 1; }
  /// The scores of cluster i's own classes.
  constexpr auto layer(int i, const auto& x) const noexcept {
    if (!one_layer() || cutoffs_of.count == 1) return out_layers[i](x);
    const auto& all = out_layers[0];
    return linear_of_rows(x, all.weight, all.bias, cutoffs_of.first(i), cutoffs_of.size(i));
  }
  constexpr auto head_of(const auto& x) const noexcept {
    auto words = layer(0, x);
    if (cutoffs_of.tails() == 0) return words;
    auto clusters = linear(x, cluster_weight, x.context().param(cluster_bias));
    return concat_columns(words, clusters);
  }
};

}  // namespace tessera
