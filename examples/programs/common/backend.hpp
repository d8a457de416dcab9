// The backends that this build has, the choice of one by name, and threads for it.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/base/result.hpp"
#include "tessera/base/thread_pool.hpp"
#include "tessera/context/backend.hpp"

#if defined(TESSERA_WITH_CPU)
#include "tessera/backends/cpu/cpu.hpp"
#endif
#if defined(TESSERA_WITH_CUDA)
#include "tessera/backends/cuda/cuda.hpp"
#endif
#if defined(TESSERA_WITH_EIGEN)
#include "tessera/backends/eigen/eigen.hpp"
#endif

namespace tessera::programs {

struct BackendEntry {
  const char* name;
  bool (*available)();
  AnyBackend (*make)();
};

template <class B>
constexpr BackendEntry backend_entry() noexcept {
  return {B::name(),
          []() -> bool {
            if constexpr (requires { B::available(); }) return B::available();
            return true;
          },
          [] { return AnyBackend::of(B()); }};
}

/// The first is the default: the fastest that every machine has. A device is only used when it is named.
inline std::vector<BackendEntry> backends() {
  return {
#if defined(TESSERA_WITH_CPU)
    backend_entry<Cpu>(),
#endif
#if defined(TESSERA_WITH_EIGEN)
        backend_entry<EigenBackend>(),
#endif
        backend_entry<Reference<float>>(),
#if defined(TESSERA_WITH_CUDA)
        backend_entry<Cuda>(),
#endif
  };
}

inline std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const BackendEntry& b : backends()) names.emplace_back(b.name);
  return names;
}

/// The backend of this name; the default for an empty one.
inline Result<AnyBackend> choose_backend(std::string_view name) {
  for (const BackendEntry& b : backends()) {
    if (!name.empty() && name != b.name) continue;
    if (!b.available()) return Error::format(Code::unsupported, "backend %s: this machine has no such device", b.name);
    return b.make();
  }
  return Error::format(Code::unsupported, "this build has no backend %.*s", static_cast<int>(name.size()), name.data());
}

/// One for each core that this process may use.
inline int default_threads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

/// --backend and --threads, as all programs have them.
struct BackendOptions {
  std::string backend;
  int threads = default_threads();
  std::string precision = name(Precision::f32);

  void add_to(CLI::App& app) {
    app.add_option("--backend", backend,
                   "what computes; without it " +
                       (backend.empty() ? "the fastest of this build, " + backend_names().front() : backend))
        ->check(CLI::IsMember(backend_names()));
    app.add_option("--threads", threads, "threads, this one included; results do not depend on it")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
  }
  /// For programs that run a model for its outputs.
  void add_precision_to(CLI::App& app) {
    app.add_option("--precision", precision,
                   "of the linears: bf16 and int8 need half and a quarter of the memory, and are faster where the "
                   "processor has instructions for them")
        ->check(CLI::IsMember({"f32", "bf16", "int8"}))
        ->capture_default_str();
  }
  Precision chosen_precision() const noexcept {
    return precision == name(Precision::bf16)   ? Precision::bf16
           : precision == name(Precision::int8) ? Precision::int8
                                                : Precision::f32;
  }
};

}  // namespace tessera::programs
