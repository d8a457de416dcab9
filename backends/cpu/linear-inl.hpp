// linear and matmul: both are one call of the matrix product.
#if defined(TESSERA_CPU_LINEAR_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_LINEAR_INL
#undef TESSERA_CPU_LINEAR_INL
#else
#define TESSERA_CPU_LINEAR_INL
#endif

#include "tessera/backends/cpu/gemm-inl.hpp"
#include "tessera/backends/cpu/gemm_low-inl.hpp"
#include "tessera/context/backend.hpp"
#include "tessera/ops/linear.hpp"
#include "tessera/ops/matmul.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

inline bool is_low(const View& weight) { return weight.packing == bf16_panels || weight.packing == int8_panels; }

/// A linear of rows that lie in memory: c = activate(a w + bias).
struct RowLinear {
  const float* a = nullptr;
  Index a_row = 0;
  Index rows = 0;
  const View* weight = nullptr;
  bool in_out = false;
  const float* bias = nullptr;
  Activate activate = nullptr;
  float* c = nullptr;
  Index c_row = 0;

  Index inner() const { return weight->dim[in_out ? 0 : 1]; }
  Index columns() const { return weight->dim[in_out ? 1 : 0]; }
};

inline LowGemm low_product(const RowLinear& l) {
  LowGemm g;
  g.form = l.weight->packing;
  g.rows = l.rows;
  g.inner = l.inner();
  g.columns = l.columns();
  g.a = l.a;
  g.a_row = l.a_row;
  g.b = l.weight->as<std::uint8_t>();
  g.bias = l.bias;
  g.activate = l.activate;
  g.c = l.c;
  g.c_row = l.c_row;
  return g;
}

inline Gemm product(const RowLinear& l) {
  Gemm g;
  g.rows = l.rows;
  g.inner = l.inner();
  g.columns = l.columns();
  g.a = l.a;
  g.a_row = l.a_row;
  g.b = l.weight->as<float>();
  if (l.weight->packing == cpu::f32_panels) {
    g.packed = true;
    g.panel_stride = g.inner * panel_width;
  } else {
    g.b_step = l.in_out ? l.weight->row_stride : 1;
    g.b_column = l.in_out ? 1 : l.weight->row_stride;
  }
  g.bias = l.bias;
  g.activate = l.activate;
  g.c = l.c;
  g.c_row = l.c_row;
  return g;
}

/// Room for `rows` rows in the weight's precision.
inline std::size_t bytes_of_prepared(const View& weight, Index rows, Index inner) {
  if (!is_low(weight) || low_code(weight.packing).tiles == nullptr) return 0;
  return PreparedRows::bytes(weight.packing, rows, inner);
}

inline void run_linear(const RowLinear& l, void* scratch, const Executor& executor) {
  if (is_low(*l.weight))
    run_low(low_product(l), scratch, executor);
  else
    run_gemm(product(l), executor);
}

inline std::size_t linear_scratch(const Call& call) {
  const View& x = call.in[op::linear::x];
  return bytes_of_prepared(call.in[op::linear::weight], x.rows(), x.columns());
}

inline void linear(const Call& call) {
  const View& x = call.in[op::linear::x];
  RowLinear l;
  l.a = x.as<float>();
  l.a_row = x.row_stride;
  l.rows = x.rows();
  l.weight = &call.in[op::linear::weight];
  l.in_out = call.as<op::linear>().in_out;
  l.bias = call.in[op::linear::bias].as<float>();
  l.c = call.out.as<float>();
  l.c_row = call.out.row_stride;
  run_linear(l, call.scratch, *call.executor);
}

inline void matmul(const Call& call) {
  const View& a = call.in[op::matmul::a];
  const View& b = call.in[op::matmul::b];
  const auto& attributes = call.as<op::matmul>();
  Gemm g;
  g.batch = a.dim[0] * a.dim[1];
  g.rows = a.dim[2];
  g.inner = a.dim[3];
  g.columns = call.out.columns();
  g.a = a.as<float>();
  g.a_row = a.row_stride;
  g.a_batch = a.dim[2] * a.row_stride;
  g.b = b.as<float>();
  g.b_step = attributes.transpose_b ? 1 : b.row_stride;
  g.b_column = attributes.transpose_b ? b.row_stride : 1;
  g.b_batch = b.dim[2] * b.row_stride;
  g.scale = static_cast<float>(attributes.scale);
  g.c = call.out.as<float>();
  g.c_row = call.out.row_stride;
  g.c_batch = call.out.dim[2] * call.out.row_stride;
  run_gemm(g, *call.executor);
}

/// The packed form of a linear's weight; 0: it stays plain.
inline std::uint8_t packed_form(const View& stored, ParamUse use, Precision precision) {
  if (stored.rank != 2 || (use != ParamUse::matrix && use != ParamUse::matrix_io)) return 0;
  const Index inner = stored.dim[use == ParamUse::matrix_io ? 0 : 1];
  if (precision == Precision::bf16) return bf16_panels;
  if (precision == Precision::int8 && inner <= cpu::longest_int8_sum) return int8_panels;
  return cpu::f32_panels;
}

inline std::size_t packed_bytes(const View& stored, ParamUse use, Precision precision) {
  const std::uint8_t form = packed_form(stored, use, precision);
  if (form == 0) return 0;
  const bool in_out = use == ParamUse::matrix_io;
  const Index inner = stored.dim[in_out ? 0 : 1];
  const Index columns = stored.dim[in_out ? 1 : 0];
  if (form != cpu::f32_panels) return cpu::packed_bytes_low(form, inner, columns);
  return static_cast<std::size_t>(cpu::packed_count(inner, columns)) * sizeof(float);
}

inline View pack_weight(const View& plain, ParamUse use, Precision precision, void* destination,
                        const Executor& executor) {
  const bool in_out = use == ParamUse::matrix_io;
  const Index inner = plain.dim[in_out ? 0 : 1];
  const Index columns = plain.dim[in_out ? 1 : 0];
  const Index step = in_out ? plain.row_stride : 1;
  const Index column = in_out ? 1 : plain.row_stride;
  View packed = plain;
  packed.data = destination;
  packed.packing = packed_form(plain, use, precision);
  if (packed.packing == cpu::f32_panels)
    pack(plain.as<const float>(), step, column, inner, columns, 1.0F, static_cast<float*>(destination),
         inner * panel_width, executor);
  else
    pack_low(packed.packing, plain.as<const float>(), step, column, inner, columns,
             static_cast<std::uint8_t*>(destination), executor);
  return packed;
}

inline bool supports(Precision) { return true; }

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
