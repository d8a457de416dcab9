// The weights of OpenAI GPT as they were published: one vector of float32 cut into params_0.npy to params_9.npy, and
// two JSON files with the shapes and the names of the tensors in it. Reading only.
//
// The names are one fewer than the shapes, because "model/we:0" stands for two tensors: positions first, then tokens.
// Source: openai/finetune-transformer-lm, train.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/npy.hpp"
#include "tessera/io/state.hpp"

namespace tessera::inline TESSERA_ISA::io {

/// Reads the set of a folder. Names are those of the files without ":0"; the first two are "model/we/positions" and
/// "model/we/tokens".
inline Result<State> read_openai_gpt_params(const std::string& folder) noexcept {
  return guarded([&]() -> Result<State> {
    constexpr int files = 10;
    TESSERA_TRY_ASSIGN(const Json shapes, read_json(join_path(folder, "params_shapes.json")));
    TESSERA_TRY_ASSIGN(const Json names, read_json(join_path(folder, "parameters_names.json")));
    if (!shapes.is_array() || !names.is_array() || shapes.size() != names.size() + 1) {
      return Error::format(
          Code::bad_format,
          "%s: params_shapes.json has %zu entries and parameters_names.json %zu, expected one more shape than names",
          folder.c_str(), shapes.size(), names.size());
    }
    std::vector<State> parts;
    std::uint64_t total = 0;
    for (int i = 0; i < files; ++i) {
      const std::string path = join_path(folder, "params_" + std::to_string(i) + ".npy");
      TESSERA_TRY_ASSIGN(State part, read_npy(path));
      if (part.size() != 1 || part[0].type != DType::f32) {
        return Error::format(Code::bad_format, "%s: an array of float32 expected", path.c_str());
      }
      total += part[0].bytes;
      parts.push_back(std::move(part));
    }
    TESSERA_TRY_ASSIGN(const Buffer buffer, Buffer::allocate(static_cast<std::size_t>(total)));
    std::size_t filled = 0;
    for (const State& part : parts) {
      if (part[0].bytes != 0) std::memcpy(buffer.data() + filled, part[0].data, part[0].bytes);
      filled += part[0].bytes;
    }
    State state;
    state.format = "OpenAI GPT parameters";
    TESSERA_TRY(state.keep(buffer.owner()));
    std::size_t at = 0;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      std::string name = i == 0 ? "model/we/positions" : "model/we/tokens";
      if (i >= 2) {
        TESSERA_TRY_ASSIGN(name, as_string(names[i - 1], "parameters_names.json"));
        if (name.ends_with(":0")) name.resize(name.size() - 2);
      }
      TESSERA_TRY_ASSIGN(std::vector<std::int64_t> shape, as_ints(shapes[i], "params_shapes.json"));
      TESSERA_TRY_ASSIGN(const std::size_t bytes, byte_size(DType::f32, shape));
      if (bytes > filled - at) {
        return Error::format(Code::bad_format, "%s: tensor %s of shape %s lies past the end of the %zu bytes there are",
                             folder.c_str(), in_quotes(name).c_str(), format_shape(shape).c_str(), filled);
      }
      TESSERA_TRY(state.add({std::move(name), DType::f32, std::move(shape), buffer.data() + at, bytes}));
      at += bytes;
    }
    if (at != filled) {
      return Error::format(Code::bad_format, "%s: the shapes take %zu bytes, the arrays have %zu", folder.c_str(), at,
                           filled);
    }
    return state;
  });
}

/// Writes the set into a folder that is there: the two files of names and shapes last. The numbers are cut into ten
/// arrays of about the same size, as the original does.
inline Result<void> write_openai_gpt_params(const State& state, const std::string& folder) noexcept {
  return guarded([&]() -> Result<void> {
    std::vector<const StateTensor*> order;
    for (const char* const first : {"model/we/positions", "model/we/tokens"}) {
      TESSERA_TRY_ASSIGN(const StateTensor* const tensor, state.get(first));
      order.push_back(tensor);
    }
    for (const StateTensor& tensor : state) {
      if (&tensor != order[0] && &tensor != order[1]) order.push_back(&tensor);
    }
    Json shapes = Json::array();
    Json names = Json::array({"model/we:0"});
    std::vector<std::byte> all;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const StateTensor& tensor = *order[i];
      if (tensor.type != DType::f32)
        return Error::format(Code::unsupported, "tensor %s is of type %s, the arrays of OpenAI GPT are float32",
                             in_quotes(tensor.name).c_str(), name(tensor.type));
      shapes.push_back(tensor.shape);
      if (i >= 2) names.push_back(tensor.name + ":0");
      const auto* const data = static_cast<const std::byte*>(tensor.data);
      all.insert(all.end(), data, data + tensor.bytes);
    }
    const std::size_t count = all.size() / sizeof(float);
    for (std::size_t part = 0; part < 10; ++part) {
      const std::size_t first = count * part / 10;
      const std::size_t end = count * (part + 1) / 10;
      const std::int64_t shape[] = {static_cast<std::int64_t>(end - first)};
      TESSERA_TRY(write_npy(DType::f32, shape, Bytes(all).subspan(4 * first, 4 * (end - first)),
                            join_path(folder, "params_" + std::to_string(part) + ".npy")));
    }
    TESSERA_TRY(write_json(join_path(folder, "parameters_names.json"), names));
    return write_json(join_path(folder, "params_shapes.json"), shapes);
  });
}

}  // namespace tessera::io
