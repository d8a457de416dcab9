// The compiled form of the gradients; apart from cpu.cpp, so that a program that only infers links none of them.
#include "tessera/backends/cpu/cpu.hpp"
#include "tessera/backends/reference/reference.hpp"

namespace tessera {

const Vjps& Cpu::vjps() noexcept {
  static const Vjps vjps = Vjps().inherit(Reference<float>::vjps());
  return vjps;
}

}  // namespace tessera
