// Folders of small language models with random weights and a recorded tokenizer.
#pragma once

#include <filesystem>
#include <string>

#include "tessera/pretrained/model.hpp"

namespace language_model_test {

namespace fs = std::filesystem;
using namespace tessera;

/// Writes a model with the config of a golden case, some of its keys changed, and the files of a golden tokenizer.
template <class Model>
Result<void> make_folder(const fs::path& folder, const std::string& golden, const io::Json& changes,
                         const std::string& tokenizer, std::initializer_list<const char*> files) {
  const fs::path data = TESSERA_GOLDEN_DIR;
  fs::create_directories(folder);
  for (const char* file : files)
    fs::copy_file(data / "tokenizers" / tokenizer / file, folder / file, fs::copy_options::overwrite_existing);
  TESSERA_TRY_ASSIGN(io::Json json, io::read_json((data / "models" / golden / "config.json").string()));
  for (const auto& [key, value] : changes.items()) json[key] = value;
  TESSERA_TRY_ASSIGN(auto config, parse_config<typename Model::Config>(json));
  const auto any = [](std::string_view) { return true; };
  TESSERA_TRY_ASSIGN(const auto made, from_state<Model>(std::move(config), io::State(), any, 3));
  return save_pretrained(*made, folder.string(), WeightFormat::safetensors);
}

}  // namespace language_model_test
