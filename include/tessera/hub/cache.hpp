// The cache of downloads, as the reference lays it out: a file is named by the hashes of its address and of its ETag,
// and has a small JSON file beside it that names both. So programs of either share what they have fetched.
//
// Source: pytorch-transformers 1.2.0, file_utils.py.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/sha256.hpp"

namespace tessera::inline TESSERA_ISA::hub {

namespace detail {

inline std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// A path with "~" for the home folder.
inline std::string expanded(std::string path) {
  if (path == "~" || path.starts_with("~/")) path.replace(0, 1, variable("HOME"));
  return path;
}

}  // namespace detail

/// Where downloads are kept: the argument, PYTORCH_TRANSFORMERS_CACHE, PYTORCH_PRETRAINED_BERT_CACHE, or the folder
/// pytorch_transformers in TORCH_HOME, XDG_CACHE_HOME/torch or ~/.cache/torch.
inline std::string cache_folder(const std::string& argument = {}) {
  if (!argument.empty()) return argument;
  for (const char* name : {"PYTORCH_TRANSFORMERS_CACHE", "PYTORCH_PRETRAINED_BERT_CACHE"}) {
    if (std::string value = detail::variable(name); !value.empty()) return value;
  }
  std::string home = detail::variable("TORCH_HOME");
  if (home.empty()) {
    const std::string cache = detail::variable("XDG_CACHE_HOME");
    home = io::join_path(cache.empty() ? "~/.cache" : cache, "torch");
  }
  return io::join_path(detail::expanded(home), "pytorch_transformers");
}

/// The name of a file in the cache.
inline std::string cache_name(std::string_view url, std::string_view etag) {
  std::string name = io::sha256_hex(io::bytes_of(url));
  if (!etag.empty()) name += "." + io::sha256_hex(io::bytes_of(etag));
  return name;
}

namespace detail {

/// visit(path) for each file of an address that the folder has, those beside a download (.json, .part, .lock) too.
template <class Visit>
void for_each_of(const std::string& folder, std::string_view url, Visit&& visit) {
  const std::string start = cache_name(url, {});
  std::error_code code;
  for (std::filesystem::directory_iterator at(folder, code), end; !code && at != end; at.increment(code))
    if (at->path().filename().string().starts_with(start)) visit(at->path().string());
}

}  // namespace detail

/// The file of an address that was fetched last, whatever its ETag; empty if there is none.
inline std::string last_cached(const std::string& folder, std::string_view url) {
  std::string found;
  std::filesystem::file_time_type newest{};
  detail::for_each_of(folder, url, [&](std::string path) {
    if (path.ends_with(".json") || path.ends_with(".part") || path.ends_with(".lock")) return;
    std::error_code ignored;
    const auto time = std::filesystem::last_write_time(path, ignored);
    if (found.empty() || time > newest) {
      found = std::move(path);
      newest = time;
    }
  });
  return found;
}

/// Removes what was begun of versions of an address that nobody fetches any more.
inline void remove_parts(const std::string& folder, std::string_view url) {
  detail::for_each_of(folder, url, [](const std::string& path) {
    if (!path.ends_with(".part")) return;
    if (io::kind_of(path.substr(0, path.size() - 5) + ".lock") != io::PathKind::missing) return;
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  });
}

/// Writes the JSON file beside a cached one.
inline Result<void> write_metadata(const std::string& cached, const std::string& url, const std::string& etag) {
  io::Json json = io::Json::object();
  json["url"] = url;
  json["etag"] = etag.empty() ? io::Json(nullptr) : io::Json(etag);
  TESSERA_TRY_ASSIGN(const std::string text, io::format_json(json, false));
  return io::write_text(cached + ".json", text);
}

}  // namespace tessera::hub
