// Original checkpoints under the names of the reference: what its conversion programs do, without a model.
//
// The tables of original_names.hpp say what becomes of each variable. Beside them: tensors that the reference saves
// twice, and buffers that it computes (causal masks of GPT, inverse frequencies of Transformer-XL). Nothing is left out
// silently. Source: the load_tf_weights functions of pytorch-transformers 1.2.0.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/model_classes.hpp"
#include "tessera/io/original_names.hpp"
#include "tessera/io/state.hpp"
#include "tessera/io/utf8.hpp"

namespace tessera::inline TESSERA_ISA::io {

/// What became of a checkpoint.
struct Converted {
  State state;
  std::vector<std::string> training;     ///< variables of optimizers, passed over
  std::vector<std::string> unknown;      ///< variables that the tables do not know
  std::vector<std::string> other_heads;  ///< tensors of heads that the class does not have, by their new names
};

namespace detail {

/// The new name of a variable by a pattern, if it fits.
inline std::optional<std::string> renamed(std::string_view original, const NameRule& rule) {
  std::vector<std::string_view> found;
  std::string_view rest = original;
  for (std::size_t i = 0; i < rule.original.size(); ++i) {
    const char c = rule.original[i];
    if (c != '#' && c != '*') {
      if (rest.empty() || rest.front() != c) return std::nullopt;
      rest.remove_prefix(1);
      continue;
    }
    const std::size_t end = c == '#' ? rest.find_first_not_of("0123456789") : rest.find('/');
    const std::size_t length = (std::min)(end, rest.size());
    if (length == 0) return std::nullopt;
    found.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  if (!rest.empty()) return std::nullopt;
  std::string name;
  std::size_t next = 0;
  for (const char c : rule.name) {
    if ((c == '#' || c == '*') && next < found.size()) {
      name += found[next++];
    } else {
      name += c;
    }
  }
  return name;
}

inline Result<void> add_transposed(State& out, std::string name, const StateTensor& from) {
  if (from.shape.size() != 2) {
    return Error::format(Code::shape_mismatch, "variable %s has shape %s, a matrix expected",
                         in_quotes(from.name).c_str(), format_shape(from.shape).c_str());
  }
  const auto rows = static_cast<std::size_t>(from.shape[0]);
  const auto columns = static_cast<std::size_t>(from.shape[1]);
  const std::size_t size = size_of(from.type);
  TESSERA_TRY_ASSIGN(const Buffer buffer, Buffer::allocate(from.bytes));
  const auto* const source = static_cast<const std::byte*>(from.data);
  // In squares, so that both sides stay in the cache.
  constexpr std::size_t step = 32;
  for (std::size_t r0 = 0; r0 < rows; r0 += step) {
    for (std::size_t c0 = 0; c0 < columns; c0 += step) {
      for (std::size_t r = r0; r < (std::min)(rows, r0 + step); ++r) {
        for (std::size_t c = c0; c < (std::min)(columns, c0 + step); ++c) {
          std::memcpy(buffer.data() + (c * rows + r) * size, source + (r * columns + c) * size, size);
        }
      }
    }
  }
  TESSERA_TRY(out.keep(buffer.owner()));
  return out.add({std::move(name), from.type, {from.shape[1], from.shape[0]}, buffer.data(), from.bytes});
}

/// A bias of all layers of Transformer-XL that is one (untie_r is off): the model's, which each layer names again.
inline Result<void> add_shared_bias(State& out, const std::string& name, const StateTensor& from) {
  const std::size_t layers = name.find("layers.#.");
  if (layers == name.npos) {
    return Error::format(Code::shape_mismatch, "variable %s has shape %s, a dimension of layers expected",
                         in_quotes(from.name).c_str(), format_shape(from.shape).c_str());
  }
  StateTensor tensor = from;
  tensor.name = name.substr(0, layers) + name.substr(name.rfind('.') + 1);
  return out.add(std::move(tensor));
}

/// One variable under its new name, or names. The data stays where it is unless it must move.
inline Result<void> add_changed(State& out, const std::string& name, const StateTensor& from, Change change) {
  StateTensor tensor = from;
  tensor.name = name;
  switch (change) {
    case Change::none: return out.add(std::move(tensor));
    case Change::transpose: return add_transposed(out, name, from);
    case Change::squeeze:
      if (tensor.shape.size() == 3 && tensor.shape[0] == 1) tensor.shape.erase(tensor.shape.begin());
      return out.add(std::move(tensor));
    case Change::unstack: break;
  }
  if (from.shape.size() == 2) return add_shared_bias(out, name, from);
  if (from.shape.empty()) {
    return Error::format(Code::shape_mismatch, "variable %s is a single number, one for each layer expected",
                         in_quotes(from.name).c_str());
  }
  const std::size_t hash = name.find('#');
  const std::int64_t layers = from.shape[0];
  tensor.shape.erase(tensor.shape.begin());
  tensor.bytes = layers > 0 ? from.bytes / static_cast<std::size_t>(layers) : 0;
  // A dimension of an empty tensor may be any number.
  if (from.bytes == 0) return {};
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    tensor.name = name.substr(0, hash) + std::to_string(layer) + name.substr(hash + 1);
    tensor.data = static_cast<const std::byte*>(from.data) + static_cast<std::size_t>(layer) * tensor.bytes;
    TESSERA_TRY(out.add(tensor));
  }
  return {};
}

/// The same memory under a second name.
inline Result<void> add_alias(State& state, std::string name, std::string_view of) {
  const StateTensor* const found = state.find(of);
  if (found == nullptr || state.find(name) != nullptr) return {};
  StateTensor copy = *found;
  copy.name = std::move(name);
  return state.add(std::move(copy));
}

/// The shared biases of Transformer-XL under the names of its layers, too.
inline Result<void> share_biases(State& state) {
  for (const char* const bias : {"r_r_bias", "r_w_bias"}) {
    const std::string shared = std::string("transformer.") + bias;
    if (state.find(shared) == nullptr) continue;
    for (int layer = 0;; ++layer) {
      const std::string attention = "transformer.layers." + std::to_string(layer) + ".dec_attn.";
      if (state.find(attention + "layer_norm.weight") == nullptr) break;
      TESSERA_TRY(add_alias(state, attention + bias, shared));
    }
  }
  return {};
}

/// A head of Transformer-XL: its output layers are the embeddings, and so are its projections unless it has its own.
inline Result<void> tie_transfo_xl(State& state) {
  for (int i = 0;; ++i) {
    const std::string number = std::to_string(i);
    const std::string embedding = "transformer.word_emb.emb_layers." + number + ".weight";
    if (state.find(embedding) == nullptr) return {};
    TESSERA_TRY(add_alias(state, "crit.out_layers." + number + ".weight", embedding));
    TESSERA_TRY(add_alias(state, "crit.out_projs." + number, "transformer.word_emb.emb_projs." + number));
  }
}

/// Buffers of floats that the reference saves and the original does not.
inline Result<void> add_floats(State& state, std::string name, std::vector<std::int64_t> shape,
                               const std::vector<float>& values) {
  return state.add_copy(std::move(name), DType::f32, std::move(shape),
                        {reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(float)});
}

/// The causal mask of each layer of GPT and GPT-2: ones on and below the diagonal.
inline Result<void> add_causal_masks(State& state, std::string_view positions) {
  const StateTensor* const embedding = state.find(positions);
  if (embedding == nullptr || embedding->shape.size() != 2) return {};
  const std::int64_t n = embedding->shape[0];
  if (n <= 0 || n > 1 << 15) {
    return Error::format(Code::unsupported, "%lld positions, expected 1 to %d", static_cast<long long>(n), 1 << 15);
  }
  const auto side = static_cast<std::size_t>(n);
  std::vector<float> mask(side * side);
  for (std::size_t r = 0; r < side; ++r) std::fill_n(mask.begin() + static_cast<std::ptrdiff_t>(r * side), r + 1, 1.0F);
  std::string first;
  for (int layer = 0;; ++layer) {
    const std::string block = "transformer.h." + std::to_string(layer) + ".";
    if (state.find(block + "ln_1.weight") == nullptr) return {};
    if (first.empty()) {
      first = block + "attn.bias";
      TESSERA_TRY(add_floats(state, first, {1, 1, n, n}, mask));
    } else {
      TESSERA_TRY(add_alias(state, block + "attn.bias", first));
    }
  }
}

/// 1 / 10000^(2 i / d) for each pair of a row of d positions.
inline Result<void> add_inverse_frequencies(State& state) {
  const StateTensor* const norm = state.find("transformer.layers.0.dec_attn.layer_norm.weight");
  if (norm == nullptr || norm->shape.size() != 1) return {};
  const auto width = static_cast<std::size_t>(norm->shape[0]);
  std::vector<float> values;
  for (std::size_t i = 0; i < width; i += 2) {
    values.push_back(1.0F / std::pow(10000.0F, static_cast<float>(i) / static_cast<float>(width)));
  }
  return add_floats(state, "transformer.pos_emb.inv_freq", {static_cast<std::int64_t>(values.size())}, values);
}

}  // namespace detail

/// True if a state has the names of an original release rather than those of the reference.
inline bool has_original_names(const State& state) noexcept {
  return std::any_of(state.begin(), state.end(),
                     [](const StateTensor& tensor) { return tensor.name.find('/') != std::string::npos; });
}

/// The tensors of an original checkpoint under the names of a class of the reference.
inline Result<Converted> convert_original(const State& original, std::string_view class_name) noexcept {
  return guarded([&]() -> Result<Converted> {
    TESSERA_TRY_ASSIGN(const ModelClassNames* const model, get_model_class(class_name));
    const OriginalNames* const table = find_architecture(model->architecture);
    if (table->rules.empty())
      return Error::format(Code::unsupported, "%.*s: its original release has PyTorch's names, not TensorFlow's",
                           static_cast<int>(model->name.size()), model->name.data());
    Converted out;
    State all;
    TESSERA_TRY(all.keep_all_of(original));
    for (const StateTensor& tensor : original) {
      if (is_training_variable(tensor.name)) {
        out.training.push_back(tensor.name);
        continue;
      }
      bool known = false;
      for (const NameRule& rule : table->rules) {
        const auto name = detail::renamed(tensor.name, rule);
        if (!name) continue;
        TESSERA_TRY(detail::add_changed(all, *name, tensor, rule.change));
        known = true;
        break;
      }
      if (!known) out.unknown.push_back(tensor.name);
    }
    if (all.empty()) {
      return Error::format(Code::not_found, "none of the %zu tensors has a name of the original %.*s", original.size(),
                           static_cast<int>(model->architecture.size()), model->architecture.data());
    }
    for (const TiedName& tied : table->tied) {
      if (!tied.with.empty() && all.find(tied.with) == nullptr) continue;
      TESSERA_TRY(detail::add_alias(all, std::string(tied.name), tied.original));
    }
    if (model->architecture == "transfo-xl") {
      TESSERA_TRY(detail::tie_transfo_xl(all));
      TESSERA_TRY(detail::share_biases(all));
      TESSERA_TRY(detail::add_inverse_frequencies(all));
    }
    if (model->architecture == "gpt2") TESSERA_TRY(detail::add_causal_masks(all, "transformer.wpe.weight"));
    if (model->architecture == "openai-gpt") {
      TESSERA_TRY(detail::add_causal_masks(all, "transformer.positions_embed.weight"));
    }
    TESSERA_TRY(take_class(all, *model, *table, out.state, out.other_heads));
    out.state.format = original.format;
    return out;
  });
}

}  // namespace tessera::io
