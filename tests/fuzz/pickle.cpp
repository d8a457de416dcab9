// Any bytes as a pickle, and as a checkpoint of torch in either of its formats.
#include <cstdint>
#include <cstdlib>

#include "tessera/io/torch.hpp"
#include "tessera/io/torch_object.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace io = tessera::io;
  const io::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto pickle = io::read_pickle(bytes);
  if (pickle.ok() && pickle->length > size) std::abort();
  (void)io::read_torch_object(bytes);
  const auto state = io::read_torch(bytes);
  if (!state.ok()) return 0;
  std::size_t sum = 0;
  for (const io::StateTensor& tensor : *state) {
    for (const std::byte byte : tensor.view()) sum += static_cast<std::size_t>(byte);
  }
  return sum == static_cast<std::size_t>(-1) ? 1 : 0;
}
