// Any bytes as JSON: read or refused, and what was read can be written and read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tessera/io/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace io = tessera::io;
  const auto json = io::parse_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!json.ok()) return 0;
  const auto written = io::format_json(*json, false);
  if (written.ok() && !io::parse_json(*written).ok()) std::abort();
  return 0;
}
