// A checkpoint in several files, with an index that says which tensor lies in which: model.safetensors.index.json,
// pytorch_model.bin.index.json. Reading only.
//
// The files lie beside the index; a name that leads elsewhere is refused. Tensors of a file that the index does not
// name are left out and listed in State::ignored. Source: the Hugging Face documentation, "sharded checkpoints".
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/state.hpp"

namespace tessera::inline TESSERA_ISA::io {

/// The files that an index names, each with the names of its tensors.
inline Result<std::map<std::string, std::set<std::string>>> files_of_index(const Json& index) {
  TESSERA_TRY_ASSIGN(const Json* const map, get_key(index, "weight_map"));
  if (!map->is_object()) {
    return Error::format(Code::bad_format, "index: weight_map is of type %s, object expected", map->type_name());
  }
  std::map<std::string, std::set<std::string>> tensors_of;
  for (const auto& [tensor, value] : map->items()) {
    TESSERA_TRY_ASSIGN(std::string file, as_string(value, tensor));
    if (file.empty() || file == "." || file == ".." || file.find_first_of("/\\") != file.npos) {
      return Error::format(Code::bad_format, "index: tensor %s is in %s, the name of a file beside it expected",
                           in_quotes(tensor).c_str(), in_quotes(file).c_str());
    }
    tensors_of[std::move(file)].insert(tensor);
  }
  return tensors_of;
}

/// Reads an index and the files that it names, each by load(path), which returns a Result<State>.
template <class Load>
Result<State> read_sharded(Bytes index, const std::string& folder, Load&& load) {
  TESSERA_TRY_ASSIGN(const Json json, parse_json(text_of(index)));
  TESSERA_TRY_ASSIGN(const auto tensors_of, files_of_index(json));
  State state;
  for (const auto& [file, wanted] : tensors_of) {
    TESSERA_TRY_ASSIGN(const State part, load(join_path(folder, file)));
    for (const std::string& name : wanted) {
      if (part.find(name) == nullptr) {
        return Error::format(Code::not_found, "index: tensor %s is not in %s", in_quotes(name).c_str(), file.c_str());
      }
    }
    State kept;
    for (const StateTensor& tensor : part) {
      if (wanted.count(tensor.name) != 0) {
        TESSERA_TRY(kept.add(tensor));
      } else {
        state.ignored.push_back(tensor.name + " (in " + file + ", not in the index)");
      }
    }
    TESSERA_TRY(kept.keep_all_of(part));
    TESSERA_TRY(state.merge(std::move(kept)));
    for (const auto& [key, text] : part.metadata) state.metadata.emplace(key, text);
    if (state.format.empty()) state.format = "sharded " + part.format;
  }
  return state;
}

}  // namespace tessera::io
