// Cpu: Highway kernels for every vector width, chosen at run time. Link tessera::cpu.
//
// This header only declares: no Highway, no kernel. static.hpp is the form without a compiled library. What has no
// kernel here comes from the reference backend.
#pragma once

#include "tessera/backends/cpu/memory.hpp"

/// What the compiled library offers, outside of the instruction-set namespace (base/isa.hpp): one copy serves all
/// units.
namespace TESSERA_COMPILED::cpu {
const void* kernels() noexcept;
const void* vjps() noexcept;
const void* packing() noexcept;
const char* target() noexcept;
}  // namespace TESSERA_COMPILED::cpu

namespace tessera::inline TESSERA_ISA {

struct Cpu {
  using element = float;

  static const char* name() noexcept { return "cpu"; }
  static const Kernels& kernels() noexcept { return *static_cast<const Kernels*>(TESSERA_COMPILED::cpu::kernels()); }
  static const Vjps& vjps() noexcept { return *static_cast<const Vjps*>(TESSERA_COMPILED::cpu::vjps()); }
  static const Memory& memory() noexcept { return cpu::memory(); }
  static const Packing& packing() noexcept { return *static_cast<const Packing*>(TESSERA_COMPILED::cpu::packing()); }

  /// The instruction set that runs: "AVX3", "AVX2", "SSE4", ...
  static const char* target() noexcept { return TESSERA_COMPILED::cpu::target(); }
};

}  // namespace tessera
