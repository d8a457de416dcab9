// The compiled form of the forward kernels: every target of Highway from one source, the best of this machine chosen
// when the tables are first asked for. Build it without -march flags.
#define TESSERA_CPU_FORM cpu_dispatch
#include "tessera/backends/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tessera/backends/cpu/cpu.cpp"
#include "hwy/foreach_target.h"

#include "tessera/backends/cpu/kernels-inl.hpp"

#if HWY_ONCE
#include "tessera/backends/cpu/cpu.hpp"
#include "tessera/backends/cpu/tables.hpp"
#include "tessera/backends/reference/reference.hpp"

namespace tessera::inline TESSERA_ISA {
namespace cpu_dispatch {
namespace {

HWY_EXPORT(set_kernels);
HWY_EXPORT(set_packing);
HWY_EXPORT(run_gemm);
HWY_EXPORT(target_name);

Kernels kernels_of_target() {
  Kernels k;
  HWY_DYNAMIC_DISPATCH(set_kernels)(k);
  return k.inherit(Reference<float>::kernels());
}
Packing packing_of_target() {
  Packing p;
  HWY_DYNAMIC_DISPATCH(set_packing)(p);
  return p;
}
void product(const cpu::Gemm& g, const Executor& executor) { HWY_DYNAMIC_DISPATCH(run_gemm)(g, executor); }
const char* chosen_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace
}  // namespace cpu_dispatch

namespace cpu {
void gemm(const Gemm& g, const Executor& executor) noexcept { cpu_dispatch::product(g, executor); }
Kernels make_kernels() noexcept { return cpu_dispatch::kernels_of_target(); }
Packing make_packing() noexcept { return cpu_dispatch::packing_of_target(); }
}  // namespace cpu

}  // namespace tessera

namespace TESSERA_COMPILED::cpu {

const void* kernels() noexcept {
  static const tessera::Kernels table = tessera::cpu::make_kernels();
  return &table;
}

const void* packing() noexcept {
  static const tessera::Packing table = tessera::cpu::make_packing();
  return &table;
}

const char* target() noexcept { return tessera::cpu_dispatch::chosen_target(); }

}  // namespace TESSERA_COMPILED::cpu
#endif  // HWY_ONCE
