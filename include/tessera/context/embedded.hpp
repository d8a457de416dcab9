// Weights as code: the tensors of a checkpoint as constants of the program, for machines without files. The program
// `embed` writes them.
//
// f32 is read where it lies, in flash if need be. Narrower storage is turned to f32 at set-up, into an array whose size
// is a constant expression.
#pragma once

#include "tessera/context/weights.hpp"
#include "tessera/tensor/names.hpp"

namespace tessera::inline TESSERA_ISA {

/// One tensor, under the checkpoint's name.
struct EmbeddedTensor {
  const char* name;
  DType type;  ///< f32, f16, bf16, or i8 with a scale for each row
  int rank;
  Index dim[View::max_rank];
  const void* data;
  const float* scale;  ///< i8: [dim[0]], row r is scale[r] * data; else null
};

/// All of them, as `embed` writes them: tiny_bert::weights.
struct EmbeddedWeights {
  const EmbeddedTensor* tensors;
  int count;

  /// Null when there is none of that name.
  constexpr const EmbeddedTensor* find(const char* name) const noexcept {
    for (int i = 0; i < count; ++i) {
      const char* a = tensors[i].name;
      const char* b = name;
      while (*a != '\0' && *a == *b) {
        ++a;
        ++b;
      }
      if (*a == *b) return &tensors[i];
    }
    return nullptr;
  }
};

/// Elements of the array for bind_embedded: of all params that are not stored in f32. A constant expression for models
/// with constant sizes; may be 0.
template <class Model>
constexpr Index decoded_elements(const Model& model, const EmbeddedWeights& weights) noexcept {
  Index n = 0;
  for_each_param(model, [&](const RolePath& path, const ParamBase& param) {
    if (param.master >= 0) return;
    const EmbeddedTensor* const tensor = weights.find(checkpoint_name(Model::names, path.c_str()).text);
    if (tensor != nullptr && tensor->type != DType::f32) n = saturating_sum(n, detail::block_elements(param));
  });
  return n;
}

namespace detail {
inline void decode(const EmbeddedTensor& tensor, const View& view, float* to) noexcept {
  if (tensor.type != DType::i8) {
    View stored = view;
    stored.data = const_cast<void*>(tensor.data);
    stored.type = tensor.type;
    return convert(stored, to);
  }
  const auto* const from = static_cast<const std::int8_t*>(tensor.data);
  const Index rows = view.rank > 0 ? view.dim[0] : 1;
  const Index each = rows > 0 ? view.count() / rows : 0;
  for (Index r = 0; r < rows; ++r)
    for (Index i = 0; i < each; ++i) to[r * each + i] = tensor.scale[r] * static_cast<float>(from[r * each + i]);
}

inline bool same_sizes(const View& view, const EmbeddedTensor& tensor) noexcept {
  if (view.rank != tensor.rank) return false;
  for (int i = 0; i < view.rank; ++i)
    if (view.dim[i] != tensor.dim[i]) return false;
  return true;
}
}  // namespace detail

/// Binds the model to weights of the program. `decoded`: decoded_elements(model, weights) floats that live as long as
/// the model; null when there are none. No heap. A param without a tensor of its sizes is an error that names it.
template <class Model>
Result<void> bind_embedded(Model& model, const EmbeddedWeights& weights, float* decoded) noexcept {
  Error error;
  for_each_param(model, [&](const RolePath& path, ParamBase& param) {
    if (error || param.master >= 0) return;
    const ParamName name = checkpoint_name(Model::names, path.c_str());
    const EmbeddedTensor* const tensor = weights.find(name.text);
    if (tensor == nullptr) {
      error =
          Error::format(Code::not_found, "weights of the program: %s is missing among %d", name.text, weights.count);
    } else if (!detail::same_sizes(param.view, *tensor)) {
      error = Error::format(Code::shape_mismatch, "weights of the program: %s has other sizes than the model's %s",
                            name.text, path.c_str());
    } else if (tensor->type == DType::f32) {
      param.view.data = const_cast<void*>(tensor->data);  // never written: masters that train own their memory
      param.view.type = DType::f32;
    } else {
      detail::decode(*tensor, param.view, decoded);
      param.view.data = decoded;
      param.view.type = DType::f32;
      decoded += detail::block_elements(param);
    }
  });
  if (error) return error;
  bind_ties(model);
  return {};
}

}  // namespace tessera
