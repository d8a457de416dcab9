// relative_scores: content, shifted positions and segment relations added and scaled, each score rounded once.
#include "tessera/backends/eigen/maps.inl"
#include "tessera/base/assert.hpp"
#include "tessera/ops/relative_scores.hpp"

namespace tessera::inline TESSERA_ISA::eigen {

void relative_scores(const Call& call) {
  using op = tessera::op::relative_scores;
  const View& content = call.in[op::content];
  const View& position = call.in[op::position];
  const View& relation = call.in[op::relation];
  const double scale = call.as<op>().scale;
  const Index heads = content.dim[1], queries = content.dim[2], keys = content.dim[3], positions = position.dim[3];
  const Index per_group = position.dim[0] > 0 ? content.dim[0] / position.dim[0] : 1;
  lines(*call.executor, content, false, [&](Index r, Index, Index) {
    const Index text = r / (heads * queries), head = r / queries % heads, query = r % queries;
    const Index block = ((text / per_group * heads + head) * per_group + text % per_group) * queries;
    const float* from = content.row<const float>(r);
    const float* shifted = position.as<const float>() + block * positions + queries + query * (positions - 1);
    float* y = call.out.row<float>(r);
    if (!relation.present()) {
      Line(y, keys) =
          ((ConstLine(from, keys).cast<double>() + ConstLine(shifted, keys).cast<double>()) * scale).cast<float>();
      return;
    }
    const float* scores = relation.row<const float>((head * content.dim[0] + text) * queries + query);
    const std::int32_t* pair = call.in[op::pairs].row<std::int32_t>(text * queries + query);
    for (Index j = 0; j < keys; ++j) {
      const bool inside = pair[j] >= 0 && pair[j] < relation.columns();
      TESSERA_ASSERT(inside, "relative_scores: a relation is outside of the scores");
      const double of_relation = inside ? static_cast<double>(scores[pair[j]]) : 0.0;
      y[j] = static_cast<float>((static_cast<double>(from[j]) + static_cast<double>(shifted[j]) + of_relation) * scale);
    }
  });
}

}  // namespace tessera::eigen
