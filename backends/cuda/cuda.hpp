// Cuda: models on an NVIDIA GPU. Products by cuBLASLt, everything else by the kernels of this folder.
//
// A light header: no CUDA header is seen here, so any C++20 compiler takes it; the code is in cuda.cu (target
// tessera::cuda). Activations and weights lie in device memory; sessions copy inputs there. What has no kernel here
// runs on the reference through host copies, which Trace reports.
#pragma once

#include "tessera/context/backend.hpp"

namespace tessera {

struct Cuda {
  using element = float;

  static constexpr const char* name() noexcept { return "cuda"; }
  /// False where there is no driver or no device: then memory() has nothing to give. Costs the first caller the driver's
  /// start-up.
  static bool available() noexcept;

  static const Kernels& kernels() noexcept;
  static const Vjps& vjps() noexcept;
  /// Of the device that is current at the first call. One stream: all work is in the order of its calls.
  static const Memory& memory() noexcept;
  static const Packing& packing() noexcept;
};

static_assert(Backend<Cuda>);

}  // namespace tessera
