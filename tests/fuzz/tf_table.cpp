// Any bytes as the tables of TensorFlow: the index of version 2, and version 1 with its tensors. Checksums are not
// asked for, which a changed file would never pass.
#include <cstdint>

#include "tessera/io/tf_bundle.hpp"
#include "tessera/io/tf_v1.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace io = tessera::io;
  const io::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  io::State state;
  (void)io::tf::read_v1_table(bytes, false, state);
  (void)io::tf::read_bundle_index(bytes, false);
  const std::string_view message = io::text_of(bytes);
  (void)io::tf::read_bundle_entry(message);
  (void)io::tf::read_bundle_header(message);
  (void)io::tf::is_whole(message);
  return 0;
}
