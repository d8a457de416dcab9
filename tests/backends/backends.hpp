// The backends of this build that run on the host.
#pragma once

#include <vector>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/context/backend.hpp"
#ifdef TESSERA_WITH_STUB
#include "tessera/backends/stub/stub.hpp"
#endif
#ifdef TESSERA_WITH_CPU
#include "tessera/backends/cpu/cpu.hpp"
#endif
#ifdef TESSERA_WITH_EIGEN
#include "tessera/backends/eigen/eigen.hpp"
#endif

/// Those that promise to take no memory in a run.
inline std::vector<tessera::AnyBackend> backends_without_heap() {
  return {
      tessera::AnyBackend::of(tessera::Reference<float>()),
#ifdef TESSERA_WITH_STUB
      tessera::AnyBackend::of(tessera::Stub()),
#endif
#ifdef TESSERA_WITH_CPU
      tessera::AnyBackend::of(tessera::Cpu()),
#endif
  };
}

inline std::vector<tessera::AnyBackend> host_backends() {
  auto all = backends_without_heap();
#ifdef TESSERA_WITH_EIGEN
  all.push_back(tessera::AnyBackend::of(tessera::EigenBackend()));
#endif
  return all;
}

/// f32, and those others that a backend computes linears in.
inline std::vector<tessera::Precision> precisions_of(const tessera::AnyBackend& backend) {
  using tessera::Precision;
  std::vector<Precision> all{Precision::f32};
  for (const Precision low : {Precision::bf16, Precision::int8})
    if (backend.packing().supports != nullptr && backend.packing().supports(low)) all.push_back(low);
  return all;
}
