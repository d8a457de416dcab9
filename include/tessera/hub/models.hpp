// A model by name: a folder of files under the names that from_pretrained looks for, wherever they come from.
//
// A path that is there is taken as it is. Otherwise a folder of the mirror, then the network for what the cache does
// not have in its newest version, then the cache; what is fetched lies there once and is linked into a folder of the
// model.
#pragma once

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <unistd.h>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/hub/cache.hpp"
#include "tessera/hub/download.hpp"
#include "tessera/hub/names.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/sharded.hpp"

namespace tessera::inline TESSERA_ISA::hub {

/// The folder in the cache that a model's files are put into, by us or by hand.
inline std::string folder_of_model(std::string name, const Options& options = {}) {
  if (const std::size_t slash = name.find('/'); slash != name.npos) name.replace(slash, 1, "--");
  return io::join_path(io::join_path(cache_folder(options.cache), "tessera-models"), name);
}

namespace detail {

inline std::string endpoint_of(const Options& options) {
  std::string endpoint = options.endpoint;
  if (endpoint.empty()) endpoint = variable("TESSERA_HUB_ENDPOINT");
  if (endpoint.empty()) endpoint = variable("HF_ENDPOINT");
  if (endpoint.empty()) endpoint = "https://huggingface.co";
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint;
}

/// Whether a folder has a config and what else is wanted: weights, or a vocabulary.
inline bool is_whole(const std::string& folder, Wanted wanted) {
  const auto has = [&folder](std::string_view name) {
    return io::kind_of(io::join_path(folder, name)) == io::PathKind::file;
  };
  const auto has_whole = [&](std::string_view name) {
    if (!has(name) || !name.ends_with(".index.json")) return has(name);
    const auto index = io::read_json(io::join_path(folder, name));
    if (!index.ok()) return false;
    const auto shards = io::files_of_index(*index);
    return shards.ok() && std::all_of(shards->begin(), shards->end(), [&](const auto& s) { return has(s.first); });
  };
  if (!has("config.json")) return false;
  const auto& names = wanted == Wanted::tokenizer ? vocabulary_names : weight_names;
  return std::any_of(names.begin(), names.end(), has_whole);
}

/// `to` becomes another name of `from`, in one step: a link where the system has them, else a copy.
inline Result<void> link_file(const std::string& from, const std::string& to) {
  std::error_code code;
  if (std::filesystem::equivalent(from, to, code)) return {};
  code.clear();
  static std::atomic<unsigned> count{0};  // others may be at the same file
  const std::string temporary = to + "." + std::to_string(::getpid()) + "-" + std::to_string(count++) + ".part";
  std::filesystem::create_hard_link(from, temporary, code);
  if (code) {
    code.clear();
    std::filesystem::copy_file(from, temporary, code);
  }
  if (!code) std::filesystem::rename(temporary, to, code);
  // Also where rename does nothing, as both are names of one file already.
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  if (code) return Error::format(Code::io_failure, "%s: cannot be written: %s", to.c_str(), code.message().c_str());
  return {};
}

}  // namespace detail

namespace detail {

/// Puts a file of a model into its folder: from the cache, or fetched. False if there is none and none is needed.
inline Result<bool> put_file(const RemoteFile& file, const std::string& folder, const Options& options) {
  const auto path = fetch(file.url, options);
  if (!path.ok()) {
    if (file.optional && path.error().code() == Code::not_found) return false;
    return path.error();
  }
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code)
    return Error::format(Code::io_failure, "%s: cannot make the folder: %s", folder.c_str(), code.message().c_str());
  TESSERA_TRY(link_file(*path, io::join_path(folder, file.name)));
  return true;
}

/// The files that an index names, which lies in `folder` already; `index_url` says where they are.
inline Result<void> put_shards(const std::string& index_name, const std::string& index_url, const std::string& folder,
                               const Options& options) {
  TESSERA_TRY_ASSIGN(const io::Json index, io::read_json(io::join_path(folder, index_name)));
  TESSERA_TRY_ASSIGN(const auto tensors_of, io::files_of_index(index));
  for (const auto& [file, tensors] : tensors_of) {
    const std::string url = index_url.substr(0, index_url.rfind('/') + 1) + file;
    TESSERA_TRY(put_file({file, url, false}, folder, options));
  }
  return {};
}

/// Fills the folder of a model with what is wanted. A file that is needed and not to be had ends it.
inline Result<void> fill_folder(const std::vector<RemoteFile>& files, const std::string& folder,
                                const Options& options) {
  bool has_weights = false;
  for (const RemoteFile& file : files) {
    const bool is_weights = std::find(weight_names.begin(), weight_names.end(), file.name) != weight_names.end();
    if (is_weights && has_weights) continue;  // the best format is enough
    TESSERA_TRY_ASSIGN(const bool there, put_file(file, folder, options));
    has_weights |= is_weights && there;
    if (there && file.name.ends_with(".index.json")) TESSERA_TRY(put_shards(file.name, file.url, folder, options));
  }
  return {};
}

}  // namespace detail

/// The folder (or file) of a model. `name`: a path, a shortcut name of the reference, or user/model of the hub. Asked
/// in this order: the path itself, the mirror, the network (for what the cache does not have in its newest version),
/// the cache, and what was put by hand into folder_of_model. A mirror holds folders of the models' names.
inline Result<std::string> find_model(const std::string& name, const Options& options = {},
                                      Wanted wanted = Wanted::model) noexcept {
  return guarded([&]() -> Result<std::string> {
    if (io::kind_of(name) != io::PathKind::missing) return name;
    if (!is_shortcut(name) && !is_hub_name(name)) {
      return Error::format(
          Code::not_found,
          "%s: no such file or folder, nor is it user/model of the hub or a name of the reference, such "
          "as bert-base-uncased (fetch --help lists them)",
          name.c_str());
    }
    const std::string mirror = options.mirror.empty() ? detail::variable("TESSERA_MIRROR") : options.mirror;
    if (!mirror.empty()) {
      std::string mirrored = io::join_path(mirror, name);
      if (io::kind_of(mirrored) == io::PathKind::folder) return mirrored;
    }
    const std::string folder = folder_of_model(name, options);
    const std::vector<RemoteFile> files = files_of(name, detail::endpoint_of(options), wanted);
    const auto filled = detail::fill_folder(files, folder, options);
    // Put there by hand, or before.
    if (!filled.ok() && filled.error().code() == Code::cancelled) return filled.error();
    if (detail::is_whole(folder, wanted)) return folder;
    const Error error = filled.ok() ? Error::format(Code::not_found, "%s: the hub has no %s of it", name.c_str(),
                                                    wanted == Wanted::model ? "weights" : "vocabulary")
                                    : filled.error();
    std::string needed;
    for (const RemoteFile& file : files) {
      if (!file.optional) needed.append(needed.empty() ? "" : ", ").append(file.name);
    }
    if (!is_shortcut(name)) needed += ", pytorch_model.bin or model.safetensors, the vocabulary";
    return Error::format(error.code(), "%s (put its files by hand into %s: %s)", error.message(), folder.c_str(),
                         needed.c_str());
  });
}

}  // namespace tessera::hub
