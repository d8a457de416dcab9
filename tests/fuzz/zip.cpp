// Any bytes as a zip archive: each entry that it lists is unpacked, within an allowance.
#include <cstdint>
#include <cstdlib>

#include "tessera/io/npz.hpp"
#include "tessera/io/zip.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace io = tessera::io;
  const io::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  (void)io::read_npz(bytes, true);
  const auto archive = io::ZipArchive::open(bytes);
  if (!archive.ok()) return 0;
  for (const io::ZipEntry& entry : archive->entries()) {
    io::detail::Allowance allowance(size);
    if (!entry.deflated) {
      (void)archive->check_crc(entry, entry.stored);
    } else if (const auto content = archive->inflate(entry, allowance); content.ok() && content->size() != entry.size) {
      std::abort();
    }
  }
  return 0;
}
