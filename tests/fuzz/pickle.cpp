// Any bytes as a pickle, as a checkpoint of torch in either of its formats, and as the dictionaries of original
// releases.
#include <cstdint>
#include <cstdlib>

#include "tessera/io/narrow.hpp"
#include "tessera/io/original_dictionaries.hpp"
#include "tessera/io/torch.hpp"
#include "tessera/io/torch_object.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace io = tessera::io;
  const io::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto pickle = io::read_pickle(bytes);
  if (pickle.ok() && pickle->length > size) std::abort();
  if (const auto corpus = io::read_transfo_xl_corpus(bytes); corpus.ok()) {
    io::MemorySink sink;
    if (io::write_torch_value(corpus->pickle, corpus->vocabulary, size, sink).ok()) {
      const auto written = sink.take();
      if (!io::read_torch_object(io::Bytes(written)).ok()) std::abort();
    }
  }
  const auto object = io::read_torch_object(bytes);
  const auto state = io::read_torch(bytes);
  if (!state.ok()) return 0;
  if (object.ok() && io::is_xlm_dump(*object)) (void)io::read_xlm_dump(*state, *object);
  if (io::has_int8_rows(*state)) (void)io::from_int8_rows(*state);
  std::size_t sum = 0;
  for (const io::StateTensor& tensor : *state) {
    for (const std::byte byte : tensor.view()) sum += static_cast<std::size_t>(byte);
  }
  return sum == static_cast<std::size_t>(-1) ? 1 : 0;
}
