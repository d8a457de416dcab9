// softmax: probabilities over the keys under a visibility, one warp a query, and its gradient. Sums in double.
#pragma once

#include "tessera/backends/cuda/device.cuh"
#include "tessera/ops/softmax.hpp"

namespace tessera::inline TESSERA_ISA::cuda {

/// What each key of a query keeps.
struct Hidden {
  const std::int32_t* offsets;  ///< null: padded
  const float* keep;            ///< null: all
  Index keep_stride;
  bool keep_pairs;  ///< [B, Q, K] rather than [B, K]
  Index heads, queries, keys;
  bool causal;
  Fill fill;
  float value;
  bool swallows;  ///< the value is so large that it swallows scores in double too

  static Hidden of(const View& scores, const View* in, const Visibility& visibility) noexcept {
    using op = tessera::op::softmax;
    Hidden h;
    h.offsets = in[op::offsets].present() ? in[op::offsets].as<std::int32_t>() : nullptr;
    h.keep = in[op::keep].present() ? in[op::keep].as<float>() : nullptr;
    h.keep_stride = in[op::keep].row_stride;
    h.keep_pairs = in[op::keep].rank == 3;
    h.heads = scores.dim[1];
    h.queries = scores.dim[2];
    h.keys = scores.dim[3];
    h.causal = visibility.causal;
    h.fill = visibility.fill;
    h.value = static_cast<float>(visibility.value);
    h.swallows = !(visibility.value > -1e15 && visibility.value < 1e15);
    return h;
  }
};

/// The same for one row of scores.
struct HiddenRow {
  Hidden all;
  const float* keep;
  Index seen;  ///< keys from here on are hidden by causality
  Index end;   ///< keys from here on do not exist; 0 for a query that does not
  float most;  ///< the most that any key keeps, see filled()

  __device__ HiddenRow(const Hidden& h, Index r) : all(h) {
    const Index text = r / h.queries / h.heads;
    const Index query = r % h.queries;
    const Index memory = h.keys - h.queries;
    keep = h.keep == nullptr ? nullptr : h.keep + (h.keep_pairs ? text * h.queries + query : text) * h.keep_stride;
    seen = h.causal ? query + memory + 1 : h.keys;
    end = h.keys;
    if (h.offsets != nullptr) {
      const Index length = h.offsets[text + 1] - h.offsets[text];
      end = query < length ? memory + length : 0;
    }
    most = 1;
    if (!h.swallows) {
      most = keep == nullptr ? (seen > 0 ? 1.0F : 0.0F) : 0.0F;
      if (keep != nullptr)
        for (Index j = my_lane(); j < end && j < seen; j += warp) most = fmaxf(most, keep[j]);
      most = warp_largest(most);
    }
  }
  __device__ float kept(Index j) const { return j >= seen ? 0.0F : keep != nullptr ? keep[j] : 1.0F; }

  /// The score after the fill, less what all keys have in common of the value: softmax does not see it, and a row whose
  /// keys are all hidden would lose its digits to it.
  __device__ float filled(float score, Index j) const {
    const float k = kept(j);
    if (k == 1.0F) return score;
    const float hidden = k == most ? 0.0F : (most - k) * all.value;  // 0 * infinity stays out
    if (all.fill == Fill::add) return score + hidden;
    if (all.fill == Fill::replace) return score * k + hidden;
    return k == 0.0F ? all.value : score;
  }
  __device__ float slope(Index j) const {
    if (all.fill == Fill::add) return 1.0F;
    const float k = kept(j);
    return all.fill == Fill::replace ? k : k == 0.0F ? 0.0F : 1.0F;
  }
};

/// `out` may be `scores`: each lane reads and writes elements of its own.
__global__ void softmax_kernel(Rows scores, Rows out, Index rows, Hidden hidden) {
  const Index r = my_row();
  if (r >= rows) return;
  const HiddenRow row(hidden, r);
  const float* s = scores.row(r);
  float* p = out.row(r);
  float largest = -INFINITY;
  for (Index j = my_lane(); j < row.end; j += warp) largest = fmaxf(largest, row.filled(s[j], j));
  largest = warp_largest(largest);
  double sum = 0;
  for (Index j = my_lane(); j < row.end; j += warp) sum += static_cast<double>(expf(row.filled(s[j], j) - largest));
  const auto inverse = static_cast<float>(1.0 / warp_sum(sum));
  for (Index j = my_lane(); j < out.columns; j += warp)
    p[j] = j < row.end ? expf(row.filled(s[j], j) - largest) * inverse : 0.0F;
}

__global__ void softmax_vjp_kernel(Rows p, Rows dp, Rows ds, Index rows, Hidden hidden) {
  const Index r = my_row();
  if (r >= rows) return;
  const HiddenRow row(hidden, r);
  double sum = 0;
  for (Index j = my_lane(); j < row.end; j += warp)
    sum += static_cast<double>(p.row(r)[j]) * static_cast<double>(dp.row(r)[j]);
  const auto mean = static_cast<float>(warp_sum(sum));
  for (Index j = my_lane(); j < row.end; j += warp) ds.row(r)[j] += p.row(r)[j] * (dp.row(r)[j] - mean) * row.slope(j);
}

inline void softmax(const Call& call) {
  using op = tessera::op::softmax;
  const View& scores = call.in[op::scores];
  launch(softmax_kernel, warp_blocks_for(scores.rows()), rows_of(scores), rows_of(call.out), scores.rows(),
         Hidden::of(scores, call.in, call.as<op>().visibility));
}

inline void softmax_vjp(const VjpCall& call) {
  using op = tessera::op::softmax;
  const View& ds = call.in_grad[op::scores];
  if (ds.data == nullptr) return;
  launch(softmax_vjp_kernel, warp_blocks_for(ds.rows()), rows_of(call.out), rows_of(call.out_grad), rows_of(ds),
         ds.rows(), Hidden::of(ds, call.in, call.as<op>().visibility));
}

}  // namespace tessera::cuda
