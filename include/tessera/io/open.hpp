// load_state: one call for any checkpoint, whose format is found by what is in it, not by its name.
//
// Formats and the files looked for in a folder are two tables below; a new format is a header of its own and a line
// in each table it belongs to. Which architecture a checkpoint is of, and what its names mean, is not decided here.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/guard.hpp"
#include "tessera/io/npy.hpp"
#include "tessera/io/safetensors.hpp"
#include "tessera/io/state.hpp"
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
inline constexpr std::array<Format, 3> formats = {{
    {"npy", &detail::matches_npy, &detail::read_as_npy},
    {"torch", &detail::matches_torch, &detail::read_as_torch},
    {"safetensors", &detail::matches_safetensors, &detail::read_as_safetensors},
}};

/// What a folder is searched for, best first: safetensors needs no copy and can hold nothing but tensors.
inline constexpr std::array<std::string_view, 2> checkpoint_names = {"model.safetensors", "pytorch_model.bin"};

/// The checkpoint a path stands for: the path itself, or the best file in a folder.
inline Result<std::string> find_checkpoint(const std::string& path) noexcept {
  return guarded([&]() -> Result<std::string> {
    switch (kind_of(path)) {
      case PathKind::missing: return Error::format(Code::not_found, "%s: no such file or folder", path.c_str());
      case PathKind::file:
      case PathKind::other: return path;
      case PathKind::folder: break;
    }
    std::string wanted;
    for (const std::string_view name : checkpoint_names) {
      std::string candidate = join_path(path, name);
      if (kind_of(candidate) == PathKind::file) return candidate;
      wanted.append(wanted.empty() ? "" : " or ").append(name);
    }
    return Error::format(Code::not_found, "%s: no checkpoint in this folder: looked for %s", path.c_str(),
                         wanted.c_str());
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

}  // namespace tessera::io
