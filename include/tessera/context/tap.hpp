// tap: shows an inner value of a model under a name ("hidden_states"), to a session that asks for it.
#pragma once

#include "tessera/tensor/tensor.hpp"

namespace tessera::inline TESSERA_ISA {

/// Costs nothing unless a session has taps that want the name. Values come in the order in which they are made.
template <class T>
constexpr void tap(const char* name, const T& x) noexcept {
  x.context().tap(name, x.view());
}

}  // namespace tessera
