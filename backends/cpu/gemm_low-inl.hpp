// bf16 and int8 on any instruction set: packing of weights, and the product where there is no
// dot-product instruction: it turns a block of a panel back into floats and multiplies by the f32 tiles. Rows then stay
// as they are, so errors are smaller, and memory is read as fast; what is lost is speed.
#if defined(TESSERA_CPU_GEMM_LOW_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_GEMM_LOW_INL
#undef TESSERA_CPU_GEMM_LOW_INL
#else
#define TESSERA_CPU_GEMM_LOW_INL
#endif

#include <cmath>

#include "tessera/backends/cpu/gemm-inl.hpp"
#include "tessera/backends/cpu/gemm_low.hpp"
#include "tessera/backends/cpu/gemm_low_amx.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

using cpu::Activate;
using cpu::bf16_panels;
using cpu::int8_panels;
using cpu::LowGemm;
using cpu::PreparedRows;

using I32 = hn::RebindToSigned<F32>;
using U32 = hn::RebindToUnsigned<F32>;

/// What this machine has for a form.
inline cpu::LowCode low_code([[maybe_unused]] std::uint8_t form) {
  cpu::LowCode code;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3 && defined(TESSERA_CPU_HAS_DOT_TILES)
  code.tiles = cpu::x86::tiles_for(form);
#if defined(TESSERA_CPU_HAS_MATRIX_TILES)
  if (code.tiles != nullptr) code.matrix = cpu::amx::matrix_for(form);
#endif
#endif
  return code;
}

/// Bits of bf16, to nearest, ties to even; NaN stays NaN. In the lower halves.
HWY_INLINE hn::Vec<U32> round_to_bf16(Vec x) {
  const U32 d;
  const auto bits = hn::BitCast(d, x);
  const auto high = hn::ShiftRight<16>(bits);
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(hn::Set(d, 0x7fffU), hn::And(high, hn::Set(d, 1U)))));
  const auto quiet = hn::Or(high, hn::Set(d, 0x40U));
  return hn::IfThenElse(hn::RebindMask(d, hn::IsNaN(x)), quiet, rounded);
}

/// n floats to bf16, zeros up to `padded`.
inline void to_bf16_row(const float* from, Index n, Index padded, std::uint8_t* to_bytes) {
  const F32 d;
  const hn::Rebind<std::uint16_t, F32> narrow;
  auto* const to = reinterpret_cast<std::uint16_t*>(to_bytes);
  const Index step = lanes();
  Index i = 0;
  for (; i + step <= n; i += step)
    hn::StoreU(hn::DemoteTo(narrow, hn::BitCast(I32(), round_to_bf16(hn::LoadU(d, from + i)))), narrow, to + i);
  for (; i < n; ++i) to[i] = to_bf16(from[i]);
  for (; i < padded; ++i) to[i] = 0;
}

/// The range of some numbers. `poison` is 0, or NaN where one is not finite.
struct Range {
  float low = 0;
  float high = 0;
  float poison = 0;

  void widen(const Range& other) {
    low = other.low < low ? other.low : low;
    high = other.high > high ? other.high : high;
    poison += other.poison;
  }
};
inline Range range_of(const float* x, Index n) {
  const F32 d;
  const Index step = lanes();
  Vec low[2] = {hn::Zero(d), hn::Zero(d)};
  Vec high[2] = {hn::Zero(d), hn::Zero(d)};
  Vec poison[2] = {hn::Zero(d), hn::Zero(d)};
  Index i = 0;
  for (; i + 2 * step <= n; i += 2 * step) {
    TESSERA_UNROLL
    for (int u = 0; u < 2; ++u) {
      const Vec v = hn::LoadU(d, x + i + u * step);
      low[u] = hn::Min(low[u], v);
      high[u] = hn::Max(high[u], v);
      poison[u] = hn::MulAdd(v, hn::Zero(d), poison[u]);
    }
  }
  Range range;
  range.low = hn::GetLane(hn::MinOfLanes(d, hn::Min(low[0], low[1])));
  range.high = hn::GetLane(hn::MaxOfLanes(d, hn::Max(high[0], high[1])));
  range.poison = hn::GetLane(hn::SumOfLanes(d, hn::Add(poison[0], poison[1])));
  for (; i < n; ++i) {
    range.low = x[i] < range.low ? x[i] : range.low;
    range.high = x[i] > range.high ? x[i] : range.high;
    range.poison += x[i] * 0.0F;
  }
  return range;
}

/// Four rows of four groups, turned.
HWY_INLINE void turn_groups(const std::uint32_t* HWY_RESTRICT from, Index from_row, std::uint32_t* HWY_RESTRICT to,
                            Index to_row) {
#if HWY_TARGET == HWY_SCALAR
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j < 4; ++j) to[j * to_row + i] = from[i * from_row + j];
#else
  const hn::FixedTag<std::uint32_t, 4> d;
  const hn::Repartition<std::uint64_t, decltype(d)> pairs;
  const auto r0 = hn::LoadU(d, from);
  const auto r1 = hn::LoadU(d, from + from_row);
  const auto r2 = hn::LoadU(d, from + 2 * from_row);
  const auto r3 = hn::LoadU(d, from + 3 * from_row);
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, r0, r1));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, r2, r3));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, r0, r1));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, r2, r3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, to);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, to + to_row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, to + 2 * to_row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, to + 3 * to_row);
#endif
}

/// n floats to [-127, 127]; zeros up to `padded`. Returns the sum.
inline std::int32_t to_i8_row(const float* from, Index n, Index padded, float inverse, std::int8_t* to) {
  const F32 d;
  const hn::Rebind<std::int8_t, F32> narrow;
  const Index step = lanes();
  const Vec factor = hn::Set(d, inverse);
  auto sums = hn::Zero(I32());
  Index i = 0;
  for (; i + step <= n; i += step) {
    const auto q = hn::NearestInt(hn::Mul(hn::LoadU(d, from + i), factor));
    sums = hn::Add(sums, q);
    hn::StoreU(hn::DemoteTo(narrow, q), narrow, to + i);
  }
  std::int32_t sum = hn::GetLane(hn::SumOfLanes(I32(), sums));
  for (; i < n; ++i) {
    const float q = from[i] * inverse;
    to[i] = static_cast<std::int8_t>(q != q ? 0 : std::lrint(q));  // halves to even, as NearestInt
    sum += to[i];
  }
  for (; i < padded; ++i) to[i] = 0;
  return sum;
}

/// Blocks of 128 numbers, 16 of which stand together each `stride`, rotated (cpu::rotation_block).
HWY_INLINE void rotate_steps(float* x, Index stride, Index width, float factor) {
  const F32 d;
  const Vec scale = hn::Set(d, factor);
  for (Index j = 0; j < width; j += lanes()) {
    Vec v[8];
    TESSERA_UNROLL
    for (int i = 0; i < 8; ++i) v[i] = hn::LoadU(d, x + i * stride + j);
    TESSERA_UNROLL
    for (int apart = 1; apart < 8; apart *= 2) {
      TESSERA_UNROLL
      for (int i = 0; i < 8; ++i) {
        if ((i & apart) != 0) continue;
        const Vec a = v[i];
        const Vec b = v[i + apart];
        v[i] = hn::Add(a, b);
        v[i + apart] = hn::Sub(a, b);
      }
    }
    TESSERA_UNROLL
    for (int i = 0; i < 8; ++i) hn::StoreU(hn::Mul(v[i], scale), d, x + i * stride + j);
  }
}

/// Packs slices of 16 columns of b: from[k * step + j * column].
struct SlicePacker {
  static constexpr Index chunk = 256;  ///< steps at once

  std::uint8_t form;
  const float* from;
  Index step, column, inner, columns;
  HWY_ALIGN float x[16 * chunk];  ///< [16, chunk]: steps of a column side by side
  HWY_ALIGN std::uint32_t groups[16 * chunk / 2];

  Index steps_from(Index first) const { return inner - first < chunk ? inner - first : chunk; }

  /// Steps of all columns from `first` on to `x`, rotated for int8.
  void fetch(Index first) {
    const Index steps = steps_from(first);
    const float* const start = from + first * step;
    if (step == 1) {
      for (Index j = 0; j < columns; ++j)
        std::memcpy(x + j * chunk, start + j * column, static_cast<std::size_t>(steps) * sizeof(float));
    } else {
      Index k = 0;
      for (; column == 1 && k + 4 <= steps; k += 4) {
        Index j = 0;
        for (; j + 4 <= columns; j += 4) turn_4x4(start + k * step + j, step, x + j * chunk + k, chunk, 1.0F);
        for (; j < columns; ++j)
          for (Index i = k; i < k + 4; ++i) x[j * chunk + i] = start[i * step + j];
      }
      for (; k < steps; ++k)
        for (Index j = 0; j < columns; ++j) x[j * chunk + k] = start[k * step + j * column];
    }
    for (Index k = 0; form == int8_panels && k + cpu::rotation_block <= steps; k += cpu::rotation_block)
      for (Index j = 0; j < columns; ++j) rotate_steps(x + j * chunk + k, 16, 16, 0.125F);
  }

  /// To the slice's place in a panel of `width` columns.
  HWY_NOINLINE void pack(std::uint8_t* to, Index width, float* scale, std::int32_t* sum) {
    const Index size = cpu::group_size(form);
    float inverse[16] = {};
    if (form == int8_panels) {
      Range range[16];
      for (Index first = 0; first < inner; first += chunk) {
        fetch(first);
        for (Index j = 0; j < columns; ++j) range[j].widen(range_of(x + j * chunk, steps_from(first)));
      }
      for (Index j = 0; j < 16; ++j) {
        const float most = range[j].high > -range[j].low ? range[j].high : -range[j].low;
        const bool zeros = most < cpu::least_range;
        inverse[j] = zeros ? 0.0F : 127.0F / most;
        scale[j] = (zeros ? 0.0F : most / 127.0F) + range[j].poison;
        sum[j] = 0;
      }
    }
    std::memset(groups, 0, sizeof groups);
    for (Index first = 0; first < inner; first += chunk) {
      fetch(first);
      const Index steps = steps_from(first);
      const Index count = cpu::group_count(form, steps);
      for (Index j = 0; j < columns; ++j) {
        auto* const bytes = reinterpret_cast<std::uint8_t*>(groups + j * (chunk / 2));
        if (form == bf16_panels)
          to_bf16_row(x + j * chunk, steps, count * size, bytes);
        else
          sum[j] += to_i8_row(x + j * chunk, steps, count * size, inverse[j], reinterpret_cast<std::int8_t*>(bytes));
      }
      auto* const out = reinterpret_cast<std::uint32_t*>(to) + first / size * width;
      Index k = 0;
      for (; k + 4 <= count; k += 4)
        for (Index j = 0; j < 16; j += 4)
          turn_groups(groups + j * (chunk / 2) + k, chunk / 2, out + k * width + j, width);
      for (; k < count; ++k)
        for (Index j = 0; j < 16; ++j) out[k * width + j] = groups[j * (chunk / 2) + k];
    }
  }
};

/// All of b into panels of a low precision.
inline void pack_low(std::uint8_t form, const float* from, Index step, Index column, Index inner, Index columns,
                     std::uint8_t* to, const Executor& executor) noexcept {
  const Index groups = cpu::group_count(form, inner);
  const Index padded = cpu::padded_columns(columns);
  auto* const scales = reinterpret_cast<float*>(to + 4 * groups * padded);
  auto* const sums = reinterpret_cast<std::int32_t*>(scales + padded);
  executor.parallel_for(padded / 16, [&](std::int64_t index) {
    const Index j = 16 * index;
    const Index panel = j / panel_width;
    const Index left = columns - j;
    SlicePacker slice;
    slice.form = form;
    slice.from = from + j * column;
    slice.step = step;
    slice.column = column;
    slice.inner = inner;
    slice.columns = left < 16 ? left : 16;
    slice.pack(to + 4 * (panel * panel_width * groups + j % panel_width), cpu::width_of_panel(columns, panel),
               scales + j, sums + j);
  });
}

/// Steps [first, first + count) of a panel as floats, [count, width]; `first` is the first of a block, and up to three
/// steps more are written.
HWY_NOINLINE inline void unpack_block(std::uint8_t form, const std::uint8_t* panel, Index width, Index first,
                                      Index count, const float* scale, float* to) {
  const F32 d;
  const I32 di;
  const Index size = cpu::group_size(form);
  const auto* from = reinterpret_cast<const std::int32_t*>(panel) + first / size * width;
  float* const start = to;
  for (Index k = 0; k < count; k += size, from += width, to += size * width) {
    for (Index j = 0; j < width; j += lanes()) {
      const auto group = hn::LoadU(di, from + j);
      if (form == bf16_panels) {
        hn::StoreU(hn::BitCast(d, hn::ShiftLeft<16>(group)), d, to + j);
        hn::StoreU(hn::BitCast(d, hn::ShiftLeft<16>(hn::ShiftRight<16>(group))), d, to + width + j);
      } else {
        const Vec factor = hn::LoadU(d, scale + j);
        const auto q0 = hn::ShiftRight<24>(hn::ShiftLeft<24>(group));
        const auto q1 = hn::ShiftRight<24>(hn::ShiftLeft<16>(group));
        const auto q2 = hn::ShiftRight<24>(hn::ShiftLeft<8>(group));
        const auto q3 = hn::ShiftRight<24>(group);
        hn::StoreU(hn::Mul(hn::ConvertTo(d, q0), factor), d, to + j);
        hn::StoreU(hn::Mul(hn::ConvertTo(d, q1), factor), d, to + width + j);
        hn::StoreU(hn::Mul(hn::ConvertTo(d, q2), factor), d, to + 2 * width + j);
        hn::StoreU(hn::Mul(hn::ConvertTo(d, q3), factor), d, to + 3 * width + j);
      }
    }
  }
  for (Index k = 0; form == int8_panels && k + cpu::rotation_block <= count; k += cpu::rotation_block)
    for (Index l = 0; l < 16; ++l) rotate_steps(start + (k + l) * width, 16 * width, width, 1.0F);
}

/// The product without dot-product instructions.
inline void multiply_unpacked(const LowGemm& g, Index row, Index row_end, Index panel, Index panel_end) {
  constexpr Index block = 2 * cpu::rotation_block;
  HWY_ALIGN float chunk[block * panel_width];
  const Index groups = cpu::group_count(g.form, g.inner);
  const auto* const scales = reinterpret_cast<const float*>(g.b + 4 * groups * cpu::padded_columns(g.columns));
  for (Index p = panel; p < panel_end; ++p) {
    const Index width = cpu::width_of_panel(g.columns, p);
    const Index left = g.columns - p * panel_width;
    for (Index k = 0; k < g.inner; k += block) {
      Gemm part;
      part.rows = row_end - row;
      part.columns = left < panel_width ? left : panel_width;
      part.inner = g.inner - k < block ? g.inner - k : block;
      unpack_block(g.form, g.b + 4 * p * panel_width * groups, width, k, part.inner, scales + p * panel_width, chunk);
      part.a = g.a + row * g.a_row + k;
      part.a_row = g.a_row;
      part.b = chunk;
      part.packed = true;
      part.panel_stride = part.inner * panel_width;
      part.bias = g.bias == nullptr ? nullptr : g.bias + p * panel_width;
      part.accumulate = k > 0;
      part.c = g.c + row * g.c_row + p * panel_width;
      part.c_row = g.c_row;
      if (k + block >= g.inner) part.activate = g.activate;
      run_gemm(part, Executor());
    }
  }
}

/// A linear by packed weights of a low precision. `scratch`: PreparedRows::bytes where the machine has dot products.
inline void run_low(const LowGemm& g, void* scratch, const Executor& executor) {
  if (g.rows == 0 || g.columns == 0) return;
  if (const cpu::LowCode code = low_code(g.form); code.tiles != nullptr && g.inner > 0) {
    const PreparedRows a = PreparedRows::in(scratch, g.form, g.rows, g.inner);
    cpu::multiply_rows(code, g, a, executor);
    return;
  }
  if (g.inner == 0) {
    for (Index r = 0; r < g.rows; ++r)
      for (Index j = 0; j < g.columns; ++j) g.c[r * g.c_row + j] = g.bias == nullptr ? 0.0F : g.bias[j];
    if (g.activate != nullptr) g.activate(g.c, g.c_row, g.rows, g.columns);
    return;
  }
  const cpu::LowCut cut = cpu::LowCut::of(g.rows, g.columns, g.inner);
  const Index panels = cpu::panel_count(g.columns);
  executor.parallel_for(cut.row_tiles * cut.column_tiles, [&](std::int64_t index) {
    const Index row_tile = index / cut.column_tiles;
    const Index column_tile = index % cut.column_tiles;
    multiply_unpacked(g, g.rows * row_tile / cut.row_tiles, g.rows * (row_tile + 1) / cut.row_tiles,
                      panels * column_tile / cut.column_tiles, panels * (column_tile + 1) / cut.column_tiles);
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
