// The compiled form of the gradients; apart from cpu.cpp, so that a program that only infers links none of them. Their
// products are those of cpu.cpp.
#define TESSERA_CPU_FORM cpu_dispatch
#define TESSERA_CPU_GEMM cpu::gemm
#include "tessera/backends/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tessera/backends/cpu/cpu_vjp.cpp"
#include "hwy/foreach_target.h"

#include "tessera/backends/cpu/vjps-inl.hpp"

#if HWY_ONCE
#include "tessera/backends/cpu/cpu.hpp"
#include "tessera/backends/cpu/tables.hpp"
#include "tessera/backends/reference/reference.hpp"

namespace tessera::inline TESSERA_ISA {
namespace cpu_dispatch {
namespace {

HWY_EXPORT(set_vjps);

Vjps vjps_of_target() {
  Vjps v;
  HWY_DYNAMIC_DISPATCH(set_vjps)(v);
  return v.inherit(Reference<float>::vjps());
}

}  // namespace
}  // namespace cpu_dispatch

Vjps cpu::make_vjps() noexcept { return cpu_dispatch::vjps_of_target(); }

}  // namespace tessera

namespace TESSERA_COMPILED::cpu {

const void* vjps() noexcept {
  static const tessera::Vjps table = tessera::cpu::make_vjps();
  return &table;
}

}  // namespace TESSERA_COMPILED::cpu
#endif  // HWY_ONCE
