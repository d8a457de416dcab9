// Any bytes as a safetensors file: read or refused, and what was read can be written and read again.
#include <cstdint>
#include <cstdlib>

#include "tessera/io/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace io = tessera::io;
  const auto state = io::read_safetensors(io::Bytes(reinterpret_cast<const std::byte*>(data), size));
  if (!state.ok()) return 0;
  const auto written = io::write_safetensors(*state);
  if (!written.ok()) return 0;
  const auto again = io::read_safetensors(io::Bytes(*written));
  if (!again.ok() || again->size() != state->size()) std::abort();
  return 0;
}
