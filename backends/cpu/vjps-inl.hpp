// Gradients: linear and matmul through the same product as forward, layer_norm, softmax and gelu by rows.
//
// TESSERA_CPU_GEMM names the product: cpu::gemm where it is compiled elsewhere, run_gemm where it is included.
#if defined(TESSERA_CPU_VJPS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_VJPS_INL
#undef TESSERA_CPU_VJPS_INL
#else
#define TESSERA_CPU_VJPS_INL
#endif

#include "tessera/backends/cpu/gemm.hpp"
#include "tessera/backends/cpu/norm-inl.hpp"
#include "tessera/base/assert.hpp"
#include "tessera/ops/gelu.hpp"
#include "tessera/ops/linear.hpp"
#include "tessera/ops/matmul.hpp"
#include "tessera/ops/softmax.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

/// sums[c] += sum over rows of y[r, c] (times z where there is one), columns [first, first + count). 32 rows at a time,
/// in four sums, so that many rows lose no more digits than few.
template <class Row>
HWY_INLINE void add_columns(Index rows, Index first, Index count, float* sums, const Row& row) {
  const F32 d;
  const Index step = lanes();
  for (Index c = 0; c < count; c += step) {
    const Index left = count - c < step ? count - c : step;
    Vec total = hn::Zero(d);
    for (Index block = 0; block < rows; block += 32) {
      Vec part[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
      const Index end = block + 32 < rows ? block + 32 : rows;
      Index r = block;
      for (; r + 4 <= end; r += 4) {
        part[0] = row(part[0], r, first + c, left);
        part[1] = row(part[1], r + 1, first + c, left);
        part[2] = row(part[2], r + 2, first + c, left);
        part[3] = row(part[3], r + 3, first + c, left);
      }
      for (; r < end; ++r) part[0] = row(part[0], r, first + c, left);
      total = hn::Add(total, hn::Add(hn::Add(part[0], part[1]), hn::Add(part[2], part[3])));
    }
    float* const sum = sums + first + c;
    if (left == step)
      hn::StoreU(hn::Add(hn::LoadU(d, sum), total), d, sum);
    else
      store_some(hn::Add(load_some(sum, left), total), sum, left);
  }
}

HWY_INLINE Vec load_part(const float* p, Index count) {
  return count == lanes() ? hn::LoadU(F32(), p) : load_some(p, count);
}

HWY_NOINLINE inline void sum_columns(const View& y, Index first, Index count, float* sums) {
  add_columns(y.rows(), first, count, sums, [&](Vec part, Index r, Index c, Index left) HWY_ATTR {
    return hn::Add(part, load_part(y.row<float>(r) + c, left));
  });
}

/// Calls f(first column, columns) for tiles of 64 columns.
template <class F>
inline void for_each_columns(const Executor& executor, Index rows, Index columns, const F& f) {
  if (rows * columns < 2 * memory_elements_each) {
    f(Index{0}, columns);
    return;
  }
  executor.parallel_for((columns + 63) / 64,
                        [&](std::int64_t i) { f(i * 64, columns - i * 64 < 64 ? columns - i * 64 : Index{64}); });
}

inline void linear_vjp(const VjpCall& call) {
  const View& x = call.in[op::linear::x];
  const View& weight = call.in[op::linear::weight];
  const View& dout = call.out_grad;
  const bool in_out = call.as<op::linear>().in_out;
  const Index inputs = x.columns();
  const Index outputs = dout.columns();
  if (const View& dx = call.in_grad[op::linear::x]; dx.data != nullptr) {
    TESSERA_ASSERT(weight.packing == 0, "linear: gradients need the plain weight");
    cpu::Gemm g;
    g.rows = x.rows();
    g.inner = outputs;
    g.columns = inputs;
    g.a = dout.as<float>();
    g.a_row = dout.row_stride;
    g.b = weight.as<float>();
    g.b_step = in_out ? 1 : weight.row_stride;
    g.b_column = in_out ? weight.row_stride : 1;
    g.accumulate = true;
    g.c = dx.as<float>();
    g.c_row = dx.row_stride;
    TESSERA_CPU_GEMM(g, *call.executor);
  }
  if (const View& dw = call.in_grad[op::linear::weight]; dw.data != nullptr) {
    // Row w of dW sums the rows of one side, each times column w of the other side.
    const View& column = in_out ? x : dout;
    const View& row = in_out ? dout : x;
    cpu::Gemm g;
    g.rows = column.columns();
    g.inner = x.rows();
    g.columns = row.columns();
    g.a = column.as<float>();
    g.a_row = 1;
    g.a_step = column.row_stride;
    g.b = row.as<float>();
    g.b_step = row.row_stride;
    g.b_column = 1;
    g.accumulate = true;
    g.c = dw.as<float>();
    g.c_row = dw.row_stride;
    TESSERA_CPU_GEMM(g, *call.executor);
  }
  if (const View& db = call.in_grad[op::linear::bias]; db.data != nullptr)
    for_each_columns(*call.executor, dout.rows(), outputs,
                     [&](Index first, Index count) { sum_columns(dout, first, count, db.as<float>()); });
}

inline void matmul_vjp(const VjpCall& call) {
  const View& a = call.in[op::matmul::a];
  const View& b = call.in[op::matmul::b];
  const View& dout = call.out_grad;
  const auto& attributes = call.as<op::matmul>();
  cpu::Gemm g;
  g.batch = a.dim[0] * a.dim[1];
  g.scale = static_cast<float>(attributes.scale);
  g.accumulate = true;
  const Index dout_batch = dout.dim[2] * dout.row_stride;
  if (const View& da = call.in_grad[op::matmul::a]; da.data != nullptr) {
    cpu::Gemm p = g;  // dout b^T, or dout b
    p.rows = dout.dim[2];
    p.inner = dout.dim[3];
    p.columns = a.dim[3];
    p.a = dout.as<float>();
    p.a_row = dout.row_stride;
    p.a_batch = dout_batch;
    p.b = b.as<float>();
    p.b_step = attributes.transpose_b ? b.row_stride : 1;
    p.b_column = attributes.transpose_b ? 1 : b.row_stride;
    p.b_batch = b.dim[2] * b.row_stride;
    p.c = da.as<float>();
    p.c_row = da.row_stride;
    p.c_batch = da.dim[2] * da.row_stride;
    TESSERA_CPU_GEMM(p, *call.executor);
  }
  if (const View& db = call.in_grad[op::matmul::b]; db.data != nullptr) {
    const View& left = attributes.transpose_b ? dout : a;  // dout^T a, or a^T dout
    const View& right = attributes.transpose_b ? a : dout;
    cpu::Gemm p = g;
    p.rows = left.dim[3];
    p.inner = left.dim[2];
    p.columns = right.dim[3];
    p.a = left.as<float>();
    p.a_row = 1;
    p.a_step = left.row_stride;
    p.a_batch = left.dim[2] * left.row_stride;
    p.b = right.as<float>();
    p.b_step = right.row_stride;
    p.b_column = 1;
    p.b_batch = right.dim[2] * right.row_stride;
    p.c = db.as<float>();
    p.c_row = db.row_stride;
    p.c_batch = db.dim[2] * db.row_stride;
    TESSERA_CPU_GEMM(p, *call.executor);
  }
}

/// dx += (g - mean(g) - z mean(g z)) / deviation with z the normalised row and g = dy * weight.
HWY_NOINLINE inline void norm_row_vjp(const float* x, const float* dy, const float* weight, const Moments& moments,
                                      Index count, float* dx) {
  const F32 d;
  const Index step = lanes();
  const Vec mean = constant(moments.mean);
  const Vec inverse = constant(moments.inverse_deviation);
  Vec g0 = hn::Zero(d), gz0 = g0, g1 = g0, gz1 = g0;
  Index j = 0;
  const auto add_to = [&](Vec x_of, Vec dy_of, Vec w, Vec& sum, Vec& sum_z) HWY_ATTR {
    const Vec g = hn::Mul(dy_of, w);
    sum = hn::Add(sum, g);
    sum_z = hn::MulAdd(g, hn::Mul(hn::Sub(x_of, mean), inverse), sum_z);
  };
  for (; j + 2 * step <= count; j += 2 * step) {
    add_to(hn::LoadU(d, x + j), hn::LoadU(d, dy + j), hn::LoadU(d, weight + j), g0, gz0);
    add_to(hn::LoadU(d, x + j + step), hn::LoadU(d, dy + j + step), hn::LoadU(d, weight + j + step), g1, gz1);
  }
  for (; j < count; j += step) {
    const Index left = count - j < step ? count - j : step;
    add_to(load_part(x + j, left), load_part(dy + j, left), load_part(weight + j, left), g0, gz0);
  }
  const float n = static_cast<float>(count);
  const Vec mean_g = constant(hn::GetLane(hn::SumOfLanes(d, hn::Add(g0, g1))) / n);
  const Vec mean_gz = constant(hn::GetLane(hn::SumOfLanes(d, hn::Add(gz0, gz1))) / n);
  for (j = 0; j < count; j += step) {
    const Index left = count - j < step ? count - j : step;
    const Vec z = hn::Mul(hn::Sub(load_part(x + j, left), mean), inverse);
    const Vec g = hn::Mul(load_part(dy + j, left), load_part(weight + j, left));
    const Vec change = hn::NegMulAdd(z, mean_gz, hn::Sub(g, mean_g));
    const Vec sum = hn::MulAdd(change, inverse, load_part(dx + j, left));
    if (left == step)
      hn::StoreU(sum, d, dx + j);
    else
      store_some(sum, dx + j, left);
  }
}

HWY_NOINLINE inline void sum_normalised(const View& x, const View& dy, const Moments* moments, Index first, Index count,
                                        float* sums) {
  add_columns(x.rows(), first, count, sums, [&](Vec part, Index r, Index c, Index left) HWY_ATTR {
    const Vec z = hn::Mul(hn::Sub(load_part(x.row<float>(r) + c, left), constant(moments[r].mean)),
                          constant(moments[r].inverse_deviation));
    return hn::MulAdd(load_part(dy.row<float>(r) + c, left), z, part);
  });
}

inline void layer_norm_vjp(const VjpCall& call) {
  const View& x = call.in[op::layer_norm::x];
  const View& dout = call.out_grad;
  const View& dx = call.in_grad[op::layer_norm::x];
  const View& dw = call.in_grad[op::layer_norm::weight];
  const View& db = call.in_grad[op::layer_norm::bias];
  const float* const weight = call.in[op::layer_norm::weight].as<float>();
  const double eps = call.as<op::layer_norm>().eps;
  const Index columns = x.columns();
  Moments* const moments = static_cast<Moments*>(call.scratch);
  const Index each = columns < norm_elements_each ? norm_elements_each : columns + 1;
  for_each_tile(*call.executor, x.rows(), columns, each, [&](Index r, Index, Index) {
    moments[r] = moments_of(x.row<float>(r), columns, eps);
    if (dx.data != nullptr)
      norm_row_vjp(x.row<float>(r), dout.row<float>(r), weight, moments[r], columns, dx.row<float>(r));
  });
  if (dw.data == nullptr && db.data == nullptr) return;
  for_each_columns(*call.executor, x.rows(), columns, [&](Index first, Index count) {
    if (dw.data != nullptr) sum_normalised(x, dout, moments, first, count, dw.as<float>());
    if (db.data != nullptr) sum_columns(dout, first, count, db.as<float>());
  });
}

inline std::size_t layer_norm_vjp_scratch(const VjpCall& call) {
  return static_cast<std::size_t>(call.in[op::layer_norm::x].rows()) * sizeof(Moments);
}

/// ds += p (dp - sum_j dp_j p_j) slope, for keys [0, end); the slope is 0 from `seen` on unless the fill adds.
HWY_NOINLINE inline void softmax_row_vjp(const float* p, const float* dp, const float* keep, Index seen, Index end,
                                         Fill fill, float* ds) {
  const F32 d;
  const Index step = lanes();
  Vec sum = hn::Zero(d);
  for (Index j = 0; j < end; j += step) {
    const Index left = end - j < step ? end - j : step;
    sum = hn::MulAdd(load_part(p + j, left), load_part(dp + j, left), sum);
  }
  const Vec mean = constant(hn::GetLane(hn::SumOfLanes(d, sum)));
  const Index last = fill == Fill::add || seen > end ? end : seen;
  for (Index j = 0; j < last; j += step) {
    const Index left = last - j < step ? last - j : step;
    Vec slope = constant(1.0F);
    if (keep != nullptr && fill != Fill::add) {
      slope = load_part(keep + j, left);
      if (fill == Fill::set) slope = hn::IfThenElse(hn::Eq(slope, hn::Zero(d)), slope, constant(1.0F));
    }
    const Vec change = hn::Mul(load_part(p + j, left), hn::Sub(load_part(dp + j, left), mean));
    const Vec total = hn::MulAdd(change, slope, load_part(ds + j, left));
    if (left == step)
      hn::StoreU(total, d, ds + j);
    else
      store_some(total, ds + j, left);
  }
}

inline void softmax_vjp(const VjpCall& call) {
  const View& grad = call.in_grad[op::softmax::scores];
  if (grad.data == nullptr) return;
  const View& offsets = call.in[op::softmax::offsets];
  const View& keep = call.in[op::softmax::keep];
  const Visibility& visibility = call.as<op::softmax>().visibility;
  const Index heads = grad.dim[1];
  const Index queries = grad.dim[2];
  const Index keys = grad.dim[3];
  const Index each = keys < elements_each ? elements_each : keys + 1;
  for_each_tile(*call.executor, grad.rows(), keys, each, [&](Index r, Index, Index) {
    const Index text = r / (heads * queries);
    const Index query = r % queries;
    const Index memory = keys - queries;
    Index end = keys;
    if (offsets.present()) {
      const std::int32_t* const first = offsets.as<std::int32_t>();
      const Index length = first[text + 1] - first[text];
      end = query < length ? memory + length : 0;
    }
    const float* kept = nullptr;
    if (keep.present()) kept = keep.rank == 2 ? keep.row<float>(text) : keep.row<float>(text * queries + query);
    softmax_row_vjp(call.out.row<float>(r), call.out_grad.row<float>(r), kept,
                    visibility.causal ? query + memory + 1 : end, end, visibility.fill, grad.row<float>(r));
  });
}

HWY_NOINLINE inline void gelu_row_vjp(const float* x, const float* dy, Index count, float* dx) {
  const F32 d;
  const Index step = lanes();
  for (Index j = 0; j < count; j += step) {
    const Index left = count - j < step ? count - j : step;
    const Vec sum = hn::MulAdd(load_part(dy + j, left), gelu_slope(load_part(x + j, left)), load_part(dx + j, left));
    if (left == step)
      hn::StoreU(sum, d, dx + j);
    else
      store_some(sum, dx + j, left);
  }
}

inline void gelu_vjp(const VjpCall& call) {
  const View& x = call.in[op::gelu::x];
  const View& dx = call.in_grad[op::gelu::x];
  if (dx.data == nullptr) return;
  const Span span = call.out_grad.contiguous() ? span_of(x, dx) : Span{x.rows(), x.columns()};
  for_each_tile(*call.executor, span.rows, span.columns, elements_each, [&](Index r, Index first, Index count) {
    gelu_row_vjp(x.row<float>(r) + first, call.out_grad.row<float>(r) + first, count, dx.row<float>(r) + first);
  });
}

/// Sets what this backend has; the caller fills the rest.
inline void set_vjps(Vjps& v) {
  v.set(OpId::linear, &linear_vjp)
      .set(OpId::matmul, &matmul_vjp)
      .set(OpId::layer_norm, &layer_norm_vjp, &layer_norm_vjp_scratch)
      .set(OpId::softmax, &softmax_vjp)
      .set(OpId::gelu, &gelu_vjp);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
