// Cpu: Highway kernels for every vector width, chosen at run time. Link tessera::cpu.
//
// This header only declares: no Highway, no kernel. static.hpp is the form without a compiled library. What has no kernel
// here comes from the reference backend.
#pragma once

#include "tessera/context/backend.hpp"

namespace tessera {

struct Cpu {
  using element = float;

  static const char* name() noexcept { return "cpu"; }
  static const Kernels& kernels() noexcept;
  static const Vjps& vjps() noexcept;
  static const Memory& memory() noexcept;
  static const Packing& packing() noexcept;

  /// The instruction set that runs: "AVX3", "AVX2", "SSE4", ...
  static const char* target() noexcept;
};

}  // namespace tessera
