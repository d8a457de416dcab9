// Param: a named weight of a block. It knows its sizes, what it is for and where its stored form lies.
//
// A block lists its params once, in `visit(auto&& v)`: v("weight", weight). Loading, saving, counting, packing, tying
// and optimizers walk that list (walk.hpp). Params own nothing: the bytes belong to a file mapping, to Weights, or to
// an array in the program.
#pragma once

#include "tessera/tensor/view.hpp"

namespace tessera::inline TESSERA_ISA {

enum class ParamRole : std::uint8_t {
  trained,  ///< has a gradient and an optimizer entry
  frozen,   ///< in the checkpoint, never trained (sinusoidal positions)
  buffer,   ///< in the checkpoint, not a weight (causal masks)
};

/// How ops read it: what a backend may re-lay when it packs.
enum class ParamUse : std::uint8_t {
  table,      ///< rows are looked up: stays as it is
  matrix,     ///< the weight of a linear, [out, in]
  matrix_io,  ///< the weight of a linear, [in, out] (Conv1D of GPT)
  vector,     ///< biases, norms
};

/// The untyped part, all that walkers see.
struct ParamBase {
  View view;                 ///< sizes and stored form; data is null until bound
  std::int32_t id = -1;      ///< position in the walk of the whole model; set by number_params
  std::int32_t master = -1;  ///< id of the param this one is tied to; -1: none
  /// Counts the changes of the memory it is bound to (Weights); null: that never changes.
  std::uint32_t* version = nullptr;
  bool read_only = false;  ///< its memory may not be written: a mapped file
  ParamRole role = ParamRole::trained;
  ParamUse use = ParamUse::vector;
};

/// A weight with sizes N, each constant or dyn.
template <Index... N>
struct Param : ParamBase {
  using extents = Extents<N...>;

  constexpr Param() noexcept { view = View::of(nullptr, DType::f32, extents()); }
  /// Run-time sizes for the dyn dimensions; constant ones must agree.
  constexpr explicit Param(ParamUse how, const extents& sizes, ParamRole what = ParamRole::trained) noexcept {
    view = View::of(nullptr, DType::f32, sizes);
    use = how;
    role = what;
  }
};

template <class T>
inline constexpr bool is_param = requires(T& t) {
  static_cast<const ParamBase&>(t).id;
};

/// A size in a block's constructor: the constant where there is one, else the run-time value.
template <Index N>
constexpr Index size_or(Index run_time) noexcept {
  return N == dyn ? run_time : N;
}

}  // namespace tessera
