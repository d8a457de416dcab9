// Weights in fewer bytes: bfloat16, float16, or int8 with a scale for each row; and back from int8.
//
// A matrix "x" in int8 has a tensor "x.scale" beside it, one float32 for each row: row r stands for scale[r] * x[r]. No
// file format has such rows of its own, so this is a convention of names, which every format can hold. Vectors stay as
// they are: they are few, and biases and norms are not worth a rounding. How a backend computes in bf16 or int8 is a
// different question, answered by Packed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/dtype.hpp"
#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/state.hpp"

namespace tessera::inline TESSERA_ISA::io {

/// What the name of a matrix in int8 is followed by in that of its scales.
inline constexpr std::string_view scale_suffix = ".scale";

/// Rounds a row to int8, symmetric about zero, and returns its scale: row[i] is near scale * out[i].
inline float round_to_int8(std::span<const float> row, std::int8_t* out) noexcept {
  float most = 0;
  for (const float x : row) most = (std::max)(most, std::fabs(x));
  const float scale = most / 127;
  for (std::size_t i = 0; i < row.size(); ++i)
    out[i] = static_cast<std::int8_t>(scale > 0 ? std::lround(row[i] / scale) : 0);
  return scale;
}

/// Element i of a tensor of numbers with a fraction, as float.
inline float element_as_float(const StateTensor& tensor, std::size_t i) noexcept {
  const auto* const bytes = static_cast<const std::byte*>(tensor.data);
  switch (tensor.type) {
    case DType::f64: return static_cast<float>(load_le<double>(bytes + 8 * i));
    case DType::f16: return from_f16(load_le<std::uint16_t>(bytes + 2 * i));
    case DType::bf16: return from_bf16(load_le<std::uint16_t>(bytes + 2 * i));
    default: return load_le<float>(bytes + 4 * i);
  }
}

namespace detail {

inline Result<void> add_int8_rows(State& out, const StateTensor& tensor) {
  const auto rows = static_cast<std::size_t>(tensor.shape[0]);
  const std::size_t each = rows == 0 ? 0 : tensor.elements() / rows;
  std::vector<float> row(each);
  std::vector<float> scales(rows);
  TESSERA_TRY_ASSIGN(const Buffer buffer, Buffer::allocate(tensor.elements()));
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t i = 0; i < each; ++i) row[i] = element_as_float(tensor, r * each + i);
    if (!std::all_of(row.begin(), row.end(), [](float x) { return std::isfinite(x); }))
      return Error::format(Code::out_of_range, "tensor %s: row %zu has a number that is not finite",
                           in_quotes(tensor.name).c_str(), r);
    scales[r] = round_to_int8(row, reinterpret_cast<std::int8_t*>(buffer.data()) + r * each);
  }
  TESSERA_TRY(out.keep(buffer.owner()));
  TESSERA_TRY(out.add({tensor.name, DType::i8, tensor.shape, buffer.data(), tensor.elements()}));
  return out.add_copy(std::string(tensor.name).append(scale_suffix), DType::f32, {tensor.shape[0]},
                      {reinterpret_cast<const std::byte*>(scales.data()), scales.size() * sizeof(float)});
}

inline Result<void> add_rounded(State& out, const StateTensor& tensor, DType type) {
  TESSERA_TRY_ASSIGN(const Buffer buffer, Buffer::allocate(2 * tensor.elements()));
  auto* const bits = reinterpret_cast<std::uint16_t*>(buffer.data());
  for (std::size_t i = 0; i < tensor.elements(); ++i) {
    const float x = element_as_float(tensor, i);
    bits[i] = type == DType::bf16 ? to_bf16(x) : to_f16(x);
    if (type == DType::f16 && std::isfinite(x) && !std::isfinite(from_f16(bits[i])))
      return Error::format(Code::out_of_range, "tensor %s: %g is too large for float16", in_quotes(tensor.name).c_str(),
                           static_cast<double>(x));
  }
  TESSERA_TRY(out.keep(buffer.owner()));
  return out.add({tensor.name, type, tensor.shape, buffer.data(), 2 * tensor.elements()});
}

/// The scales of a matrix in int8, or null.
inline const StateTensor* scales_of(const State& state, const StateTensor& tensor) {
  if (tensor.type != DType::i8 || tensor.shape.size() < 2) return nullptr;
  const StateTensor* const scales = state.find(std::string(tensor.name).append(scale_suffix));
  const bool fits = scales != nullptr && scales->type == DType::f32 && scales->shape.size() == 1 &&
                    scales->shape[0] == tensor.shape[0];
  return fits ? scales : nullptr;
}

}  // namespace detail

/// The state with its numbers rounded to `type`, bf16, f16 or i8. i8: of matrices and tables alone. Names that share
/// their memory share it afterwards. Integers stay as they are.
inline Result<State> narrowed(const State& state, DType type) noexcept {
  return guarded([&]() -> Result<State> {
    State out;
    out.metadata = state.metadata;
    out.ignored = state.ignored;
    out.format = state.format;
    TESSERA_TRY(out.keep_all_of(state));
    std::map<std::pair<const void*, std::vector<std::int64_t>>, std::string> first;  // with its name
    for (const StateTensor& tensor : state) {
      const bool changes = is_floating(tensor.type) && tensor.type != type &&
                           (type == DType::i8 ? tensor.shape.size() >= 2 : size_of(tensor.type) > size_of(type));
      if (!changes) {
        TESSERA_TRY(out.add(tensor));
        continue;
      }
      const auto [place, is_new] = first.emplace(std::pair{tensor.data, tensor.shape}, tensor.name);
      if (!is_new && tensor.bytes != 0) {
        for (const std::string_view suffix : {std::string_view(), scale_suffix}) {
          const StateTensor* const known = out.find(std::string(place->second).append(suffix));
          if (known == nullptr) continue;
          StateTensor same = *known;
          same.name = std::string(tensor.name).append(suffix);
          TESSERA_TRY(out.add(std::move(same)));
        }
      } else if (type == DType::i8) {
        TESSERA_TRY(detail::add_int8_rows(out, tensor));
      } else {
        TESSERA_TRY(detail::add_rounded(out, tensor, type));
      }
    }
    return out;
  });
}

/// Whether a state has matrices in int8 with scales beside them.
inline bool has_int8_rows(const State& state) {
  return std::any_of(state.begin(), state.end(),
                     [&](const StateTensor& tensor) { return detail::scales_of(state, tensor) != nullptr; });
}

/// The state with these as float32, and without their scales.
inline Result<State> from_int8_rows(const State& state) noexcept {
  return guarded([&]() -> Result<State> {
    State out;
    out.metadata = state.metadata;
    out.ignored = state.ignored;
    out.format = state.format;
    TESSERA_TRY(out.keep_all_of(state));
    std::map<std::pair<const void*, const void*>, std::pair<const std::byte*, std::size_t>> widened;  // for ties
    for (const StateTensor& tensor : state) {
      if (tensor.name.ends_with(scale_suffix)) {
        const StateTensor* const matrix =
            state.find(std::string_view(tensor.name).substr(0, tensor.name.size() - scale_suffix.size()));
        if (matrix != nullptr && detail::scales_of(state, *matrix) == &tensor) continue;
      }
      const StateTensor* const scales = detail::scales_of(state, tensor);
      if (scales == nullptr) {
        TESSERA_TRY(out.add(tensor));
        continue;
      }
      auto& place = widened[{tensor.data, scales->data}];
      if (place.second != 4 * tensor.elements() || place.first == nullptr) {
        TESSERA_TRY_ASSIGN(const Buffer buffer, Buffer::allocate(4 * tensor.elements()));
        auto* const to = reinterpret_cast<float*>(buffer.data());
        const auto* const from = static_cast<const std::int8_t*>(tensor.data);
        const auto* const scale = static_cast<const float*>(scales->data);
        const std::size_t rows = scales->elements();
        const std::size_t each = rows == 0 ? 0 : tensor.elements() / rows;
        for (std::size_t r = 0; r < rows; ++r)
          for (std::size_t i = 0; i < each; ++i) to[r * each + i] = scale[r] * static_cast<float>(from[r * each + i]);
        TESSERA_TRY(out.keep(buffer.owner()));
        place = {buffer.data(), 4 * tensor.elements()};
      }
      TESSERA_TRY(out.add({tensor.name, DType::f32, tensor.shape, place.first, place.second}));
    }
    return out;
  });
}

/// The state with all its numbers with a fraction, and its matrices in int8, as float32.
inline Result<State> widened(const State& narrow) noexcept {
  return guarded([&]() -> Result<State> {
    TESSERA_TRY_ASSIGN(const State state, from_int8_rows(narrow));
    State out;
    out.metadata = state.metadata;
    out.ignored = state.ignored;
    out.format = state.format;
    TESSERA_TRY(out.keep_all_of(state));
    std::map<std::pair<const void*, std::size_t>, const std::byte*> known;  // for ties
    for (const StateTensor& tensor : state) {
      if (!is_floating(tensor.type) || tensor.type == DType::f32) {
        TESSERA_TRY(out.add(tensor));
        continue;
      }
      const std::byte*& place = known[{tensor.data, tensor.bytes}];
      if (place == nullptr) {
        TESSERA_TRY_ASSIGN(const Buffer buffer, Buffer::allocate(4 * tensor.elements()));
        auto* const to = reinterpret_cast<float*>(buffer.data());
        for (std::size_t i = 0; i < tensor.elements(); ++i) to[i] = element_as_float(tensor, i);
        TESSERA_TRY(out.keep(buffer.owner()));
        place = buffer.data();
      }
      TESSERA_TRY(out.add({tensor.name, DType::f32, tensor.shape, place, 4 * tensor.elements()}));
    }
    return out;
  });
}

}  // namespace tessera::io
