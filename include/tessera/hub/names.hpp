// Names of models and the addresses of their files: the shortcuts of pytorch-transformers 1.2.0, and user/model of the
// hub.
//
// Data and string work alone; nothing is fetched. Source: the archive maps of pytorch-transformers 1.2.0; the addresses
// of huggingface.co ("resolve").
#pragma once

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA::hub {

/// A file of a model: the name that from_pretrained looks for in a folder, and where it is.
struct RemoteFile {
  std::string name;
  std::string url;
  bool optional = false;
};

/// What is wanted of a model: all of it, or its tokenizer alone, without the weights.
enum class Wanted : unsigned char { model, tokenizer };

namespace detail {

/// Weights under the names of a folder, best first; one of them is enough.
inline constexpr std::array<std::string_view, 4> weight_names = {
    "model.safetensors", "pytorch_model.bin", "model.safetensors.index.json", "pytorch_model.bin.index.json"};
/// One of them makes a tokenizer.
inline constexpr std::array<std::string_view, 4> vocabulary_names = {"vocab.txt", "vocab.json", "spiece.model",
                                                                     "vocab.bin"};

inline constexpr std::string_view archive = "https://s3.amazonaws.com/models.huggingface.co/bert/";

/// A shortcut, and the kind of its vocabulary.
struct Shortcut {
  std::string_view name;
  std::string_view vocabulary;  ///< names of its files, with spaces between
};

inline constexpr Shortcut shortcuts[] = {
    {"bert-base-uncased", "vocab.txt"},
    {"bert-large-uncased", "vocab.txt"},
    {"bert-base-cased", "vocab.txt"},
    {"bert-large-cased", "vocab.txt"},
    {"bert-base-multilingual-uncased", "vocab.txt"},
    {"bert-base-multilingual-cased", "vocab.txt"},
    {"bert-base-chinese", "vocab.txt"},
    {"bert-base-german-cased", "vocab.txt"},
    {"bert-large-uncased-whole-word-masking", "vocab.txt"},
    {"bert-large-cased-whole-word-masking", "vocab.txt"},
    {"bert-large-uncased-whole-word-masking-finetuned-squad", "vocab.txt"},
    {"bert-large-cased-whole-word-masking-finetuned-squad", "vocab.txt"},
    {"bert-base-cased-finetuned-mrpc", "vocab.txt"},
    {"openai-gpt", "vocab.json merges.txt"},
    {"gpt2", "vocab.json merges.txt"},
    {"gpt2-medium", "vocab.json merges.txt"},
    {"gpt2-large", "vocab.json merges.txt"},
    {"transfo-xl-wt103", "vocab.bin"},
    {"xlnet-base-cased", "spiece.model"},
    {"xlnet-large-cased", "spiece.model"},
    {"xlm-mlm-en-2048", "vocab.json merges.txt"},
    {"xlm-mlm-ende-1024", "vocab.json merges.txt"},
    {"xlm-mlm-enfr-1024", "vocab.json merges.txt"},
    {"xlm-mlm-enro-1024", "vocab.json merges.txt"},
    {"xlm-mlm-tlm-xnli15-1024", "vocab.json merges.txt"},
    {"xlm-mlm-xnli15-1024", "vocab.json merges.txt"},
    {"xlm-clm-enfr-1024", "vocab.json merges.txt"},
    {"xlm-clm-ende-1024", "vocab.json merges.txt"},
    {"xlm-mlm-17-1280", "vocab.json merges.txt"},
    {"xlm-mlm-100-1280", "vocab.json merges.txt"},
    {"roberta-base", "vocab.json merges.txt"},
    {"roberta-large", "vocab.json merges.txt"},
    {"roberta-large-mnli", "vocab.json merges.txt"},
    {"distilbert-base-uncased", "vocab.txt"},
    {"distilbert-base-uncased-distilled-squad", "vocab.txt"},
};

/// Files that do not lie under the name of their model.
struct Elsewhere {
  std::string_view model;
  std::string_view file;
  std::string_view url;  ///< behind `archive`, unless it is whole
};

inline constexpr Elsewhere elsewhere[] = {
    {"bert-base-german-cased", "vocab.txt",
     "https://int-deepset-models-bert.s3.eu-central-1.amazonaws.com/pytorch/bert-base-german-cased-vocab.txt"},
    {"xlm-clm-enfr-1024", "merges.txt", "xlm-mlm-enfr-1024-merges.txt"},
    {"xlm-clm-ende-1024", "merges.txt", "xlm-mlm-ende-1024-merges.txt"},
    {"distilbert-base-uncased", "vocab.txt", "bert-base-uncased-vocab.txt"},
    {"distilbert-base-uncased-distilled-squad", "vocab.txt", "bert-large-uncased-vocab.txt"},
};

inline std::string shortcut_url(std::string_view model, std::string_view file) {
  for (const Elsewhere& other : elsewhere) {
    if (other.model != model || other.file != file) continue;
    return other.url.starts_with("https:") ? std::string(other.url) : std::string(archive).append(other.url);
  }
  return std::string(archive).append(model).append("-").append(file);
}

}  // namespace detail

/// All shortcut names, in the reference's order.
inline std::vector<std::string> shortcut_names() {
  std::vector<std::string> names;
  for (const detail::Shortcut& shortcut : detail::shortcuts) names.emplace_back(shortcut.name);
  return names;
}

inline bool is_shortcut(std::string_view name) noexcept {
  return std::any_of(std::begin(detail::shortcuts), std::end(detail::shortcuts),
                     [name](const detail::Shortcut& shortcut) { return shortcut.name == name; });
}

/// user/model: two parts of letters, digits, ".", "_" and "-", neither of them only dots.
inline bool is_hub_name(std::string_view name) noexcept {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return false;
  const auto good = [](std::string_view part) {
    constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return !part.empty() && part.size() <= 100 && part.find_first_not_of(allowed) == part.npos &&
           part.find_first_not_of('.') != part.npos;
  };
  // A path that is not there, not a model: nothing of this machine is asked of the network.
  constexpr std::string_view files[] = {".bin",   ".safetensors", ".json", ".txt", ".npy", ".npz",  ".ckpt",
                                        ".index", ".model",       ".pt",   ".pth", ".pkl", ".jsonl"};
  const bool is_file = std::any_of(std::begin(files), std::end(files), [&](auto end) { return name.ends_with(end); });
  return !is_file && good(name.substr(0, slash)) && good(name.substr(slash + 1));
}

/// The files of a model: those of a shortcut, or those that a model of the hub may have. None for any other name.
/// `endpoint` is the address of the hub.
inline std::vector<RemoteFile> files_of(std::string_view name, std::string_view endpoint,
                                        Wanted wanted = Wanted::model) {
  std::vector<RemoteFile> files;
  for (const detail::Shortcut& shortcut : detail::shortcuts) {
    if (shortcut.name != name) continue;
    files.push_back({"config.json", detail::shortcut_url(name, "config.json"), false});
    if (wanted == Wanted::model)
      files.push_back({"pytorch_model.bin", detail::shortcut_url(name, "pytorch_model.bin"), false});
    std::string_view rest = shortcut.vocabulary;
    while (!rest.empty()) {
      const std::size_t end = (std::min)(rest.find(' '), rest.size());
      const std::string file(rest.substr(0, end));
      files.push_back({file, detail::shortcut_url(name, file), false});
      rest.remove_prefix((std::min)(end + 1, rest.size()));
    }
    return files;
  }
  if (!is_hub_name(name)) return files;
  const auto add = [&](std::string_view file, bool optional) {
    files.push_back({std::string(file),
                     std::string(endpoint).append("/").append(name).append("/resolve/main/").append(file), optional});
  };
  add("config.json", false);
  for (const std::string_view file : detail::vocabulary_names) add(file, true);
  for (const char* file : {"merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"})
    add(file, true);
  if (wanted == Wanted::tokenizer) return files;
  for (const std::string_view file : detail::weight_names) add(file, true);
  return files;
}

}  // namespace tessera::hub
