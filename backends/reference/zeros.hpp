// zeros, reference.
#pragma once

#include "tessera/backends/reference/loops.hpp"
#include "tessera/ops/zeros.hpp"

namespace tessera::inline TESSERA_ISA::reference {

template <class T>
void zeros(const Call& call) noexcept {
  for (Index i = 0; i < call.out.count(); ++i) at<T>(call.out, i) = T(0);
}

}  // namespace tessera::reference
