// attention, fused: for each text and head, blocks of queries times all keys, softmax, times all values.
//
// Keys and values of a head are packed into scratch once (padded panels, as weights); the scores of a block of queries
// live in 32 kB of stack. Rows with more than 960 keys take them in chunks with a running maximum and sum (Milakov,
// Gimelshein, "Online normalizer calculation for softmax", 2018). A causal block leaves out keys after its last query
// where the fill makes their probability exactly 0, and looks afterwards whether it did.
#if defined(TESSERA_CPU_ATTENTION_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_ATTENTION_INL
#undef TESSERA_CPU_ATTENTION_INL
#else
#define TESSERA_CPU_ATTENTION_INL
#endif

#include "tessera/backends/cpu/gemm-inl.hpp"
#include "tessera/backends/cpu/softmax-inl.hpp"
#include "tessera/ops/attention.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

inline constexpr Index keys_at_once = 960;  // a multiple of the panel
inline constexpr Index scores_on_stack = 8192;
inline constexpr Index most_queries = 64;
/// e^-104 is less than the smallest float: such a key has probability 0.
inline constexpr float vanishes = 104.0F;

/// One head of one text.
struct Head {
  Index length = 0;  ///< queries of this text
  Index keys = 0;    ///< as many, or those of a cache and then the queries' own
  Index depth = 0;   ///< d
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  float* out = nullptr;
  Index q_row = 0, k_row = 0, v_row = 0, out_row = 0;
  float* packed_keys = nullptr;    ///< [d, keys] in panels, times the scale
  float* packed_values = nullptr;  ///< [keys, d] in panels
  const float* keep = nullptr;
  Index keep_row = 0;  ///< from one query to the next; 0: the same for all
  float factor = 1;    ///< the head's entry of head_mask
};

/// Keys of all texts.
inline Index packed_rows(const Call& call) {
  const auto& attributes = call.as<op::attention>();
  return attributes.keys > 0 ? attributes.texts * attributes.keys : call.in[op::attention::q].rows();
}

inline Head head_of(const Call& call, Index text, Index head) {
  const auto& attributes = call.as<op::attention>();
  const View& q = call.in[op::attention::q];
  const View& k = call.in[op::attention::k];
  const View& v = call.in[op::attention::v];
  const View& offsets = call.in[op::attention::offsets];
  const View& keep = call.in[op::attention::keep];
  const View& head_mask = call.in[op::attention::head_mask];
  Index first = text * attributes.longest;
  Head h;
  h.length = attributes.longest;
  if (offsets.present()) {
    first = offsets.as<std::int32_t>()[text];
    h.length = offsets.as<std::int32_t>()[text + 1] - first;
  }
  h.depth = q.columns() / attributes.heads;
  const bool cached = attributes.keys > 0;
  const Index first_key = cached ? text * attributes.key_rows : first;
  h.keys = cached ? attributes.keys : h.length;
  h.q = q.row<float>(first) + head * h.depth;
  h.k = k.row<float>(first_key) + head * h.depth;
  h.v = v.row<float>(first_key) + head * h.depth;
  h.out = call.out.row<float>(first) + head * h.depth;
  h.q_row = q.row_stride;
  h.k_row = k.row_stride;
  h.v_row = v.row_stride;
  h.out_row = call.out.row_stride;
  // Texts lie one after the other, each rounded up to 16 keys; round_up(a) + round_up(b) <= round_up(a + b) + 16.
  float* const scratch = static_cast<float*>(call.scratch);
  const Index rows = packed_rows(call);
  const Index before = cached ? text * h.keys : first;  // keys of the texts before this one
  const Index width = q.columns();
  const Index wide = cpu::round_up(h.depth, 16);
  h.packed_keys =
      scratch + (cpu::round_up(before, 16) + 16 * text) * width + head * h.depth * cpu::round_up(h.keys, 16);
  h.packed_values = scratch + (cpu::round_up(rows, 16) + 16 * attributes.texts) * width +
                    (before * attributes.heads + head * h.keys) * wide;
  if (keep.present()) {
    h.keep = keep.rank == 2 ? keep.row<float>(text) : keep.row<float>(text * attributes.longest);
    h.keep_row = keep.rank == 2 ? 0 : keep.row_stride;
  }
  if (head_mask.present()) h.factor = head_mask.as<float>()[head];
  return h;
}

inline std::size_t attention_scratch(const Call& call) {
  const auto& attributes = call.as<op::attention>();
  const Index width = call.in[op::attention::q].columns();
  const Index rows = packed_rows(call);
  const Index wide = cpu::round_up(width / attributes.heads, 16);
  return static_cast<std::size_t>((cpu::round_up(rows, 16) + 16 * attributes.texts) * width +
                                  rows * attributes.heads * wide) *
         sizeof(float);
}

inline void pack_head(const Head& h, float scale_of) {
  const Executor serial;
  pack(h.k, 1, h.k_row, h.depth, h.keys, scale_of, h.packed_keys, h.depth * panel_width, serial);
  pack(h.v, h.v_row, 1, h.keys, h.depth, 1.0F, h.packed_values, h.keys * panel_width, serial);
}

/// Queries [first, end) over keys [0, limit). False when keys past the limit would have counted.
HWY_NOINLINE inline bool attend_to(const Head& h, const Visibility& visibility, Index first, Index end, Index limit) {
  HWY_ALIGN float scores[scores_on_stack];
  float largest[most_queries];
  float sums[most_queries];
  const Index queries = end - first;
  const float hidden = static_cast<float>(visibility.value);
  const bool fills = h.keep != nullptr || visibility.causal;

  for (Index key = 0; key < limit; key += keys_at_once) {
    const Index keys = limit - key < keys_at_once ? limit - key : keys_at_once;
    const Index padded = cpu::round_up(keys, 16);

    Gemm products;  // [queries, d] [d, keys]
    products.rows = queries;
    products.columns = padded;
    products.inner = h.depth;
    products.a = h.q + first * h.q_row;
    products.a_row = h.q_row;
    products.b = h.packed_keys + key * h.depth;
    products.packed = true;
    products.panel_stride = h.depth * panel_width;
    products.c = scores;
    products.c_row = padded;
    multiply_packed(products, 0, 0, queries, 0, cpu::panel_count(padded));

    for (Index i = 0; i < queries; ++i) {
      float* const s = scores + i * padded;
      if (fills) {
        const float* const keep = h.keep == nullptr ? nullptr : h.keep + (first + i) * h.keep_row + key;
        const Index seen = visibility.causal ? first + i + 1 + h.keys - h.length - key : keys;
        fill_hidden(s, keep, seen, keys, visibility.fill, hidden);
      }
      for (Index j = keys; j < padded; ++j) s[j] = -infinity;
      float top = largest_of(s, padded);
      if (key == 0) {
        sums[i] = exponentials_of(s, padded, top);
      } else {
        // A chunk of hidden keys alone must not make NaN of what the others gave.
        if (largest[i] > top) top = largest[i];
        const float shrink = top == -infinity ? 1.0F : std::exp(largest[i] - top);
        scale_row(h.out + (first + i) * h.out_row, shrink, h.out + (first + i) * h.out_row, h.depth);
        sums[i] = sums[i] * shrink + exponentials_of(s, padded, top);
      }
      largest[i] = top;
    }

    Gemm mixed;  // [queries, keys] [keys, d]
    mixed.rows = queries;
    mixed.columns = h.depth;
    mixed.inner = keys;
    mixed.a = scores;
    mixed.a_row = padded;
    mixed.b = h.packed_values;
    mixed.packed = true;
    mixed.panel_stride = h.keys * panel_width;
    mixed.first_step = key;
    mixed.accumulate = key > 0;
    mixed.c = h.out + first * h.out_row;
    mixed.c_row = h.out_row;
    multiply_packed(mixed, 0, 0, queries, 0, cpu::panel_count(h.depth));
  }
  bool complete = true;
  for (Index i = 0; i < queries; ++i) {
    complete = complete && (limit == h.keys || largest[i] - hidden > vanishes);
    float* const y = h.out + (first + i) * h.out_row;
    scale_row(y, h.factor / sums[i], y, h.depth);
  }
  return complete;
}

inline void attention(const Call& call) {
  const auto& attributes = call.as<op::attention>();
  const Visibility& visibility = attributes.visibility;
  const Index longest = attributes.longest;
  if (longest == 0 || attributes.texts == 0) return;
  const Index most_keys = attributes.keys > 0 ? attributes.keys : longest;
  const Index at_once = cpu::round_up(most_keys < keys_at_once ? most_keys : keys_at_once, 16);
  Index queries_each = scores_on_stack / at_once / 8 * 8;
  if (queries_each > most_queries) queries_each = most_queries;
  const Index blocks = (longest + queries_each - 1) / queries_each;
  const Index heads = attributes.texts * attributes.heads;

  const auto attend = [&](const Head& h, Index block) {
    const Index first = block * queries_each;
    const Index end = first + queries_each < h.length ? first + queries_each : h.length;
    if (first >= end) return;
    Index limit = h.keys;
    if (visibility.causal && visibility.fill != Fill::add) {
      limit = cpu::round_up(end + h.keys - h.length, panel_width);
      if (limit > h.keys) limit = h.keys;
    }
    if (!attend_to(h, visibility, first, end, limit)) attend_to(h, visibility, first, end, h.keys);
  };
  const float scale_of = static_cast<float>(attributes.scale);
  const auto head_at = [&](Index i) { return head_of(call, i / attributes.heads, i % attributes.heads); };
  const auto attend_whole = [&](Index i) {
    const Head h = head_at(i);
    pack_head(h, scale_of);
    for (Index block = 0; block < blocks; ++block) attend(h, block);
  };

  // A head a tile keeps its packed keys in the core's cache; few long heads are cut by
  // queries. Less than a few microseconds in all are not split.
  const Index work = most_keys * (longest + 48) * (call.in[op::attention::q].columns() / attributes.heads);
  if (heads * work < 250'000) {
    for (Index i = 0; i < heads; ++i) attend_whole(i);
  } else if (blocks == 1 || work < 1'500'000 || heads >= 64) {
    call.executor->parallel_for(heads, attend_whole);
  } else {
    call.executor->parallel_for(heads, [&](std::int64_t i) { pack_head(head_at(i), scale_of); });
    call.executor->parallel_for(heads * blocks, [&](std::int64_t i) { attend(head_at(i / blocks), i % blocks); });
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
