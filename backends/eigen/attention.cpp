// attention: softmax(scale * q k^T) v for each text and head, in blocks of queries and keys.
//
// Scores never leave the stack: a block of keys updates each query's running maximum, sum and result.
// Source: Milakov, Gimelshein, "Online normalizer calculation for softmax" (2018). Up to key_tile keys it is the plain
// softmax.
#include "tessera/ops/attention.hpp"

#include <cmath>
#include <limits>

#include "tessera/backends/eigen/scores.inl"

namespace tessera::inline TESSERA_ISA::eigen {

namespace {
constexpr Index query_tile = 32;
constexpr Index key_tile = 256;
}  // namespace

void attention(const Call& call) {
  using op = tessera::op::attention;
  const op::Attributes& attributes = call.as<op>();
  const View& q = call.in[op::q];
  const View& k = call.in[op::k];
  const View& v = call.in[op::v];
  const View& offsets = call.in[op::offsets];
  const View& keep = call.in[op::keep];
  const View& head_mask = call.in[op::head_mask];
  const View& out = call.out;
  const Visibility& visibility = attributes.visibility;
  const Index heads = attributes.heads;
  const Index d = heads > 0 ? out.columns() / heads : 0;
  const auto scale = static_cast<float>(attributes.scale);
  const Index blocks = (attributes.longest + query_tile - 1) / query_tile;
  constexpr float lowest = -std::numeric_limits<float>::infinity();

  call.executor->parallel_for(attributes.texts * heads * blocks, [&](Index t) {
    const Index block = t % blocks, head = t / blocks % heads, text = t / blocks / heads;
    Index first = text * attributes.longest, length = attributes.longest;
    if (offsets.present()) {
      first = offsets.as<const std::int32_t>()[text];
      length = offsets.as<const std::int32_t>()[text + 1] - first;
    }
    const Index keys_of_text = attributes.keys > 0 ? attributes.keys : length;
    const Index first_key = attributes.keys > 0 ? text * attributes.key_rows : first;
    const Index query = block * query_tile;
    const Index rows = std::min(query_tile, length - query);
    if (rows <= 0) return;

    float scores[query_tile * key_tile];
    float top[query_tile], most[query_tile];
    double sum[query_tile];
    std::fill(top, top + rows, lowest);
    std::fill(sum, sum + rows, 0.0);
    const ConstMap queries = read(q, first + query, rows, head * d, d);
    Map result = write(out, first + query, rows, head * d, d);
    for (Index key = 0; key < keys_of_text; key += key_tile) {
      const Index keys = std::min(key_tile, keys_of_text - key);
      Map s = map(scores, rows, keys, keys);
      s.noalias() = queries * read(k, first_key + key, keys, head * d, d).transpose();
      s *= scale;
      for (Index i = 0; i < rows; ++i) {
        float* line = scores + i * keys;
        const float* kept = nullptr;
        if (keep.present()) kept = keep.row<const float>(keep.rank == 3 ? text * keep.dim[1] + query + i : text);
        const Index seen = visibility.causal ? query + i + 1 + keys_of_text - length : keys_of_text;
        if (key == 0) most[i] = most_kept(keys_of_text, seen, kept, visibility);
        hide(line, keys, seen - key, kept != nullptr ? kept + key : nullptr, most[i], visibility);
        const float before = top[i];
        top[i] = std::max(before, Line(line, keys).maxCoeff());
        // All keys hidden by -infinity so far: their weight is 0 until a key is seen, and 0 / 0 when none is.
        const double gained = exp_below(Line(line, keys), top[i] == lowest ? 0.0F : top[i]);
        if (key == 0) {
          sum[i] = gained;
        } else if (before != top[i]) {
          const float shrink = before == lowest ? 0.0F : std::exp(before - top[i]);
          sum[i] = sum[i] * static_cast<double>(shrink) + gained;
          result.row(i) *= shrink;
        } else {
          sum[i] += gained;
        }
      }
      const ConstMap values = read(v, first_key + key, keys, head * d, d);
      if (key == 0)
        result.noalias() = s * values;
      else
        result.noalias() += s * values;
    }
    const float factor = head_mask.present() ? head_mask.as<const float>()[head] : 1.0F;
    for (Index i = 0; i < rows; ++i) result.row(i) *= static_cast<float>(static_cast<double>(factor) / sum[i]);
  });
}

}  // namespace tessera::eigen
