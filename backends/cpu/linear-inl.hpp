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

/// Room for the rows in the weight's precision.
inline std::size_t linear_scratch(const Call& call) {
  const View& x = call.in[op::linear::x];
  const std::uint8_t form = call.in[op::linear::weight].packing;
  if (!is_low(call.in[op::linear::weight]) || low_code(form).tiles == nullptr) return 0;
  return PreparedRows::bytes(form, x.rows(), x.columns());
}

inline void linear_low(const Call& call) {
  const View& x = call.in[op::linear::x];
  LowGemm g;
  g.form = call.in[op::linear::weight].packing;
  g.rows = x.rows();
  g.inner = x.columns();
  g.columns = call.out.columns();
  g.a = x.as<float>();
  g.a_row = x.row_stride;
  g.b = call.in[op::linear::weight].as<std::uint8_t>();
  g.bias = call.in[op::linear::bias].as<float>();
  g.c = call.out.as<float>();
  g.c_row = call.out.row_stride;
  run_low(g, call.scratch, *call.executor);
}

inline void linear(const Call& call) {
  const View& x = call.in[op::linear::x];
  const View& weight = call.in[op::linear::weight];
  if (is_low(weight)) return linear_low(call);
  Gemm g;
  g.rows = x.rows();
  g.inner = x.columns();
  g.columns = call.out.columns();
  g.a = x.as<float>();
  g.a_row = x.row_stride;
  g.b = weight.as<float>();
  if (weight.packing == cpu::f32_panels) {
    g.packed = true;
    g.panel_stride = g.inner * panel_width;
  } else if (call.as<op::linear>().in_out) {
    g.b_step = weight.row_stride;
    g.b_column = 1;
  } else {
    g.b_step = 1;
    g.b_column = weight.row_stride;
  }
  g.bias = call.in[op::linear::bias].as<float>();
  g.c = call.out.as<float>();
  g.c_row = call.out.row_stride;
  run_gemm(g, *call.executor);
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
