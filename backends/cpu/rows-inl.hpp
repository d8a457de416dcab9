// Ops that move rows: embedding, split_heads, merge_heads; relative_scores, which reads shifted ones; and mean_pool,
// which adds them up.
#if defined(TESSERA_CPU_ROWS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_ROWS_INL
#undef TESSERA_CPU_ROWS_INL
#else
#define TESSERA_CPU_ROWS_INL
#endif

#include "tessera/backends/cpu/elementwise-inl.hpp"
#include "tessera/base/assert.hpp"
#include "tessera/ops/embedding.hpp"
#include "tessera/ops/heads.hpp"
#include "tessera/ops/reduce.hpp"
#include "tessera/ops/relative_scores.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

inline void copy_floats(const float* from, float* to, Index count) {
  std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
}

inline void embedding(const Call& call) {
  const View& table = call.in[op::embedding::table];
  const View& ids = call.in[op::embedding::ids];
  const Index known = table.rows();
  const Index columns = call.out.columns();
  const Index per_row = ids.columns();
  for_each_tile(*call.executor, call.out.rows(), columns,
                columns < memory_elements_each ? memory_elements_each : columns + 1, [&](Index r, Index, Index) {
                  const Index id = ids.row<std::int32_t>(r / per_row)[r % per_row];
                  const bool inside = id >= 0 && id < known;
                  TESSERA_ASSERT(inside, "embedding: an id is outside of the table");
                  float* const y = call.out.row<float>(r);
                  if (inside)
                    copy_floats(table.row<float>(id), y, columns);
                  else
                    std::memset(y, 0, static_cast<std::size_t>(columns) * sizeof(float));
                });
}

/// Rows of one text; padded when there are no offsets.
struct TextRows {
  Index first;
  Index length;
};
inline TextRows text_rows(const View& offsets, Index text, Index longest) {
  if (!offsets.present()) return {text * longest, longest};
  const std::int32_t* const first = offsets.as<std::int32_t>();
  return {first[text], first[text + 1] - first[text]};
}

inline void split_heads(const Call& call) {
  const View& x = call.in[op::split_heads::x];
  const View& offsets = call.in[op::split_heads::offsets];
  const View& out = call.out;
  const Index heads = out.dim[1];
  const Index longest = out.dim[2];
  const Index depth = out.dim[3];
  // A tile has whole rows of one head: [longest, d].
  for_each_tile(*call.executor, out.dim[0] * heads, longest * depth,
                longest * depth + 1 > 16384 ? longest * depth + 1 : 16384, [&](Index i, Index, Index) {
                  const TextRows rows = text_rows(offsets, i / heads, longest);
                  for (Index t = 0; t < longest; ++t) {
                    float* const y = out.row<float>(i * longest + t);
                    if (t < rows.length)
                      copy_floats(x.row<float>(rows.first + t) + i % heads * depth, y, depth);
                    else
                      std::memset(y, 0, static_cast<std::size_t>(depth) * sizeof(float));
                  }
                });
}

inline void merge_heads(const Call& call) {
  const View& x = call.in[op::merge_heads::x];
  const View& offsets = call.in[op::merge_heads::offsets];
  const Index heads = x.dim[1];
  const Index longest = x.dim[2];
  const Index depth = x.dim[3];
  for_each_tile(*call.executor, x.dim[0] * heads, longest * depth,
                longest * depth + 1 > 16384 ? longest * depth + 1 : 16384, [&](Index i, Index, Index) {
                  const TextRows rows = text_rows(offsets, i / heads, longest);
                  for (Index t = 0; t < rows.length; ++t)
                    copy_floats(x.row<float>(i * longest + t), call.out.row<float>(rows.first + t) + i % heads * depth,
                                depth);
                });
}

/// Row r of [B, h, Q, K]: the first of its positions, in rows that follow without gaps, and the row of its relations.
struct RelativeRow {
  Index position, relation, pairs;
  RelativeRow(const View& content, const View& position_view, Index r) {
    const Index heads = content.dim[1], queries = content.dim[2], positions = position_view.dim[3];
    const Index text = r / (heads * queries), head = r / queries % heads, query = r % queries;
    const Index per_group = content.dim[0] / position_view.dim[0];
    const Index block = ((text / per_group * heads + head) * per_group + text % per_group) * queries;
    position = block * positions + queries + query * (positions - 1);
    pairs = text * queries + query;
    relation = head * content.dim[0] * queries + pairs;
  }
};

HWY_NOINLINE inline void relative_row(const float* content, const float* position, float scale, float* y, Index keys) {
  const F32 d;
  const Index step = lanes();
  const Vec factor = constant(scale);
  Index j = 0;
  for (; j + step <= keys; j += step)
    hn::StoreU(hn::Mul(hn::Add(hn::LoadU(d, content + j), hn::LoadU(d, position + j)), factor), d, y + j);
  for (; j < keys; ++j) y[j] = (content[j] + position[j]) * scale;
}

inline void relative_scores(const Call& call) {
  using op = tessera::op::relative_scores;
  const View& content = call.in[op::content];
  const View& position = call.in[op::position];
  const View& relation = call.in[op::relation];
  const View& pairs = call.in[op::pairs];
  const auto scale = static_cast<float>(call.as<op>().scale);
  const Index keys = content.columns();
  const Index each = keys < elements_each ? elements_each : keys + 1;
  for_each_tile(*call.executor, content.rows(), keys, each, [&](Index r, Index, Index) {
    const RelativeRow place(content, position, r);
    const float* const from = content.row<float>(r);
    const float* const shifted = position.as<float>() + place.position;
    float* const y = call.out.row<float>(r);
    if (!relation.present()) return relative_row(from, shifted, scale, y, keys);
    const float* const scores = relation.row<float>(place.relation);
    const std::int32_t* const pair = pairs.row<std::int32_t>(place.pairs);
    for (Index j = 0; j < keys; ++j) {
      const bool inside = pair[j] >= 0 && pair[j] < relation.columns();
      TESSERA_ASSERT(inside, "relative_scores: a relation is outside of the scores");
      y[j] = (from[j] + shifted[j] + (inside ? scores[pair[j]] : 0.0F)) * scale;
    }
  });
}

/// Sums of 32 rows at a time are added up, so that long texts lose no more digits than short ones.
HWY_NOINLINE inline void pool_rows(const View& x, Index first, Index length, const float* keep, float inverse, float* y,
                                   Index columns) {
  const F32 d;
  const Index step = lanes();
  for (Index c = 0; c < columns; c += step) {
    const Index left = columns - c < step ? columns - c : step;
    Vec total = hn::Zero(d);
    for (Index block = 0; block < length; block += 32) {
      Vec part = hn::Zero(d);
      for (Index t = block; t < length && t < block + 32; ++t) {
        const float* const from = x.row<float>(first + t) + c;
        const Vec v = left == step ? hn::LoadU(d, from) : load_some(from, left);
        part = keep == nullptr ? hn::Add(part, v) : hn::MulAdd(constant(keep[t]), v, part);
      }
      total = hn::Add(total, part);
    }
    total = hn::Mul(total, constant(inverse));
    if (left == step)
      hn::StoreU(total, d, y + c);
    else
      store_some(total, y + c, left);
  }
}

inline void mean_pool(const Call& call) {
  const View& x = call.in[op::mean_pool::x];
  const View& offsets = call.in[op::mean_pool::offsets];
  const View& keep = call.in[op::mean_pool::keep];
  const Index texts = call.out.rows();
  if (texts == 0) return;
  const auto pool = [&](Index text) {
    const TextRows rows = text_rows(offsets, text, x.rows() / texts);
    const float* const kept = keep.present() ? keep.row<float>(text) : nullptr;
    double total = 0;
    for (Index t = 0; t < rows.length; ++t) total += kept != nullptr ? static_cast<double>(kept[t]) : 1.0;
    if (total < 1e-9) total = 1e-9;
    pool_rows(x, rows.first, rows.length, kept, static_cast<float>(1.0 / total), call.out.row<float>(text),
              x.columns());
  };
  if (x.count() < 2 * memory_elements_each) {
    for (Index text = 0; text < texts; ++text) pool(text);
  } else {
    call.executor->parallel_for(texts, [&](std::int64_t text) { pool(text); });
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
