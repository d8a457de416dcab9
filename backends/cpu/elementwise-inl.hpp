// gelu, gelu_tanh, tanh, relu, swish, add, multiply, bias, scale: one pass over rows, cut into tiles of 8192 elements
// (about a microsecond of gelu).
#if defined(TESSERA_CPU_ELEMENTWISE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_ELEMENTWISE_INL
#undef TESSERA_CPU_ELEMENTWISE_INL
#else
#define TESSERA_CPU_ELEMENTWISE_INL
#endif

#include "tessera/backends/cpu/math-inl.hpp"
#include "tessera/ops/scale.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

/// Calls f(row, first column, columns) for tiles of about `size` elements; serially when there are fewer than two.
template <class F>
inline void for_each_tile(const Executor& executor, Index rows, Index columns, Index size, const F& f) {
  if (rows == 0 || columns == 0) return;
  if (rows * columns < 2 * size) {
    for (Index r = 0; r < rows; ++r) f(r, Index{0}, columns);
    return;
  }
  if (columns >= size) {
    const Index parts = columns / size;
    executor.parallel_for(rows * parts, [&](std::int64_t i) {
      const Index part = i % parts;
      const Index first = columns * part / parts / 16 * 16;
      const Index end = part + 1 == parts ? columns : columns * (part + 1) / parts / 16 * 16;
      f(i / parts, first, end - first);
    });
    return;
  }
  const Index each = (size + columns - 1) / columns;
  executor.parallel_for((rows + each - 1) / each, [&](std::int64_t i) {
    for (Index r = i * each; r < rows && r < (i + 1) * each; ++r) f(r, Index{0}, columns);
  });
}

/// Calls f(first row, end) for tiles of whole rows of about `size` elements; serially when there are fewer than two.
template <class F>
inline void for_each_row_tile(const Executor& executor, Index rows, Index columns, Index size, const F& f) {
  if (rows == 0 || columns == 0) return;
  if (rows * columns < 2 * size) return f(Index{0}, rows);
  const Index each = (size + columns - 1) / columns;
  executor.parallel_for((rows + each - 1) / each,
                        [&](std::int64_t i) { f(i * each, (i + 1) * each < rows ? (i + 1) * each : rows); });
}

inline constexpr Index elements_each = 8192;

/// Rows and columns of an elementwise op: one long row when there are no gaps.
struct Span {
  Index rows;
  Index columns;
};
inline Span span_of(const View& a, const View& b) {
  if (a.contiguous() && b.contiguous()) return {1, a.count()};
  return {a.rows(), a.columns()};
}

// Op: static Vec of(Vec x). A struct, as pointers to functions with vectors in their signature differ by target.
template <class Op>
HWY_NOINLINE inline void map_row(const float* x, float* y, Index count) {
  const F32 d;
  const Index step = lanes();
  Index j = 0;
  for (; j + step <= count; j += step) hn::StoreU(Op::of(hn::LoadU(d, x + j)), d, y + j);
  if (j < count) store_some(Op::of(load_some(x + j, count - j)), y + j, count - j);
}

template <class Op>
inline void map(const Call& call) {
  const View& in = call.in[0];
  const View& out = call.out;
  const Span span = span_of(in, out);
  for_each_tile(*call.executor, span.rows, span.columns, elements_each, [&](Index r, Index first, Index count) {
    map_row<Op>(in.row<float>(r) + first, out.row<float>(r) + first, count);
  });
}

struct Gelu {
  static HWY_INLINE Vec of(Vec x) { return gelu_of(x); }
};
struct GeluTanh {
  static HWY_INLINE Vec of(Vec x) { return gelu_tanh_of(x); }
};
struct Tanh {
  static HWY_INLINE Vec of(Vec x) { return tanh_of(x); }
};
struct Relu {
  static HWY_INLINE Vec of(Vec x) { return relu_of(x); }
};
struct Swish {
  static HWY_INLINE Vec of(Vec x) { return swish_of(x); }
};
struct Exp {
  static HWY_INLINE Vec of(Vec x) { return exp_any(x); }
};

struct Sum {
  static HWY_INLINE Vec of(Vec a, Vec b) { return hn::Add(a, b); }
  static HWY_INLINE float of(float a, float b) { return a + b; }
};
struct Product {
  static HWY_INLINE Vec of(Vec a, Vec b) { return hn::Mul(a, b); }
  static HWY_INLINE float of(float a, float b) { return a * b; }
};

template <class Op>
HWY_NOINLINE inline void pair_row(const float* a, const float* b, float* y, Index count) {
  const F32 d;
  const Index step = lanes();
  Index j = 0;
  for (; j + step <= count; j += step) hn::StoreU(Op::of(hn::LoadU(d, a + j), hn::LoadU(d, b + j)), d, y + j);
  for (; j < count; ++j) y[j] = Op::of(a[j], b[j]);
}

HWY_NOINLINE inline void scale_row(const float* x, float factor, float* y, Index count) {
  const F32 d;
  const Index step = lanes();
  const Vec f = constant(factor);
  Index j = 0;
  for (; j + step <= count; j += step) hn::StoreU(hn::Mul(hn::LoadU(d, x + j), f), d, y + j);
  for (; j < count; ++j) y[j] = x[j] * factor;
}

inline constexpr Index memory_elements_each = 32768;  // add, multiply, bias, scale: as fast as the memory

template <class Op>
inline void pairs(const Call& call) {
  const View& a = call.in[0];
  const View& b = call.in[1];
  const View& out = call.out;
  const Span span = b.contiguous() ? span_of(a, out) : Span{a.rows(), a.columns()};
  for_each_tile(*call.executor, span.rows, span.columns, memory_elements_each, [&](Index r, Index first, Index count) {
    pair_row<Op>(a.row<float>(r) + first, b.row<float>(r) + first, out.row<float>(r) + first, count);
  });
}

inline void bias(const Call& call) {
  const View& x = call.in[0];
  const float* const b = call.in[1].as<float>();
  const View& out = call.out;
  for_each_tile(*call.executor, x.rows(), x.columns(), memory_elements_each, [&](Index r, Index first, Index count) {
    pair_row<Sum>(x.row<float>(r) + first, b + first, out.row<float>(r) + first, count);
  });
}

inline void scale(const Call& call) {
  const View& x = call.in[0];
  const View& out = call.out;
  const float factor = static_cast<float>(call.as<op::scale>().factor);
  const Span span = span_of(x, out);
  for_each_tile(*call.executor, span.rows, span.columns, memory_elements_each, [&](Index r, Index first, Index count) {
    scale_row(x.row<float>(r) + first, factor, out.row<float>(r) + first, count);
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
