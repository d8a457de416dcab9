// Ops that make rows or put them together: concat, zeros, sinusoids.
#if defined(TESSERA_CPU_MAKE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_MAKE_INL
#undef TESSERA_CPU_MAKE_INL
#else
#define TESSERA_CPU_MAKE_INL
#endif

#include <cmath>

#include "tessera/backends/cpu/rows-inl.hpp"
#include "tessera/ops/concat.hpp"
#include "tessera/ops/sinusoids.hpp"
#include "tessera/ops/zeros.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

/// Rows [first, first + count) of all rows of `in`, which go to `row_step` floats apart from `to` on.
inline void copy_rows(const View& in, Index first, Index count, float* to, Index row_step) {
  if (row_step == in.columns() && in.contiguous()) return copy_floats(in.row<float>(first), to, count * in.columns());
  for (Index r = 0; r < count; ++r) copy_floats(in.row<float>(first + r), to + r * row_step, in.columns());
}

/// A tile is one input of one piece, in parts of whole rows.
inline void concat(const Call& call) {
  const Index outer = call.as<op::concat>().outer;
  if (outer == 0) return;
  const Index piece = call.out.count() / outer;
  Index column = 0;  // where an input begins in each piece
  for (int i = 0; i < max_inputs; ++i) {
    const View& in = call.in[i];
    if (!in.present() || in.count() == 0) continue;
    const Index rows = in.rows() / outer, width = in.columns();
    if (rows == 1) {
      // Columns: whole rows of the result, some at a time.
      const Index each = memory_elements_each / width + 1;
      const auto some = [&](std::int64_t t) {
        for (Index o = t * each; o < outer && o < (t + 1) * each; ++o)
          copy_floats(in.row<float>(o), call.out.as<float>() + o * piece + column, width);
      };
      if (in.count() < 2 * memory_elements_each)
        for (Index t = 0; t * each < outer; ++t) some(t);
      else
        call.executor->parallel_for((outer + each - 1) / each, some);
    } else {
      const Index each = memory_elements_each / width + 1, parts = (rows + each - 1) / each;
      const auto some = [&](std::int64_t t) {
        const Index o = t / parts, first = t % parts * each;
        const Index count = rows - first < each ? rows - first : each;
        copy_rows(in, o * rows + first, count, call.out.as<float>() + o * piece + column + first * width, width);
      };
      if (in.count() < 2 * memory_elements_each)
        for (Index t = 0; t < outer * parts; ++t) some(t);
      else
        call.executor->parallel_for(outer * parts, some);
    }
    column += rows * width;
  }
}

inline void zeros(const Call& call) {
  if (call.out.count() > 0) std::memset(call.out.data, 0, call.out.bytes());
}

/// One row from that above it, whose angles are `step` frequencies away: sin(a + s) = sin a cos s + cos a sin s. In
/// double, so that a tile of rows loses nothing that a float has.
HWY_NOINLINE inline void rotate(double* sine, double* cosine, const double* step_sine, const double* step_cosine,
                                Index half) {
  for (Index i = 0; i < half; ++i) {
    const double s = sine[i] * step_cosine[i] + cosine[i] * step_sine[i];
    cosine[i] = cosine[i] * step_cosine[i] - sine[i] * step_sine[i];
    sine[i] = s;
  }
}

inline constexpr Index sinusoid_rows = 64;     ///< of a tile, which begins with angles computed anew
inline constexpr Index sinusoid_columns = 64;  ///< frequencies at a time

/// Columns [first, first + count) of the frequencies, rows [top, end).
HWY_NOINLINE inline void sinusoid_tile(const Call& call, Index top, Index end, Index first, Index count) {
  const View& given = call.in[op::sinusoids::frequencies];
  const std::int32_t* const positions = call.in[op::sinusoids::positions].as<const std::int32_t>();
  const Index half = call.out.columns() / 2;
  double frequency[sinusoid_columns], sine[sinusoid_columns], cosine[sinusoid_columns];
  double step_sine[sinusoid_columns], step_cosine[sinusoid_columns];
  for (Index i = 0; i < count; ++i)
    frequency[i] = given.present() ? static_cast<double>(given.as<const float>()[first + i])
                                   : std::pow(10000.0, -static_cast<double>(first + i) / static_cast<double>(half));
  std::int32_t step = 0;
  for (Index r = top; r < end; ++r) {
    const std::int32_t moved = r > top ? positions[r] - positions[r - 1] : 0;
    if (r == top) {
      for (Index i = 0; i < count; ++i) {
        sine[i] = std::sin(frequency[i] * positions[r]);
        cosine[i] = std::cos(frequency[i] * positions[r]);
      }
    } else if (moved != 0) {
      if (moved != step) {
        step = moved;
        for (Index i = 0; i < count; ++i) {
          step_sine[i] = std::sin(frequency[i] * step);
          step_cosine[i] = std::cos(frequency[i] * step);
        }
      }
      rotate(sine, cosine, step_sine, step_cosine, count);
    }
    float* const y = call.out.row<float>(r) + first;
    for (Index i = 0; i < count; ++i) {
      y[i] = static_cast<float>(sine[i]);
      y[half + i] = static_cast<float>(cosine[i]);
    }
  }
}

inline void sinusoids(const Call& call) {
  const Index rows = call.out.rows(), half = call.out.columns() / 2;
  const Index down = (rows + sinusoid_rows - 1) / sinusoid_rows;
  const Index across = (half + sinusoid_columns - 1) / sinusoid_columns;
  call.executor->parallel_for(down * across, [&](std::int64_t t) {
    const Index top = t / across * sinusoid_rows, first = t % across * sinusoid_columns;
    sinusoid_tile(call, top, top + sinusoid_rows < rows ? top + sinusoid_rows : rows, first,
                  first + sinusoid_columns < half ? sinusoid_columns : half - first);
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
