// Cuda: models on an NVIDIA GPU. Products by cuBLASLt, everything else by the kernels of this folder.
//
// A light header: no CUDA header is seen here, so any C++20 compiler takes it; the code is in cuda.cu (target
// tessera::cuda). Activations and weights lie in device memory; sessions copy inputs there. What has no kernel here
// runs on the reference through host copies, which Trace reports.
#pragma once

#include "tessera/context/backend.hpp"

/// What the compiled library offers, outside of the instruction-set namespace (base/isa.hpp): one copy serves all
/// units.
namespace TESSERA_COMPILED::cuda {
bool available() noexcept;
const void* kernels() noexcept;
const void* vjps() noexcept;
const void* memory() noexcept;
const void* packing() noexcept;
}  // namespace TESSERA_COMPILED::cuda

namespace tessera::inline TESSERA_ISA {

struct Cuda {
  using element = float;

  static constexpr const char* name() noexcept { return "cuda"; }
  /// False where there is no driver or no device: then memory() has nothing to give. Costs the first caller the
  /// driver's start-up.
  static bool available() noexcept { return TESSERA_COMPILED::cuda::available(); }

  static const Kernels& kernels() noexcept { return *static_cast<const Kernels*>(TESSERA_COMPILED::cuda::kernels()); }
  static const Vjps& vjps() noexcept { return *static_cast<const Vjps*>(TESSERA_COMPILED::cuda::vjps()); }
  /// Of the device that is current at the first call. One stream: all work is in the order of its calls.
  static const Memory& memory() noexcept { return *static_cast<const Memory*>(TESSERA_COMPILED::cuda::memory()); }
  static const Packing& packing() noexcept { return *static_cast<const Packing*>(TESSERA_COMPILED::cuda::packing()); }
};

static_assert(Backend<Cuda>);

}  // namespace tessera
