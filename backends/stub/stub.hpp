// Stub: the smallest backend, to copy when you write your own. README.md in this folder walks through it.
//
// It has plain host memory, one kernel of its own (linear), and the reference's kernels for all the rest. It allocates
// nothing, so the models run on it under the same promises as on the reference.
#pragma once

#include "tessera/backends/reference/reference.hpp"
#include "tessera/backends/stub/linear.hpp"
#include "tessera/context/backend.hpp"

namespace tessera::inline TESSERA_ISA {

struct Stub {
  /// The type of activations. Ids are always i32.
  using element = float;

  static constexpr const char* name() noexcept { return "stub"; }
  static constexpr const Kernels& kernels() noexcept;
  static constexpr const Vjps& vjps() noexcept;
  static constexpr const Memory& memory() noexcept;
  static constexpr const Packing& packing() noexcept;
};

namespace stub {
// Required: linear. Each further op of your own is one more .set(OpId::..., kernel). inherit() fills the gaps, and must
// come last. Constants, so that a program of constant sizes can plan at compile time and carries no start-up code.
inline constexpr Kernels kernels =
    Kernels().set(OpId::linear, &linear).divide(OpId::linear).inherit(Reference<float>::kernels());

// Gradients are a table of their own: a program that only infers links none of them.
inline constexpr Vjps vjps = Vjps().inherit(Reference<float>::vjps());

// All null: activations and weights lie in host memory. A device fills in every member; then inputs and weights are
// copied for it, and what it inherits runs on the host between two copies.
inline constexpr Memory memory;

// All null: weights stay as the file has them. A backend that wants panels, bf16 or int8 says here how to make them.
inline constexpr Packing packing;
}  // namespace stub

constexpr const Kernels& Stub::kernels() noexcept { return stub::kernels; }
constexpr const Vjps& Stub::vjps() noexcept { return stub::vjps; }
constexpr const Memory& Stub::memory() noexcept { return stub::memory; }
constexpr const Packing& Stub::packing() noexcept { return stub::packing; }

static_assert(Backend<Stub>);

}  // namespace tessera
