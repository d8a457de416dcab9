// The table of forward kernels, for one target.
#if defined(TESSERA_CPU_KERNELS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_KERNELS_INL
#undef TESSERA_CPU_KERNELS_INL
#else
#define TESSERA_CPU_KERNELS_INL
#endif

#include "tessera/backends/cpu/attention-inl.hpp"
#include "tessera/backends/cpu/elementwise-inl.hpp"
#include "tessera/backends/cpu/feed_forward-inl.hpp"
#include "tessera/backends/cpu/likelihood-inl.hpp"
#include "tessera/backends/cpu/linear-inl.hpp"
#include "tessera/backends/cpu/make-inl.hpp"
#include "tessera/backends/cpu/norm-inl.hpp"
#include "tessera/backends/cpu/rows-inl.hpp"
#include "tessera/backends/cpu/softmax-inl.hpp"
#include "tessera/context/backend.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

/// Sets what this backend has; the caller fills the rest.
inline void set_kernels(Kernels& k) {
  k.set(OpId::linear, &linear, &linear_scratch)
      .divide(OpId::linear)
      .set(OpId::feed_forward, &feed_forward, &feed_forward_scratch)
      .divide(OpId::feed_forward)
      .set(OpId::matmul, &matmul)
      .set(OpId::attention, &attention, &attention_scratch)
      .set(OpId::softmax, &softmax)
      .set(OpId::layer_norm, &layer_norm)
      .set(OpId::residual_norm, &residual_norm)
      .set(OpId::gelu, &map<Gelu>)
      .set(OpId::gelu_tanh, &map<GeluTanh>)
      .set(OpId::tanh, &map<Tanh>)
      .set(OpId::relu, &map<Relu>)
      .set(OpId::swish, &map<Swish>)
      .set(OpId::add, &pairs<Sum>)
      .set(OpId::multiply, &pairs<Product>)
      .set(OpId::bias, &bias)
      .set(OpId::scale, &scale)
      .set(OpId::embedding, &embedding)
      .set(OpId::split_heads, &split_heads)
      .set(OpId::merge_heads, &merge_heads)
      .set(OpId::relative_scores, &relative_scores)
      .set(OpId::mean_pool, &mean_pool)
      .set(OpId::concat, &concat)
      .set(OpId::zeros, &zeros)
      .set(OpId::sinusoids, &sinusoids)
      .set(OpId::log_softmax, &log_softmax)
      .set(OpId::negative_log_likelihood, &negative_log_likelihood);
}

inline void set_packing(Packing& p) {
  p.bytes = &packed_bytes;
  p.supports = &supports;
  p.pack = &pack_weight;
}

inline const char* target_name() { return hwy::TargetName(HWY_TARGET); }

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
