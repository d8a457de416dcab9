// A model by name: a folder of files under the names that from_pretrained looks for, wherever they come from.
//
// A path that is there is taken as it is. Otherwise a folder of the mirror, then the cache, then the network; what is
// fetched lies in the cache once and is linked into a folder of the model.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "tessera/base/result.hpp"
#include "tessera/hub/cache.hpp"
#include "tessera/hub/download.hpp"
#include "tessera/hub/names.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/guard.hpp"

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

/// Whether a folder has a config and weights.
inline bool is_whole(const std::string& folder) {
  const auto has = [&folder](const char* name) {
    return io::kind_of(io::join_path(folder, name)) == io::PathKind::file;
  };
  return has("config.json") && (has("model.safetensors") || has("pytorch_model.bin"));
}

/// `to` becomes another name of `from`, in one step: a link where the system has them, else a copy.
inline Result<void> link_file(const std::string& from, const std::string& to) {
  const std::string temporary = to + ".part";
  std::error_code code;
  std::filesystem::remove(temporary, code);
  std::filesystem::create_hard_link(from, temporary, code);
  if (code) {
    code.clear();
    std::filesystem::copy_file(from, temporary, code);
  }
  if (!code) std::filesystem::rename(temporary, to, code);
  if (code) return Error::format(Code::io_failure, "%s: cannot be written: %s", to.c_str(), code.message().c_str());
  return {};
}

}  // namespace detail

/// The folder (or file) of a model. `name`: a path, a shortcut name of the reference, or user/model of the hub.
inline Result<std::string> find_model(const std::string& name, const Options& options = {}) noexcept {
  return io::guarded([&]() -> Result<std::string> {
    if (io::kind_of(name) != io::PathKind::missing) return name;
    if (!is_shortcut(name) && !is_hub_name(name)) {
      std::string known;
      for (const std::string& shortcut : shortcut_names()) known.append(known.empty() ? "" : ", ").append(shortcut);
      return Error::format(Code::not_found,
                           "%s: no such file or folder, nor is it user/model of the hub or one of the names %s",
                           name.c_str(), known.c_str());
    }
    if (!options.mirror.empty()) {
      std::string mirrored = io::join_path(options.mirror, name);
      if (io::kind_of(mirrored) == io::PathKind::folder) return mirrored;
    }
    const std::string folder = folder_of_model(name, options);
    const std::vector<RemoteFile> files = files_of(name, detail::endpoint_of(options));
    std::string wanted;
    for (const RemoteFile& file : files) {
      if (!file.optional) wanted.append(wanted.empty() ? "" : ", ").append(file.name);
    }
    const auto by_hand = [&](const Error& error) {
      return Error::format(error.code(), "%s (put its files by hand into %s: %s%s)", error.message(), folder.c_str(),
                           wanted.c_str(),
                           is_shortcut(name) ? "" : ", pytorch_model.bin or model.safetensors, the vocabulary");
    };
    if (is_offline(options)) {
      if (detail::is_whole(folder)) return folder;
      return by_hand(Error::format(Code::not_found, "%s: not in the cache, and TESSERA_OFFLINE forbids to fetch it",
                                   name.c_str()));
    }
    std::error_code code;
    std::filesystem::create_directories(folder, code);
    if (code)
      return Error::format(Code::io_failure, "%s: cannot make the folder: %s", folder.c_str(), code.message().c_str());
    bool has_safetensors = false;
    for (const RemoteFile& file : files) {
      if (file.name == "pytorch_model.bin" && has_safetensors) continue;
      const auto path = fetch(file.url, options);
      if (!path.ok()) {
        if (file.optional && path.error().code() == Code::not_found) continue;
        if (path.error().code() != Code::cancelled && detail::is_whole(folder))
          return folder;  // put there by hand, or before
        return by_hand(path.error());
      }
      has_safetensors |= file.name == "model.safetensors";
      TESSERA_TRY(detail::link_file(*path, io::join_path(folder, file.name)));
    }
    if (detail::is_whole(folder)) return folder;
    return by_hand(Error::format(Code::not_found, "%s: the hub has no weights of it", name.c_str()));
  });
}

}  // namespace tessera::hub
