// Any bytes as a .npy file: read or refused, and written again as NumPy would read it.
#include <cstdint>
#include <cstdlib>

#include "tessera/io/npy.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace io = tessera::io;
  const auto state = io::read_npy(io::Bytes(reinterpret_cast<const std::byte*>(data), size));
  if (!state.ok()) return 0;
  const auto written = io::write_npy((*state)[0]);
  if (!written.ok()) std::abort();
  const auto again = io::read_npy(io::Bytes(*written));
  if (!again.ok() || (*again)[0].shape != (*state)[0].shape) std::abort();
  return 0;
}
