// load_state: one call for any checkpoint, whose format is found by what is in it, not by its name.
//
// Formats and the files looked for in a folder are two tables below; a new format is a header of its own and a line
// in each table it belongs to. Which architecture a checkpoint is of, and what its names mean, is not decided here.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/npy.hpp"
#include "tessera/io/npz.hpp"
#include "tessera/io/openai_gpt_params.hpp"
#include "tessera/io/safetensors.hpp"
#include "tessera/io/sharded.hpp"
#include "tessera/io/state.hpp"
#include "tessera/io/tf_bundle.hpp"
#include "tessera/io/tf_v1.hpp"
#include "tessera/io/torch.hpp"
#include "tessera/io/zip.hpp"

namespace tessera::inline TESSERA_ISA::io {

struct LoadOptions {
  /// Check every checksum the format has; reads all of the file once.
  bool checksums = false;
};

/// What a format gets to read: the bytes, and where they came from. Formats of several files find the others beside
/// `path`, which is empty for bytes in memory.
struct Source {
  Bytes bytes;
  std::string path;
  std::string_view file_name;  ///< the last part of path
};

/// One format: whether bytes look like it, and how they are read. The reader copies, or points into the bytes.
struct Format {
  const char* name;
  bool (*matches)(const Source&) noexcept;
  Result<State> (*read)(const Source&, const LoadOptions&) noexcept;
};

namespace detail {

inline bool starts_with(Bytes bytes, std::string_view what) noexcept { return text_of(bytes).starts_with(what); }

inline bool matches_torch(const Source& source) noexcept {
  return ZipArchive::looks_like(source.bytes) || looks_like_torch_stream(source.bytes);
}
inline Result<State> read_as_torch(const Source& source, const LoadOptions& options) noexcept {
  TorchOptions torch;
  torch.checksums = options.checksums;
  return read_torch(source.bytes, nullptr, torch);
}

inline bool matches_npz(const Source& source) noexcept { return looks_like_npz(source.bytes); }
inline Result<State> read_as_npz(const Source& source, const LoadOptions& options) noexcept {
  return read_npz(source.bytes, options.checksums);
}

inline bool matches_tf_bundle(const Source& source) noexcept {
  return source.file_name.ends_with(".index") && TfTable::looks_like(source.bytes);
}
inline Result<State> read_as_tf_bundle(const Source& source, const LoadOptions& options) noexcept {
  return guarded([&]() -> Result<State> {
    return read_tf_bundle(source.bytes, source.path.substr(0, source.path.size() - std::string_view(".index").size()),
                          options.checksums);
  });
}

inline bool matches_tf_v1(const Source& source) noexcept { return TfTable::looks_like(source.bytes); }
inline Result<State> read_as_tf_v1(const Source& source, const LoadOptions& options) noexcept {
  return read_tf_v1(source.bytes, source.path, options.checksums);
}

inline bool matches_sharded(const Source& source) noexcept { return source.file_name.ends_with(".index.json"); }
inline Result<State> read_as_sharded(const Source& source, const LoadOptions& options) noexcept;  // below load_state

inline bool matches_openai_gpt(const Source& source) noexcept { return source.file_name == "params_shapes.json"; }
inline Result<State> read_as_openai_gpt(const Source& source, const LoadOptions&) noexcept {
  return guarded([&]() -> Result<State> { return read_openai_gpt_params(folder_of(source.path)); });
}

inline bool matches_npy(const Source& source) noexcept { return starts_with(source.bytes, npy_magic); }
inline Result<State> read_as_npy(const Source& source, const LoadOptions&) noexcept {
  return guarded([&]() -> Result<State> {
    std::string name(source.file_name);
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    return read_npy(source.bytes, name.empty() ? "array" : name);
  });
}

/// The format has no magic bytes: a length that leads to the end of a JSON object. A file that calls itself
/// safetensors is taken at its word, so that its own rules say what is wrong with it.
inline bool matches_safetensors(const Source& source) noexcept {
  if (source.file_name.ends_with(".safetensors")) return true;
  return source.bytes.size() >= 10 && source.bytes[8] == std::byte{'{'} &&
         load_le<std::uint64_t>(source.bytes.data()) <= source.bytes.size() - 8;
}
inline Result<State> read_as_safetensors(const Source& source, const LoadOptions&) noexcept {
  return read_safetensors(source.bytes);
}

/// What a file is that is no checkpoint, when its first bytes say so.
inline const char* known_stranger(Bytes bytes) noexcept {
  if (bytes.empty()) return "is empty";
  if (starts_with(bytes, "version https://git-lfs")) return "is a Git LFS pointer; the data was not fetched";
  if (starts_with(bytes, "\x89HDF\r\n")) return "is an HDF5 file, which is not read";
  if (starts_with(bytes, "\x1f\x8b")) return "is compressed by gzip; unpack it first";
  if (bytes.size() > 262 && text_of(bytes.subspan(257, 5)) == "ustar") return "is a tar archive; unpack it first";
  if (starts_with(bytes, "<!DOCTYPE") || starts_with(bytes, "<html")) return "is a web page";
  if (starts_with(bytes, "\x80")) return "is a Python pickle, but not of torch";
  return nullptr;
}

}  // namespace detail

/// In the order in which they are asked: those with magic bytes first.
inline constexpr std::array<Format, 8> formats = {{
    {"npy", &detail::matches_npy, &detail::read_as_npy},
    {"npz", &detail::matches_npz, &detail::read_as_npz},
    {"torch", &detail::matches_torch, &detail::read_as_torch},
    {"TensorFlow V2", &detail::matches_tf_bundle, &detail::read_as_tf_bundle},
    {"TensorFlow V1", &detail::matches_tf_v1, &detail::read_as_tf_v1},
    {"index of files", &detail::matches_sharded, &detail::read_as_sharded},
    {"OpenAI GPT parameters", &detail::matches_openai_gpt, &detail::read_as_openai_gpt},
    {"safetensors", &detail::matches_safetensors, &detail::read_as_safetensors},
}};

/// What a folder is searched for, best first: safetensors needs no copy and can hold nothing but tensors.
inline constexpr std::array<std::string_view, 5> checkpoint_names = {
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
    "params_shapes.json"};

namespace detail {

/// The names in a folder, sorted. A folder that cannot be read has none.
inline std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code code;
  for (std::filesystem::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The file that a prefix of TensorFlow stands for: its index, or the first of its tables; empty if there is none.
inline std::string tf_file_of(const std::string& prefix) {
  if (kind_of(prefix + ".index") == PathKind::file) return prefix + ".index";
  const std::string start = name_of(prefix) + "-00000-of-";
  const std::string folder = folder_of(prefix);
  for (const std::string& name : names_in(folder)) {
    if (name.starts_with(start) && name.size() == start.size() + 5) return join_path(folder, name);
  }
  return {};
}

/// The one index of TensorFlow in a folder; empty if there are none or several.
inline std::string tf_index_in(const std::string& folder) {
  std::string found;
  for (const std::string& name : names_in(folder)) {
    if (!name.ends_with(".index")) continue;
    if (!found.empty()) return {};
    found = join_path(folder, name);
  }
  return found;
}

}  // namespace detail

/// The checkpoint a path stands for: the path itself, the best file in a folder, or that of a prefix of TensorFlow.
inline Result<std::string> find_checkpoint(const std::string& path) noexcept {
  return guarded([&]() -> Result<std::string> {
    switch (kind_of(path)) {
      case PathKind::missing: {
        std::string found = detail::tf_file_of(path);
        if (!found.empty()) return found;
        return Error::format(Code::not_found, "%s: no such file or folder", path.c_str());
      }
      case PathKind::file: {
        const std::size_t data = path.rfind(".data-");
        const std::string index = data == path.npos ? std::string() : path.substr(0, data) + ".index";
        return !index.empty() && kind_of(index) == PathKind::file ? index : path;
      }
      case PathKind::other: return path;
      case PathKind::folder: break;
    }
    for (const std::string_view name : checkpoint_names) {
      std::string candidate = join_path(path, name);
      if (kind_of(candidate) == PathKind::file) return candidate;
    }
    std::string index = detail::tf_index_in(path);
    if (!index.empty()) return index;
    return Error::format(
        Code::not_found,
        "%s: no checkpoint in this folder: looked for model.safetensors or pytorch_model.bin (each also "
        "with an index), one *.index of TensorFlow, and params_shapes.json",
        path.c_str());
  });
}

/// Reads a checkpoint in memory. The tensors may point into `source.bytes`, which the caller keeps alive.
inline Result<State> load_state(const Source& source, const LoadOptions& options = {}) noexcept {
  for (const Format& format : formats)
    if (format.matches(source)) return format.read(source, options);
  return guarded([&]() -> Result<State> {
    if (const char* const stranger = detail::known_stranger(source.bytes); stranger != nullptr)
      return Error::format(Code::bad_format, "the file %s", stranger);
    std::string known;
    for (const Format& format : formats) known.append(known.empty() ? "" : ", ").append(format.name);
    const std::string_view start = text_of(source.bytes.subspan(0, std::min<std::size_t>(source.bytes.size(), 16)));
    return Error::format(Code::bad_format,
                         "the file is in none of the formats that can be read (%s): it starts with %s", known.c_str(),
                         in_quotes(start).c_str());
  });
}
inline Result<State> load_state(Bytes bytes, const LoadOptions& options = {}) noexcept {
  return load_state(Source{bytes, {}, {}}, options);
}

/// Reads a file, or the best checkpoint of a folder. The state keeps the mapping of the file alive.
inline Result<State> load_state(const std::string& path, const LoadOptions& options = {}) noexcept {
  return guarded([&]() -> Result<State> {
    auto found = find_checkpoint(path);
    if (!found) return found.error();
    auto mapped = MappedFile::open(*found);
    if (!mapped) return mapped.error();
    const auto file = std::make_shared<const MappedFile>(std::move(*mapped));
    const std::string file_name = name_of(*found);
    auto state = load_state(Source{file->bytes(), *found, file_name}, options);
    if (!state) return state.error().in(found->c_str());
    TESSERA_TRY(state->keep(file));
    return state;
  });
}

namespace detail {

inline Result<State> read_as_sharded(const Source& source, const LoadOptions& options) noexcept {
  return guarded([&]() -> Result<State> {
    return read_sharded(source.bytes, folder_of(source.path), [&](const std::string& path) -> Result<State> {
      // An index that names an index would lead round in circles.
      if (path.ends_with(".index.json")) {
        return Error::format(Code::bad_format, "index: it names another index, %s", path.c_str());
      }
      return load_state(path, options);
    });
  });
}

}  // namespace detail

}  // namespace tessera::io
