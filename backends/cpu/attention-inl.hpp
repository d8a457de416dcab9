// attention, fused: for each text and head, blocks of queries times all keys, softmax, times all values.
//
// Keys and values of a head are packed into scratch once, in panels of 64 columns. A block of queries is small, so that
// its scores stay in the first-level cache from one product over the softmax to the other; they live in 32 kB of stack.
// What the next head needs is fetched meanwhile: its rows are short and far apart, so the hardware does not see them
// coming (8 texts of 128: a quarter of the time). Rows with more than 960 keys take them in chunks with a running
// maximum and sum (Milakov, Gimelshein, "Online normalizer calculation for softmax", 2018). A causal block leaves out
// keys after its last query where the fill makes their probability exactly 0, and looks afterwards whether it did.
#if defined(TESSERA_CPU_ATTENTION_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_ATTENTION_INL
#undef TESSERA_CPU_ATTENTION_INL
#else
#define TESSERA_CPU_ATTENTION_INL
#endif

#include <cmath>
#include <limits>

#include "tessera/backends/cpu/attention_amx.hpp"
#include "tessera/backends/cpu/decode-inl.hpp"
#include "tessera/backends/cpu/gemm_low-inl.hpp"
#include "tessera/backends/cpu/softmax-inl.hpp"
#include "tessera/ops/attention.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

inline constexpr Index keys_at_once = 960;  // a multiple of wide_panel
inline constexpr Index scores_on_stack = 8192;
inline constexpr Index most_queries = 24;
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

/// Keys of the texts before this one.
inline Index keys_before(const Call& call, Index text) {
  const auto& attributes = call.as<op::attention>();
  const View& offsets = call.in[op::attention::offsets];
  if (attributes.keys > 0) return text * attributes.keys;
  return offsets.present() ? offsets.as<std::int32_t>()[text] : text * attributes.longest;
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
  if (float* const scratch = static_cast<float*>(call.scratch); scratch != nullptr) {
    // Texts lie one after the other, each rounded up to 16 keys; round_up(a) + round_up(b) <= round_up(a + b) + 16.
    const Index rows = packed_rows(call);
    const Index before = keys_before(call, text);
    const Index width = q.columns();
    const Index wide = cpu::round_up(h.depth, 16);
    h.packed_keys =
        scratch + (cpu::round_up(before, 16) + 16 * text) * width + head * h.depth * cpu::round_up(h.keys, 16);
    h.packed_values = scratch + (cpu::round_up(rows, 16) + 16 * attributes.texts) * width +
                      (before * attributes.heads + head * h.keys) * wide;
  }
  if (keep.present()) {
    h.keep = keep.rank == 2 ? keep.row<float>(text) : keep.row<float>(text * attributes.longest);
    h.keep_row = keep.rank == 2 ? 0 : keep.row_stride;
  }
  if (head_mask.present()) h.factor = head_mask.as<float>()[head];
  return h;
}

/// Whether there are too few queries for packing to pay.
inline bool decodes(const op::attention::Attributes& attributes) {
  return attributes.keys > 0 && attributes.longest <= 2;
}

/// Whether heads are computed in bf16.
inline bool is_low(const Call& call) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3 && defined(TESSERA_CPU_HAS_DOT_TILES)
  const auto& attributes = call.as<op::attention>();
  const Index depth = call.in[op::attention::q].columns() / attributes.heads;
  return attributes.low_precision && !decodes(attributes) && depth <= cpu::LowHead::most_depth && depth > 0 &&
         low_code(bf16_panels).tiles != nullptr;
#else
  (void)call;
  return false;
#endif
}

inline Index most_keys(const op::attention::Attributes& attributes) {
  return attributes.keys > 0 ? attributes.keys : attributes.longest;
}

/// Multiply-adds of each product of a head, and its packing. Less than a few microseconds in all are not split.
inline Index work_of_head(const Call& call) {
  const auto& attributes = call.as<op::attention>();
  return most_keys(attributes) * (attributes.longest + 48) * (call.in[op::attention::q].columns() / attributes.heads);
}
inline constexpr Index least_split_work = 250'000;

/// Where the heads of a text lie in scratch, in bytes: texts one after the other, each rounded up to 32 keys.
inline Index low_packed_offset(Index before, Index text, Index width, Index heads) {
  return heads * (cpu::round_up(before, 32) + 32 * text) * cpu::LowHead::bytes_of_key(width / heads);
}

inline std::size_t attention_scratch(const Call& call) {
  const auto& attributes = call.as<op::attention>();
  if (decodes(attributes)) return 0;
  const Index width = call.in[op::attention::q].columns();
  const Index rows = packed_rows(call);
  if (is_low(call)) return static_cast<std::size_t>(low_packed_offset(rows, attributes.texts, width, attributes.heads));
  const Index wide = cpu::round_up(width / attributes.heads, 16);
  return static_cast<std::size_t>((cpu::round_up(rows, 16) + 16 * attributes.texts) * width +
                                  rows * attributes.heads * wide) *
         sizeof(float);
}

/// Width of the panel that begins at `column`, zeros behind included.
HWY_INLINE Index wide_width(Index columns, Index column) {
  return columns - column < wide_panel ? cpu::round_up(columns - column, 16) : wide_panel;
}

/// from[k, j] to panels of 64 columns, each [inner, 64].
HWY_NOINLINE inline void pack_wide(const float* from, Index step, Index column_step, Index inner, Index columns,
                                   float scale_of, float* to) {
  for (Index column = 0; column < columns; column += wide_panel) {
    const Index left = columns - column;
    pack_chunk(from + column * column_step, step, column_step, inner, left < wide_panel ? left : wide_panel, scale_of,
               to + column * inner, wide_width(columns, column));
  }
}

inline void pack_head(const Head& h, float scale_of) {
  pack_wide(h.k, 1, h.k_row, h.depth, h.keys, scale_of, h.packed_keys);
  pack_wide(h.v, h.v_row, 1, h.keys, h.depth, 1.0F, h.packed_values);
}

/// Query `i` of a head towards the caches, and the key and value of the same number.
HWY_INLINE void fetch_row(const Head& h, Index i) {
  for (Index j = 0; j < h.depth; j += 16) {
    __builtin_prefetch(h.k + i * h.k_row + j, 0, 2);
    __builtin_prefetch(h.v + i * h.v_row + j, 0, 2);
    __builtin_prefetch(h.q + i * h.q_row + j, 0, 2);
  }
}

/// Queries [first, end) over keys [0, limit); meanwhile the same rows of head `after` are fetched, when there is one.
/// False when keys past the limit would have counted.
HWY_NOINLINE inline bool attend_to(const Head& h, const Visibility& visibility, Index first, Index end, Index limit,
                                   const Head* after) {
  HWY_ALIGN float scores[scores_on_stack];
  float largest[most_queries];
  float sums[most_queries];
  const Index queries = end - first;
  const float hidden = static_cast<float>(visibility.value);
  constexpr float lowest = -(std::numeric_limits<float>::max)();
  const bool fills = h.keep != nullptr || visibility.causal;
  const RowBlocks blocks(queries, 1, wide_vectors);

  for (Index key = 0; key < limit; key += keys_at_once) {
    const Index keys = limit - key < keys_at_once ? limit - key : keys_at_once;
    const Index padded = cpu::round_up(keys, 16);

    TileCall t{};  // [queries, d] [d, keys]
    t.inner = h.depth;
    t.a = h.q + first * h.q_row;
    t.a_row = h.q_row;
    t.a_step = 1;
    t.c_row = padded;
    for (Index column = key; column < key + keys; column += wide_panel) {
      const Index width = wide_width(h.keys, column);
      const Index left = padded - (column - key);
      t.b = h.packed_keys + column * h.depth;
      t.b_row = width;
      t.c = scores + column - key;
      multiply_chunk(t, queries, blocks, width < left ? width : left, wide_vectors);
    }

    // Row by row, but in two passes: the largest of a row is known late, and other rows' work fits into the wait.
    float tops[most_queries];
    for (Index i = 0; i < queries; ++i) {
      float* const s = scores + i * padded;
      if (after != nullptr && key == 0 && first + i < after->length) fetch_row(*after, first + i);
      if (fills) {
        const float* const keep = h.keep == nullptr ? nullptr : h.keep + (first + i) * h.keep_row + key;
        const Index seen = visibility.causal ? first + i + 1 + h.keys - h.length - key : keys;
        fill_hidden(s, keep, seen, keys, visibility.fill, hidden);
      }
      for (Index j = keys; j < padded; ++j) s[j] = -infinity;
      // A chunk of hidden keys alone must not make NaN of what the others give.
      tops[i] = largest_of(s, padded);
      if (tops[i] < lowest) tops[i] = lowest;
    }
    for (Index i = 0; i < queries; ++i) {
      float* const s = scores + i * padded;
      float top = tops[i];
      if (key == 0) {
        sums[i] = exponentials_of(s, padded, top);
      } else {
        if (largest[i] > top) top = largest[i];
        const float shrink = std::exp(largest[i] - top);
        scale_row(h.out + (first + i) * h.out_row, shrink, h.out + (first + i) * h.out_row, h.depth);
        sums[i] = sums[i] * shrink + exponentials_of(s, padded, top);
      }
      largest[i] = top;
    }

    t = TileCall{};  // [queries, keys] [keys, d]
    t.inner = keys;
    t.a = scores;
    t.a_row = padded;
    t.a_step = 1;
    t.c_row = h.out_row;
    for (Index column = 0; column < h.depth; column += wide_panel) {
      const Index width = wide_width(h.depth, column);
      const Index left = h.depth - column;
      t.b = h.packed_values + column * h.keys + key * width;
      t.b_row = width;
      t.c = h.out + first * h.out_row + column;
      t.init = key > 0 ? t.c : nullptr;
      t.init_row = h.out_row;
      multiply_chunk(t, queries, blocks, left < wide_panel ? left : wide_panel, wide_vectors);
    }
  }
  bool complete = true;
  for (Index i = 0; i < queries; ++i) {
    complete = complete && (limit == h.keys || largest[i] - hidden > vanishes);
    float* const y = h.out + (first + i) * h.out_row;
    scale_row(y, h.factor / sums[i], y, h.depth);
  }
  return complete;
}

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3 && defined(TESSERA_CPU_HAS_DOT_TILES)
/// Every head in bf16, each a tile of its own.
inline void attention_low(const Call& call) {
  const auto& attributes = call.as<op::attention>();
  auto* attend_head = &cpu::x86::attend_head<cpu::x86::DotProducts>;
#if defined(TESSERA_CPU_HAS_MATRIX_TILES)
  if (low_code(bf16_panels).matrix != nullptr) attend_head = &cpu::x86::attend_head<cpu::amx::TileProducts>;
#endif
  const Index heads = attributes.texts * attributes.heads;
  const auto head_at = [&](Index i) {
    const Head h = head_of(call, i / attributes.heads, i % attributes.heads);
    cpu::LowHead low{h.length, h.keys, h.depth, h.q, h.k, h.v, h.out, h.q_row, h.k_row, h.v_row, h.out_row};
    low.packed = static_cast<std::uint8_t*>(call.scratch) +
                 low_packed_offset(keys_before(call, i / attributes.heads), i / attributes.heads,
                                   h.depth * attributes.heads, attributes.heads) +
                 i % attributes.heads * cpu::LowHead::bytes(h.keys, h.depth);
    low.keep = h.keep;
    low.keep_row = h.keep_row;
    low.scale = static_cast<float>(attributes.scale);
    low.factor = h.factor;
    return low;
  };
  const auto attend = [&](std::int64_t i) {
    const cpu::LowHead after = head_at(i + 1 < heads ? i + 1 : i);
    attend_head(head_at(i), attributes.visibility, &fill_hidden, i + 1 < heads ? &after : nullptr);
  };
  if (heads * work_of_head(call) < least_split_work)
    for (Index i = 0; i < heads; ++i) attend(i);
  else
    call.executor->parallel_for(heads, attend);
}
#endif

/// Few queries over the keys of a cache: groups of heads, as many for each thread. How they are grouped changes no bit.
inline void decode(const Call& call) {
  const auto& attributes = call.as<op::attention>();
  const View& head_mask = call.in[op::attention::head_mask];
  const Index columns = call.in[op::attention::q].columns();
  // Less than a few microseconds in all are not split.
  const bool splits = attributes.longest * attributes.keys * columns * attributes.texts >= 250'000;
  const Index wanted = splits ? call.executor->threads() : 1;
  Index groups = (attributes.heads + heads_at_once - 1) / heads_at_once;
  if (attributes.texts * groups < wanted) groups = attributes.heads < wanted ? attributes.heads : wanted;
  const Index each = (attributes.heads + groups - 1) / groups;
  groups = (attributes.heads + each - 1) / each;
  const auto group = [&](std::int64_t i) {
    const Index first = i % groups * each;
    const Index heads = attributes.heads - first < each ? attributes.heads - first : each;
    const Head h = head_of(call, i / groups, first);
    for (Index q = 0; q < h.length; ++q) {
      const Index seen = attributes.visibility.causal ? q + 1 + h.keys - h.length : h.keys;
      attend_row({h.q + q * h.q_row, h.k, h.v, h.out + q * h.out_row, h.k_row, h.v_row, h.depth, h.keys,
                  h.keep == nullptr ? nullptr : h.keep + q * h.keep_row, seen, static_cast<float>(attributes.scale),
                  head_mask.present() ? head_mask.as<float>() + first : nullptr},
                 heads, attributes.visibility);
    }
  };
  if (splits)
    call.executor->parallel_for(attributes.texts * groups, group);
  else
    for (Index i = 0; i < attributes.texts * groups; ++i) group(i);
}

inline void attention(const Call& call) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3 && defined(TESSERA_CPU_HAS_DOT_TILES)
  if (is_low(call)) return attention_low(call);
#endif
  const auto& attributes = call.as<op::attention>();
  const Visibility& visibility = attributes.visibility;
  const Index longest = attributes.longest;
  if (longest == 0 || attributes.texts == 0) return;
  if (decodes(attributes)) return decode(call);
  const Index at_once = cpu::round_up(most_keys(attributes) < keys_at_once ? most_keys(attributes) : keys_at_once, 16);
  Index queries_each = scores_on_stack / at_once / 8 * 8;
  if (queries_each > most_queries) queries_each = most_queries;
  const Index blocks = (longest + queries_each - 1) / queries_each;
  const Index heads = attributes.texts * attributes.heads;

  const auto attend = [&](const Head& h, Index block, const Head* after) {
    const Index first = block * queries_each;
    const Index end = first + queries_each < h.length ? first + queries_each : h.length;
    if (first >= end) return;
    Index limit = h.keys;
    if (visibility.causal && visibility.fill != Fill::add) {
      limit = cpu::round_up(end + h.keys - h.length, wide_panel);
      if (limit > h.keys) limit = h.keys;
    }
    if (!attend_to(h, visibility, first, end, limit, after)) attend_to(h, visibility, first, end, h.keys, nullptr);
  };
  const float scale_of = static_cast<float>(attributes.scale);
  const auto head_at = [&](Index i) { return head_of(call, i / attributes.heads, i % attributes.heads); };
  const auto attend_whole = [&](Index i) {
    const Head h = head_at(i);
    const Head after = head_at(i + 1 < heads ? i + 1 : i);
    pack_head(h, scale_of);
    for (Index block = 0; block < blocks; ++block) attend(h, block, i + 1 < heads ? &after : nullptr);
  };

  // A head a tile keeps its packed keys in the core's cache; few long heads are cut by
  // queries. Less than a few microseconds in all are not split.
  const Index work = work_of_head(call);
  if (heads * work < least_split_work) {
    for (Index i = 0; i < heads; ++i) attend_whole(i);
  } else if (blocks == 1 || work < 1'500'000 || heads >= 64) {
    call.executor->parallel_for(heads, attend_whole);
  } else {
    call.executor->parallel_for(heads, [&](std::int64_t i) { pack_head(head_at(i), scale_of); });
    call.executor->parallel_for(heads * blocks,
                                [&](std::int64_t i) { attend(head_at(i / blocks), i % blocks, nullptr); });
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
