// linear and matmul: both are one call of the matrix product.
#if defined(TESSERA_CPU_LINEAR_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_LINEAR_INL
#undef TESSERA_CPU_LINEAR_INL
#else
#define TESSERA_CPU_LINEAR_INL
#endif

#include "tessera/backends/cpu/gemm-inl.hpp"
#include "tessera/context/backend.hpp"
#include "tessera/ops/linear.hpp"
#include "tessera/ops/matmul.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

inline void linear(const Call& call) {
  const View& x = call.in[op::linear::x];
  const View& weight = call.in[op::linear::weight];
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

/// Linears are packed for every precision in f32: narrower forms come with their own id.
inline std::size_t packed_bytes(const View& stored, ParamUse use, Precision) {
  if (stored.rank != 2 || (use != ParamUse::matrix && use != ParamUse::matrix_io)) return 0;
  const bool in_out = use == ParamUse::matrix_io;
  return static_cast<std::size_t>(cpu::packed_count(stored.dim[in_out ? 0 : 1], stored.dim[in_out ? 1 : 0])) *
         sizeof(float);
}

inline View pack_weight(const View& plain, ParamUse use, Precision, void* destination, const Executor& executor) {
  const bool in_out = use == ParamUse::matrix_io;
  const Index inner = plain.dim[in_out ? 0 : 1];
  const Index columns = plain.dim[in_out ? 1 : 0];
  pack(plain.as<const float>(), in_out ? plain.row_stride : 1, in_out ? 1 : plain.row_stride, inner, columns, 1.0F,
       static_cast<float*>(destination), inner * panel_width, executor);
  View packed = plain;
  packed.data = destination;
  packed.packing = cpu::f32_panels;
  return packed;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
