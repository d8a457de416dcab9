// Cutoffs: how a vocabulary is cut into clusters by frequency; the first one is the shortlist.
//
// Source: Grave et al., "Efficient softmax approximation for GPUs" (2017), section 4.2.
#pragma once

#include "tessera/context/frame.hpp"

namespace tessera::inline TESSERA_ISA {

struct Cutoffs {
  static constexpr int most = max_inputs;  ///< clusters: their scores are joined in one op

  Index end[most] = {};  ///< cluster i has the classes [first(i), end[i]); ends rise, the last is the vocabulary
  int count = 0;

  constexpr Cutoffs() = default;
  /// The cutoffs of a config (without the vocabulary), and the vocabulary. Those that do not fit are cut off: check().
  constexpr Cutoffs(const Index* cutoffs, Index given, Index vocabulary) noexcept {
    for (Index i = 0; i < given && count + 1 < most; ++i) end[count++] = cutoffs[i];
    end[count++] = vocabulary;
  }

  /// Whether they rise, so that no cluster is empty.
  constexpr bool rise() const noexcept {
    for (int i = 0; i < count; ++i)
      if (size(i) <= 0) return false;
    return true;
  }
  constexpr Index first(int i) const noexcept { return i > 0 ? end[i - 1] : 0; }
  constexpr Index size(int i) const noexcept { return end[i] - first(i); }
  constexpr Index vocabulary() const noexcept { return count > 0 ? end[count - 1] : 0; }
  constexpr int tails() const noexcept { return count - 1; }
  /// Classes of the first softmax: the shortlist and one for each further cluster.
  constexpr Index head_size() const noexcept { return end[0] + tails(); }
  constexpr int cluster_of(Index id) const noexcept {
    int i = 0;
    while (i + 1 < count && id >= end[i]) ++i;
    return i;
  }
};

/// Whether a config's cutoffs rise inside of the vocabulary.
inline Result<void> check_cutoffs(const char* key, const Index* cutoffs, Index count, Index vocabulary) noexcept {
  if (count >= Cutoffs::most)
    return Error::format(Code::unsupported, "config: %s: expected at most %d, found %lld", key, Cutoffs::most - 1,
                         static_cast<long long>(count));
  Index before = 0;
  for (Index i = 0; i < count; ++i) {
    if (cutoffs[i] <= before || cutoffs[i] >= vocabulary)
      return Error::format(Code::out_of_range,
                           "config: %s: each must be more than the one before and less than the vocabulary %lld, found "
                           "%lld after %lld",
                           key, static_cast<long long>(vocabulary), static_cast<long long>(cutoffs[i]),
                           static_cast<long long>(before));
    before = cutoffs[i];
  }
  return {};
}

/// The members of one cluster among ids or labels in host memory, in their order.
///
/// While memory is planned for arrays without data, all of them are in cluster `planned`, and one in each other: no
/// array of as many ids needs more.
class ClusterMembers {
 public:
  constexpr ClusterMembers(const Cutoffs& cutoffs, const View& ids, int cluster, int planned) noexcept
      : cutoffs_(&cutoffs), ids_(ids), cluster_(cluster) {
    if (ids.data == nullptr) {
      count_ = cluster == planned || ids.count() == 0 ? ids.count() : 1;
      return;
    }
    for (Index i = 0; i < ids.count(); ++i) count_ += cluster_of(i) == cluster ? 1 : 0;
  }

  constexpr Index count() const noexcept { return count_; }
  /// The places of the members, i32 [count].
  constexpr Operand places(auto& context) const noexcept {
    return context.make_ids(
        count_, [this, next = Index{0}](Index) mutable { return static_cast<std::int32_t>(advance(next)); });
  }
  /// Their numbers inside of the cluster, i32 [count].
  constexpr Operand classes(auto& context) const noexcept {
    return context.make_ids(count_, [this, next = Index{0}](Index) mutable {
      return static_cast<std::int32_t>(id(advance(next)) - cutoffs_->first(cluster_));
    });
  }

 private:
  constexpr Index id(Index i) const noexcept { return detail::element_as<Index>(ids_, i); }
  constexpr int cluster_of(Index i) const noexcept { return cutoffs_->cluster_of(id(i)); }
  /// The next member at or after `next`, which moves past it.
  constexpr Index advance(Index& next) const noexcept {
    while (next < ids_.count() && cluster_of(next) != cluster_) ++next;
    return next++;
  }

  const Cutoffs* cutoffs_;
  View ids_;
  int cluster_;
  Index count_ = 0;
};

}  // namespace tessera
