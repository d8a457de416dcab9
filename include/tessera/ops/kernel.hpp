// Kernels: what a backend provides for an op, behind one signature and one table of function pointers.
//
// An op is a struct in one header of this folder: its number, its inputs, its attributes, its FLOPs, what its gradient
// keeps, and a function of the same name that checks shapes and applies it. Sizes stop there: kernels see Views.
#pragma once

#include <type_traits>

#include "tessera/base/executor.hpp"
#include "tessera/base/result.hpp"
#include "tessera/tensor/tensor.hpp"

namespace tessera::inline TESSERA_ISA {

/// Every op of the library, in the order of the tables. A fused op names the composition it replaces in its header.
// clang-format off
#define TESSERA_OPS(X)                                                                                      \
  X(embedding) X(linear) X(matmul) X(softmax) X(layer_norm) X(gelu) X(gelu_tanh) X(relu) X(swish) X(tanh)   \
  X(add) X(multiply) X(bias) X(scale) X(scale_heads) X(dropout) X(split_heads) X(merge_heads) X(rel_shift)  \
  X(segment_select) X(columns) X(concat) X(add_rows) X(zeros) X(sinusoids) X(replace_hidden) X(top_k)       \
  X(pick) X(sum) X(mean) X(mean_pool) X(log_softmax) X(negative_log_likelihood) X(cross_entropy)            \
  X(binary_cross_entropy) X(mean_squared_error) X(store_rows)                                               \
  X(residual_norm) X(relative_scores) X(attention) X(feed_forward)
// clang-format on

enum class OpId : std::uint8_t {
#define TESSERA_OP_ID(op) op,
  TESSERA_OPS(TESSERA_OP_ID)
#undef TESSERA_OP_ID
      count
};
inline constexpr int op_count = static_cast<int>(OpId::count);

/// "linear", "layer_norm", ...
constexpr const char* name(OpId id) noexcept {
  constexpr const char* names[] = {
#define TESSERA_OP_NAME(op) #op,
      TESSERA_OPS(TESSERA_OP_NAME)
#undef TESSERA_OP_NAME
  };
  return id < OpId::count ? names[static_cast<int>(id)] : "none";
}

inline constexpr int max_inputs = 6;

/// One application of an op. `in` has the op's full number of inputs; one that was not given has rank 0.
struct Call {
  const View* in = nullptr;
  View out;  ///< may be the memory of in[0] for elementwise ops
  const void* attributes = nullptr;
  const Executor* executor = nullptr;
  void* scratch = nullptr;  ///< as many bytes as the table's scratch function asked for, aligned to 64

  template <class Op>
  const typename Op::Attributes& as() const noexcept {
    return *static_cast<const typename Op::Attributes*>(attributes);
  }
};

/// The vector-Jacobian product of an op: adds to each in_grad whose data is not null.
struct VjpCall {
  const View* in = nullptr;
  const View* in_grad = nullptr;  ///< shaped as `in`, contiguous
  View out;                       ///< only what the op says it keeps has valid data
  View out_grad;
  const void* attributes = nullptr;
  const Executor* executor = nullptr;
  void* scratch = nullptr;

  template <class Op>
  const typename Op::Attributes& as() const noexcept {
    return *static_cast<const typename Op::Attributes*>(attributes);
  }
};

using Kernel = void (*)(const Call&);
using Vjp = void (*)(const VjpCall&);
/// Bytes of scratch for a call whose views have sizes but no data. Fewer rows must need no more: smaller inputs and
/// parts of a divisible op run in what was planned for the whole.
using Scratch = std::size_t (*)(const Call&);
using VjpScratch = std::size_t (*)(const VjpCall&);

/// Whose kernel stands in a table.
enum class Origin : std::uint8_t {
  none,       ///< no kernel: a fused op falls back to its composition
  own,        ///< the backend's
  reference,  ///< the reference's; a backend with memory of its own reaches it through host copies
};

namespace detail {
/// g++ with -fsanitize=undefined has no constant expressions that compare the address of a function with null, so in
/// those a function is taken to be one; and tables tell by their origins what they have.
template <class Function>
constexpr bool is_null(Function function) noexcept {
  return !std::is_constant_evaluated() && function == nullptr;
}
}  // namespace detail

/// The forward kernels of a backend.
struct Kernels {
  Kernel run[op_count] = {};
  Scratch scratch[op_count] = {};  ///< null: none needed
  Origin origin[op_count] = {};
  bool divisible[op_count] = {};  ///< a row has the same bits whatever other rows come with it

  constexpr Kernels& set(OpId id, Kernel kernel, Scratch need = nullptr) noexcept {
    run[static_cast<int>(id)] = kernel;
    scratch[static_cast<int>(id)] = need;
    origin[static_cast<int>(id)] = detail::is_null(kernel) ? Origin::none : Origin::own;
    return *this;
  }
  /// Says of a kernel that it may be run on parts of the rows: a run that may be stopped stops inside of it.
  constexpr Kernels& divide(OpId id) noexcept {
    divisible[static_cast<int>(id)] = true;
    return *this;
  }
  /// Takes a kernel out again.
  constexpr Kernels& set(OpId id, std::nullptr_t) noexcept {
    run[static_cast<int>(id)] = nullptr;
    scratch[static_cast<int>(id)] = nullptr;
    origin[static_cast<int>(id)] = Origin::none;
    divisible[static_cast<int>(id)] = false;
    return *this;
  }
  /// Fills what is missing from another table. Fused ops stay empty: their composition is better than a detour.
  constexpr Kernels& inherit(const Kernels& other) noexcept {
    for (int i = 0; i < op_count; ++i) {
      if (origin[i] != Origin::none || other.origin[i] == Origin::none) continue;
      run[i] = other.run[i];
      scratch[i] = other.scratch[i];
      origin[i] = Origin::reference;
      divisible[i] = other.divisible[i];
    }
    return *this;
  }
  constexpr bool has(OpId id) const noexcept { return origin[static_cast<int>(id)] != Origin::none; }
};

/// The gradients of a backend; apart from Kernels, so that inference links none of them.
struct Vjps {
  Vjp run[op_count] = {};
  VjpScratch scratch[op_count] = {};
  Origin origin[op_count] = {};

  constexpr Vjps& set(OpId id, Vjp vjp, VjpScratch need = nullptr) noexcept {
    run[static_cast<int>(id)] = vjp;
    scratch[static_cast<int>(id)] = need;
    origin[static_cast<int>(id)] = detail::is_null(vjp) ? Origin::none : Origin::own;
    return *this;
  }
  constexpr Vjps& inherit(const Vjps& other) noexcept {
    for (int i = 0; i < op_count; ++i) {
      if (origin[i] != Origin::none || other.origin[i] == Origin::none) continue;
      run[i] = other.run[i];
      scratch[i] = other.scratch[i];
      origin[i] = Origin::reference;
    }
    return *this;
  }
  constexpr bool has(OpId id) const noexcept { return origin[static_cast<int>(id)] != Origin::none; }
};

/// What the gradient of an op needs to find again: bits of inputs, and the output.
constexpr unsigned keeps_input(int i) noexcept { return 1U << i; }
inline constexpr unsigned keeps_output = 1U << 16;
/// Of an op whose result no gradient flows through.
inline constexpr unsigned no_gradient = 1U << 17;

namespace detail {
/// What an op writes: Op::out_type where it says so, else the backend's elements.
template <class Op, class Element>
constexpr DType out_type() noexcept {
  if constexpr (requires { Op::out_type; })
    return Op::out_type;
  else
    return dtype_of<Element>;
}
}  // namespace detail

}  // namespace tessera
