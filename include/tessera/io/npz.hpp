// .npz: a zip archive of .npy files, one array each, as numpy.savez and savez_compressed write it. Reading only.
//
// Source: the NumPy reference, numpy.lib.format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/npy.hpp"
#include "tessera/io/state.hpp"
#include "tessera/io/zip.hpp"

namespace tessera::inline TESSERA_ISA::io {

/// Whether the first entry of an archive is an array; torch's archives begin with data.pkl.
inline bool looks_like_npz(Bytes file) noexcept {
  constexpr std::size_t header = 30;
  if (file.size() < header || load_le<std::uint32_t>(file.data()) != detail::zip::local_signature) return false;
  const std::size_t length = load_le<std::uint16_t>(file.data() + 26);
  return length <= file.size() - header && text_of(file.subspan(header, length)).ends_with(".npy");
}

/// The arrays under their names without ".npy". They may point into `file`.
inline Result<State> read_npz(Bytes file, bool checksums = false) noexcept {
  return guarded([&]() -> Result<State> {
    TESSERA_TRY_ASSIGN(const ZipArchive archive, ZipArchive::open(file));
    detail::Allowance allowance(file.size());
    State state;
    state.format = "npz";
    for (const ZipEntry& entry : archive.entries()) {
      std::string_view name = entry.name;
      if (name.ends_with(".npy")) name.remove_suffix(4);
      Bytes content = entry.stored;
      if (entry.deflated) {
        TESSERA_TRY_ASSIGN(const Buffer buffer, archive.inflate(entry, allowance));
        TESSERA_TRY(state.keep(buffer.owner()));
        content = Bytes(buffer.data(), buffer.size());
      } else if (checksums) {
        TESSERA_TRY(archive.check_crc(entry, content));
      }
      auto array = read_npy(content, std::string(name));
      if (!array.ok()) return array.error().in(std::string(entry.name).c_str());
      TESSERA_TRY(state.merge(std::move(*array)));
    }
    return state;
  });
}

}  // namespace tessera::io
