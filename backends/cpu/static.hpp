// CpuStatic: the same kernels as headers, for the one instruction set that the compiler is told (-march=skylake-avx512,
// ...).
//
// For programs that want no compiled library, or no dispatch. Include it in few files: it takes seconds to compile. The
// header of Highway must not have been included before with other targets.
#pragma once

#if !defined(HWY_COMPILE_ONLY_STATIC) && !defined(HWY_HIGHWAY_INCLUDED)
// Highway 1.0 refuses -march=native on machines newer than its newest default target, unless it has this.
#define HWY_COMPILE_ONLY_STATIC
#endif
#ifndef TESSERA_CPU_FORM
#define TESSERA_CPU_FORM cpu_static
#endif
#ifndef TESSERA_CPU_GEMM
#define TESSERA_CPU_GEMM run_gemm
#endif

#include "tessera/backends/cpu/kernels-inl.hpp"
#include "tessera/backends/cpu/memory.hpp"
#include "tessera/backends/cpu/vjps-inl.hpp"
#include "tessera/backends/reference/reference.hpp"

namespace tessera::inline TESSERA_ISA {

struct CpuStatic {
  using element = float;

  static const char* name() noexcept { return "cpu, static"; }
  static const Kernels& kernels() noexcept {
    static const Kernels table = [] {
      Kernels k;
      TESSERA_CPU_FORM::HWY_NAMESPACE::set_kernels(k);
      return k.inherit(Reference<float>::kernels());
    }();
    return table;
  }
  static const Vjps& vjps() noexcept {
    static const Vjps table = [] {
      Vjps v;
      TESSERA_CPU_FORM::HWY_NAMESPACE::set_vjps(v);
      return v.inherit(Reference<float>::vjps());
    }();
    return table;
  }
  static const Memory& memory() noexcept { return cpu::memory(); }
  static const Packing& packing() noexcept {
    static const Packing table = [] {
      Packing p;
      TESSERA_CPU_FORM::HWY_NAMESPACE::set_packing(p);
      return p;
    }();
    return table;
  }
  static const char* target() noexcept { return TESSERA_CPU_FORM::HWY_NAMESPACE::target_name(); }
};

}  // namespace tessera
