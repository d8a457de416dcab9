// Makes the tables of Cpu for the instruction set that Highway chooses at the time of the call. Cpu makes them once;
// tests make them for each set that the machine has (hwy::SetSupportedTargetsForTest).
#pragma once

#include "tessera/context/backend.hpp"

namespace tessera::inline TESSERA_ISA::cpu {

Kernels make_kernels() noexcept;
Vjps make_vjps() noexcept;
Packing make_packing() noexcept;

}  // namespace tessera::cpu
