// What all kernels use of Highway: the vector of floats, partial loads and stores, the forced unrolling of small loops.
//
// TESSERA_CPU_FORM is the namespace of the form that is compiled: cpu_dispatch in the library, cpu_static in
// static.hpp, so that a program may hold both.
#ifndef TESSERA_BACKENDS_CPU_VECTOR_ONCE
#define TESSERA_BACKENDS_CPU_VECTOR_ONCE

#include <cstdint>
#include <cstring>

#include "tessera/ops/kernel.hpp"

// Arrays of vectors stay in registers only when every index is a constant, also at -O1.
#if defined(__clang__)
#define TESSERA_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define TESSERA_UNROLL _Pragma("GCC unroll 16")
#else
#define TESSERA_UNROLL
#endif

#endif  // TESSERA_BACKENDS_CPU_VECTOR_ONCE

#if defined(TESSERA_CPU_VECTOR_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_VECTOR_INL
#undef TESSERA_CPU_VECTOR_INL
#else
#define TESSERA_CPU_VECTOR_INL
#endif

#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// A vector of at most 16 floats, so that panels of 48 columns fit each width.
using F32 = hn::CappedTag<float, 16>;
using Vec = hn::Vec<F32>;

HWY_INLINE Index lanes() { return static_cast<Index>(hn::Lanes(F32())); }

/// The first `count` < lanes numbers, zeros behind. Masked loads of narrow targets read past the end.
HWY_INLINE Vec load_some(const float* p, Index count) {
  HWY_ALIGN float buffer[16] = {};
  std::memcpy(buffer, p, static_cast<std::size_t>(count) * sizeof(float));
  return hn::Load(F32(), buffer);
}
HWY_INLINE void store_some(Vec v, float* p, Index count) {
  HWY_ALIGN float buffer[16];
  hn::Store(v, F32(), buffer);
  std::memcpy(p, buffer, static_cast<std::size_t>(count) * sizeof(float));
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
