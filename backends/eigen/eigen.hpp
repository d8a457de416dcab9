// EigenBackend: kernels on Eigen's products and arrays, for programs that ship Eigen already.
//
// This header is light: the kernels are compiled once, in the .cpp files beside it (target tessera::eigen), and no
// Eigen header is seen here. Eigen may allocate inside of its products, so the promise of no heap during a run does
// not hold on this backend; everything else does, the same bits for any number of threads included.
#pragma once

#include "tessera/context/backend.hpp"

/// What the compiled library offers, outside of the instruction-set namespace (base/isa.hpp): one copy serves all
/// units.
namespace TESSERA_COMPILED::eigen {
const void* kernels() noexcept;
const void* vjps() noexcept;
}  // namespace TESSERA_COMPILED::eigen

namespace tessera::inline TESSERA_ISA {

struct EigenBackend {
  using element = float;
  static constexpr const char* name() noexcept { return "eigen"; }
  static const Kernels& kernels() noexcept { return *static_cast<const Kernels*>(TESSERA_COMPILED::eigen::kernels()); }
  static const Vjps& vjps() noexcept { return *static_cast<const Vjps*>(TESSERA_COMPILED::eigen::vjps()); }
  static const Memory& memory() noexcept {
    static constexpr Memory host;
    return host;
  }
  /// None: Eigen packs inside of each product.
  static const Packing& packing() noexcept {
    static constexpr Packing none;
    return none;
  }
};

static_assert(Backend<EigenBackend>);

}  // namespace tessera
