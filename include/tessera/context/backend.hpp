// Backend: what a place to compute must offer, and AnyBackend, which chooses one at run time.
//
// A backend is a small copyable type with an element type and tables. Required: memory and the kernel of `linear`.
// Every other kernel is optional: fill the rest with Kernels::inherit(reference). A missing fused kernel falls back to
// its composition. backends/stub is the folder to copy.
#pragma once

#include "tessera/ops/kernel.hpp"

namespace tessera::inline TESSERA_ISA {

/// Memory of a backend. All null: plain host memory.
struct Memory {
  void* (*allocate)(std::size_t bytes) = nullptr;  ///< aligned to 64; null when there is none left
  void (*release)(void* memory, std::size_t bytes) = nullptr;
  void (*upload)(void* destination, const void* host, std::size_t bytes) = nullptr;
  void (*download)(void* host, const void* source, std::size_t bytes) = nullptr;
  void (*zero)(void* memory, std::size_t bytes) = nullptr;
  /// Waits for the device and tells whether all since the last call went well; null: always.
  bool (*finish)() = nullptr;

  constexpr bool host() const noexcept { return upload == nullptr; }
};

/// The arithmetic of linears, and where a backend is faster by that of attention's products, in bf16; everything else
/// stays in the element type.
///   bf16: weights and rows are rounded to bfloat16, sums are f32
///   int8: weights have a scale for each output, rows one for each row, found at run time; sums are exact integers
enum class Precision : std::uint8_t { f32, bf16, int8 };

/// "f32", "bf16", "int8".
constexpr const char* name(Precision precision) noexcept {
  switch (precision) {
    case Precision::f32: return "f32";
    case Precision::bf16: return "bf16";
    case Precision::int8: return "int8";
  }
  return "unknown";
}

/// How a backend re-lays weights at set-up. Null: weights stay plain.
struct Packing {
  /// Bytes of the packed form; 0: this param stays plain.
  std::size_t (*bytes)(const View& stored, ParamUse use, Precision precision) = nullptr;
  /// The precisions beside f32 that `bytes` and `pack` have a form for. Null: none.
  bool (*supports)(Precision precision) = nullptr;
  /// Writes the packed form of `plain` (element type, contiguous, host memory) to `destination` (host memory) and
  /// returns its view, with `packing` set and the dimensions of the plain one.
  View (*pack)(const View& plain, ParamUse use, Precision precision, void* destination,
               const Executor& executor) = nullptr;
};

template <class B>
concept Backend = requires(const B& b) {
  typename B::element;
  {b.name()};
  static_cast<const Kernels&>(b.kernels());
  static_cast<const Vjps&>(b.vjps());
  static_cast<const Memory&>(b.memory());
  static_cast<const Packing&>(b.packing());
};

/// A backend chosen at run time: a pointer to each table. Models are instantiated for it once.
class AnyBackend {
 public:
  using element = float;

  template <class B>
  requires(Backend<B> && sizeof(typename B::element) == sizeof(float)) static AnyBackend of(const B& b) noexcept {
    AnyBackend any;
    any.name_ = b.name();
    any.kernels_ = &b.kernels();
    any.vjps_ = &b.vjps();
    any.memory_ = &b.memory();
    any.packing_ = &b.packing();
    return any;
  }

  const char* name() const noexcept { return name_; }
  const Kernels& kernels() const noexcept { return *kernels_; }
  const Vjps& vjps() const noexcept { return *vjps_; }
  const Memory& memory() const noexcept { return *memory_; }
  const Packing& packing() const noexcept { return *packing_; }

 private:
  const char* name_ = "none";
  const Kernels* kernels_ = nullptr;
  const Vjps* vjps_ = nullptr;
  const Memory* memory_ = nullptr;
  const Packing* packing_ = nullptr;
};

}  // namespace tessera
