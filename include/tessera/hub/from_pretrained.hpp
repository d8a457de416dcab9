// from_pretrained by name: a model or a tokenizer from a path, a shortcut name of the reference, or user/model of the
// hub.
//
// What is found where is the business of hub/models.hpp; what is read from the folder, of the headers beside this one.
// Needs tessera::hub, and so libcurl, which nothing else here does.
#pragma once

#include <memory>
#include <string>

#include "tessera/hub/models.hpp"
#include "tessera/pretrained/model.hpp"
#include "tessera/pretrained/tokenizer_files.hpp"

namespace tessera::inline TESSERA_ISA::hub {

/// The model of a class, such as Bert<>; see tessera::from_pretrained.
template <class Model>
Result<std::unique_ptr<Pretrained<Model>>> from_pretrained(const std::string& name, const Options& options = {},
                                                           MayBeMissing may_be_missing = nothing_missing,
                                                           std::uint64_t seed = 0) {
  TESSERA_TRY_ASSIGN(const std::string path, find_model(name, options));
  return tessera::from_pretrained<Model>(path, may_be_missing, seed);
}

/// The tokenizer of a model; its weights are not fetched. See pretrained::load_tokenizer.
inline Result<pretrained::LoadedTokenizer> load_tokenizer(const std::string& name, const Options& options = {},
                                                          const std::string& class_name = {},
                                                          const io::Json& arguments = io::Json::object()) noexcept {
  TESSERA_TRY_ASSIGN(const std::string path, find_model(name, options, Wanted::tokenizer));
  return pretrained::load_tokenizer(path, class_name, arguments);
}

}  // namespace tessera::hub
