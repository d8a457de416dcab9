// The safetensors format: an 8-byte length, a JSON header, the bytes of all tensors.
//
// Format: https://github.com/huggingface/safetensors (README, "Format"). Reading copies nothing but tensors that lie
// unaligned in the file. The rules of the reference are all kept: byte ranges must follow each other without overlap
// or hole, start at 0 and end with the file. Stricter than the reference: a name must not come twice.
// Written files are laid out as the reference does, wider types first and then by name, so that data is aligned.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/dtype.hpp"
#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/state.hpp"

namespace tessera::inline TESSERA_ISA::io {

namespace detail {

struct SafetensorsType {
  const char* tag;
  DType type;
};

// In the order of the reference, which sorts the tensors of a file by it, last first.
inline constexpr std::array<SafetensorsType, 10> safetensors_types = {{{"BOOL", DType::boolean},
                                                                       {"U8", DType::u8},
                                                                       {"I8", DType::i8},
                                                                       {"I16", DType::i16},
                                                                       {"F16", DType::f16},
                                                                       {"BF16", DType::bf16},
                                                                       {"I32", DType::i32},
                                                                       {"F32", DType::f32},
                                                                       {"F64", DType::f64},
                                                                       {"I64", DType::i64}}};

constexpr std::size_t safetensors_rank(DType type) noexcept {
  std::size_t rank = 0;
  while (rank + 1 < safetensors_types.size() && safetensors_types[rank].type != type) ++rank;
  return rank;
}

// The reference refuses longer headers, too.
inline constexpr std::uint64_t safetensors_most_header = 100'000'000;

struct SafetensorsEntry {
  StateTensor tensor;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

inline Result<SafetensorsEntry> parse_safetensors_entry(const std::string& name, const Json& value) {
  SafetensorsEntry entry;
  entry.tensor.name = name;
  auto dtype = get_string(value, "dtype");
  if (!dtype) return dtype.error();
  const auto known = std::find_if(safetensors_types.begin(), safetensors_types.end(),
                                  [&](const SafetensorsType& t) { return *dtype == t.tag; });
  if (known == safetensors_types.end())
    return Error::format(Code::unsupported, "dtype %s is not among those that can be read",
                         in_quotes(*dtype, 40).c_str());
  entry.tensor.type = known->type;
  auto shape = get_ints(value, "shape");
  if (!shape) return shape.error();
  entry.tensor.shape = std::move(*shape);
  auto bytes = byte_size(entry.tensor.type, entry.tensor.shape);
  if (!bytes) return bytes.error();
  entry.tensor.bytes = *bytes;
  auto offsets = get_ints(value, "data_offsets");
  if (!offsets) return offsets.error();
  if (offsets->size() != 2 || (*offsets)[0] < 0 || (*offsets)[1] < (*offsets)[0])
    return Error::format(Code::bad_format, "data_offsets must be two numbers, begin and end, found %s",
                         format_shape(*offsets).c_str());
  entry.begin = static_cast<std::uint64_t>((*offsets)[0]);
  entry.end = static_cast<std::uint64_t>((*offsets)[1]);
  if (entry.end - entry.begin != entry.tensor.bytes)
    return Error::format(Code::bad_format, "shape %s of %s takes %zu bytes, data_offsets give %llu",
                         format_shape(entry.tensor.shape).c_str(), tessera::name(entry.tensor.type), entry.tensor.bytes,
                         static_cast<unsigned long long>(entry.end - entry.begin));
  return entry;
}

inline Result<State> parse_safetensors(Bytes data) {
  ByteReader reader(data, "safetensors header");
  TESSERA_TRY_ASSIGN(const std::uint64_t header_size, reader.read<std::uint64_t>());
  if (header_size > safetensors_most_header)
    return Error::format(Code::bad_format, "safetensors: a header of %llu bytes, at most %llu expected",
                         static_cast<unsigned long long>(header_size),
                         static_cast<unsigned long long>(safetensors_most_header));
  TESSERA_TRY_ASSIGN(const Bytes header_bytes, reader.take(header_size));
  const std::string_view header_text = text_of(header_bytes);
  if (header_text.empty() || header_text.front() != '{')
    return Error::format(Code::bad_format, "safetensors: the header must start with '{'");
  JsonOptions options;
  options.refuse_duplicates = true;
  options.max_depth = 16;
  auto header = parse_json(header_text, options);
  if (!header) return header.error().in("safetensors header");
  const auto* const object = header->get_ptr<const Json::object_t*>();
  if (object == nullptr) return Error::format(Code::bad_format, "safetensors: the header is no JSON object");

  State state;
  state.format = "safetensors";
  std::vector<SafetensorsEntry> entries;
  entries.reserve(object->size());
  for (const auto& [name, value] : *object) {
    if (name == "__metadata__") {
      const auto* const texts = value.get_ptr<const Json::object_t*>();
      if (texts == nullptr)
        return Error::format(Code::bad_format, "safetensors: __metadata__ is of type %s, object expected",
                             value.type_name());
      for (const auto& [key, text] : *texts) {
        auto string = as_string(text, key);
        if (!string) return string.error().in("safetensors: __metadata__");
        state.metadata.emplace(key, std::move(*string));
      }
      continue;
    }
    auto entry = parse_safetensors_entry(name, value);
    if (!entry) return entry.error().in(("safetensors: tensor " + in_quotes(name)).c_str());
    entries.push_back(std::move(*entry));
  }

  // Sorted by place, each range must begin where the one before ends.
  const std::size_t data_start = reader.position();
  std::vector<const SafetensorsEntry*> by_place;
  by_place.reserve(entries.size());
  for (const SafetensorsEntry& entry : entries) by_place.push_back(&entry);
  std::sort(by_place.begin(), by_place.end(), [](const SafetensorsEntry* a, const SafetensorsEntry* b) {
    return a->begin != b->begin ? a->begin < b->begin : a->end < b->end;
  });
  std::uint64_t at = 0;
  for (const SafetensorsEntry* const entry : by_place) {
    if (entry->begin != at)
      return Error::format(Code::bad_format, "safetensors: tensor %s begins at byte %llu of the data, %s %llu",
                           in_quotes(entry->tensor.name).c_str(), static_cast<unsigned long long>(entry->begin),
                           entry->begin < at ? "inside the one before, which ends at" : "after a hole that begins at",
                           static_cast<unsigned long long>(at));
    at = entry->end;
  }
  if (at != reader.remaining())
    return Error::format(Code::bad_format, "safetensors: the tensors take %llu bytes, the file has %zu",
                         static_cast<unsigned long long>(at), reader.remaining());

  for (SafetensorsEntry& entry : entries) {
    const Bytes bytes = data.subspan(data_start + static_cast<std::size_t>(entry.begin), entry.tensor.bytes);
    TESSERA_TRY_ASSIGN(entry.tensor.data, aligned_or_copied(state, bytes, entry.tensor.type));
    TESSERA_TRY(state.add(std::move(entry.tensor)));
  }
  return state;
}

template <class Sink>
Result<void> write_safetensors_to(const State& state, Sink& sink) {
  std::vector<const StateTensor*> tensors;
  tensors.reserve(state.size());
  for (const StateTensor& tensor : state) {
    if (tensor.name == "__metadata__")
      return Error::format(Code::invalid_argument, "safetensors: no tensor can be named '__metadata__'");
    tensors.push_back(&tensor);
  }
  std::sort(tensors.begin(), tensors.end(), [](const StateTensor* a, const StateTensor* b) {
    const std::size_t rank_a = safetensors_rank(a->type);
    const std::size_t rank_b = safetensors_rank(b->type);
    return rank_a != rank_b ? rank_a > rank_b : a->name < b->name;
  });
  auto metadata = state.metadata;
  metadata.emplace("format", "pt");  // other libraries refuse a file that does not say what wrote it
  std::string header = "{\"__metadata__\":{";
  bool first = true;
  for (const auto& [key, text] : metadata) {
    if (!is_utf8(key) || !is_utf8(text))
      return Error::format(Code::invalid_argument, "safetensors: metadata %s is not UTF-8", in_quotes(key).c_str());
    if (!std::exchange(first, false)) header += ',';
    write_json_string(header, key, false);
    header += ':';
    write_json_string(header, text, false);
  }
  header += '}';
  std::uint64_t at = 0;
  for (const StateTensor* const tensor : tensors) {
    header += ',';
    write_json_string(header, tensor->name, false);
    header.append(":{\"dtype\":\"").append(safetensors_types[safetensors_rank(tensor->type)].tag);
    header += "\",\"shape\":[";
    for (std::size_t i = 0; i < tensor->shape.size(); ++i)
      header.append(i != 0 ? "," : "").append(std::to_string(tensor->shape[i]));
    header.append("],\"data_offsets\":[").append(std::to_string(at)).append(",");
    if (!checked_add(at, tensor->bytes, at))
      return Error::format(Code::invalid_argument, "safetensors: the tensors take more bytes than a file can have");
    header.append(std::to_string(at)).append("]}");
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  if (header.size() > safetensors_most_header)
    return Error::format(Code::unsupported,
                         "safetensors: the header would take %zu bytes, no reader takes more than "
                         "%llu",
                         header.size(), static_cast<unsigned long long>(safetensors_most_header));
  std::array<std::byte, 8> length;
  store_le(length.data(), static_cast<std::uint64_t>(header.size()));
  TESSERA_TRY(sink.write(Bytes(length)));
  TESSERA_TRY(sink.write(std::string_view(header)));
  for (const StateTensor* const tensor : tensors) TESSERA_TRY(sink.write(tensor->view()));
  return {};
}

}  // namespace detail

/// Reads a file in memory. The tensors point into `data`, which `owner` keeps alive; without an owner the caller does.
inline Result<State> read_safetensors(Bytes data, std::shared_ptr<const void> owner = nullptr) noexcept {
  return guarded([&]() -> Result<State> {
    auto state = detail::parse_safetensors(data);
    if (state) TESSERA_TRY(state->keep(std::move(owner)));
    return state;
  });
}

/// Reads a file without copying it: the tensors point into the mapping.
inline Result<State> read_safetensors(const std::string& path) noexcept {
  return guarded([&]() -> Result<State> {
    auto mapped = MappedFile::open(path);
    if (!mapped) return mapped.error();
    const auto file = std::make_shared<const MappedFile>(std::move(*mapped));
    auto state = detail::parse_safetensors(file->bytes());
    if (!state) return state.error().in(path.c_str());
    TESSERA_TRY(state->keep(file));
    return state;
  });
}

/// Writes all tensors and the metadata, to which "format": "pt" is added where it is missing. Tensors that share
/// memory are written once each: the format knows no sharing.
inline Result<void> write_safetensors(const State& state, const std::string& path) noexcept {
  return guarded([&]() -> Result<void> {
    auto file = AtomicFile::create(path);
    if (!file) return file.error();
    TESSERA_TRY(detail::write_safetensors_to(state, *file));
    return file->commit();
  });
}
template <ByteSink Sink>
Result<void> write_safetensors(const State& state, Sink& sink) noexcept {
  return guarded([&] { return detail::write_safetensors_to(state, sink); });
}
inline Result<std::vector<std::byte>> write_safetensors(const State& state) noexcept {
  return guarded([&]() -> Result<std::vector<std::byte>> {
    MemorySink sink;
    TESSERA_TRY(detail::write_safetensors_to(state, sink));
    return sink.take();
  });
}

}  // namespace tessera::io
