// softmax: probabilities over the keys, and its gradient. Sums in double.
#include "tessera/ops/softmax.hpp"

#include "tessera/backends/eigen/scores.inl"

namespace tessera::inline TESSERA_ISA::eigen {

namespace {
/// Row r of [B, h, Q, K]: which text and query it is, and how many keys and queries the text has.
struct Row {
  Index text, query, keys;
  bool exists;

  Row(const View& shape, const View& offsets, Index r) {
    const Index queries = shape.dim[2];
    text = r / queries / shape.dim[1];
    query = r % queries;
    keys = shape.dim[3];
    exists = true;
    if (offsets.present()) {
      const auto* first = offsets.as<const std::int32_t>();
      const Index length = first[text + 1] - first[text];
      exists = query < length;
      keys = std::min(keys, keys - queries + length);
    }
  }
};

const float* keep_row(const View& keep, const Row& row) {
  if (!keep.present()) return nullptr;
  return keep.row<const float>(keep.rank == 3 ? row.text * keep.dim[1] + row.query : row.text);
}

Index rows_each(Index columns) { return std::max<Index>(1, line_tile / std::max<Index>(1, columns)); }
}  // namespace

void softmax(const Call& call) {
  using op = tessera::op::softmax;
  const View& scores = call.in[op::scores];
  const View& offsets = call.in[op::offsets];
  const View& keep = call.in[op::keep];
  const View& out = call.out;
  const Visibility& visibility = call.as<op>().visibility;
  const Index columns = out.columns();
  if (columns == 0) return;
  tiles(*call.executor, out.rows(), rows_each(columns), [&](Index first, Index count) {
    for (Index r = first; r < first + count; ++r) {
      const Row row(out, offsets, r);
      float* to = out.row<float>(r);
      if (!row.exists) {
        std::fill(to, to + columns, 0.0F);
        continue;
      }
      const float* from = scores.row<const float>(r);
      if (from != to) std::copy(from, from + row.keys, to);
      const Index seen = visibility.causal ? row.query + columns - out.dim[2] + 1 : columns;
      const float* kept = keep_row(keep, row);
      hide(to, row.keys, seen, kept, most_kept(row.keys, seen, kept, visibility), visibility);
      Line line(to, row.keys);
      const double sum = row.keys > 0 ? exp_below(line, line.maxCoeff()) : 1.0;
      line *= static_cast<float>(1.0 / sum);
      std::fill(to + row.keys, to + columns, 0.0F);
    }
  });
}

void softmax_vjp(const VjpCall& call) {
  using op = tessera::op::softmax;
  const View& offsets = call.in[op::offsets];
  const View& keep = call.in[op::keep];
  const View& p = call.out;
  const View& dp = call.out_grad;
  const View& ds = call.in_grad[op::scores];
  const Visibility& visibility = call.as<op>().visibility;
  if (ds.data == nullptr) return;
  const Index columns = p.columns();
  tiles(*call.executor, p.rows(), rows_each(columns), [&](Index first, Index count) {
    for (Index r = first; r < first + count; ++r) {
      const Row row(p, offsets, r);
      if (!row.exists) continue;
      const ConstLine probability(p.row<const float>(r), row.keys);
      const ConstLine gradient(dp.row<const float>(r), row.keys);
      const auto mean = static_cast<float>((probability.cast<double>() * gradient.cast<double>()).sum());
      const float* k = keep_row(keep, row);
      const Index seen = visibility.causal ? row.query + columns - p.dim[2] + 1 : columns;
      float* to = ds.row<float>(r);
      if (visibility.fill == Fill::add || (k == nullptr && seen >= row.keys)) {
        Line(to, row.keys) += probability * (gradient - mean);
        continue;
      }
      for (Index j = 0; j < row.keys; ++j) {
        float kept = j >= seen ? 0.0F : k != nullptr ? k[j] : 1.0F;
        if (visibility.fill == Fill::set) kept = kept == 0.0F ? 0.0F : 1.0F;
        to[j] += probability[j] * (gradient[j] - mean) * kept;
      }
    }
  });
}

}  // namespace tessera::eigen
