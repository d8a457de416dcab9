// TensorFlow checkpoints of version 2: an index (a table of names, types, shapes and places) and data files beside it.
//
// "model.ckpt" is a prefix of file names: model.ckpt.index and model.ckpt.data-00000-of-00001. Written is one data
// file. Tensors point into the mapped data files where they are aligned. Variables that were saved in parts are
// refused, and what is no tensor of numbers is listed in State::ignored. Source: TensorFlow, core/util/tensor_bundle
// and core/protobuf/tensor_bundle.proto.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/crc32c.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/state.hpp"
#include "tessera/io/tf_messages.hpp"
#include "tessera/io/tf_table.hpp"
#include "tessera/io/utf8.hpp"

namespace tessera::inline TESSERA_ISA::io {

namespace tf {

/// BundleEntryProto.
struct BundleEntry {
  std::string name;
  std::uint64_t type = 0;
  std::vector<std::int64_t> shape;
  std::uint64_t shard = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t crc = 0;
  bool in_parts = false;
};

inline Result<BundleEntry> read_bundle_entry(std::string_view message) {
  BundleEntry entry;
  protobuf::Reader reader(message, "TensorFlow index, an entry");
  while (!reader.at_end()) {
    TESSERA_TRY_ASSIGN(const protobuf::Field field, reader.next());
    switch (field.id) {
      case 1:
      case 3:
      case 4:
      case 5:
        TESSERA_TRY(reader.expect(field, protobuf::Wire::varint));
        (field.id == 1   ? entry.type
         : field.id == 3 ? entry.shard
         : field.id == 4 ? entry.offset
                         : entry.size) = field.number;
        break;
      case 2: {
        TESSERA_TRY(reader.expect(field, protobuf::Wire::bytes));
        TESSERA_TRY_ASSIGN(entry.shape, read_shape(field.bytes));
        break;
      }
      case 6:
        TESSERA_TRY(reader.expect(field, protobuf::Wire::fixed32));
        entry.crc = static_cast<std::uint32_t>(field.number);
        break;
      case 7: entry.in_parts = true; break;
      default: break;
    }
  }
  return entry;
}

struct BundleIndex {
  std::uint64_t shards = 0;
  std::vector<BundleEntry> entries;
};

/// The entry of the empty key: how many data files there are, and in which byte order.
inline Result<std::uint64_t> read_bundle_header(std::string_view message) {
  std::uint64_t shards = 1;
  protobuf::Reader reader(message, "TensorFlow index, the header");
  while (!reader.at_end()) {
    TESSERA_TRY_ASSIGN(const protobuf::Field field, reader.next());
    if (field.id != 1 && field.id != 2) continue;
    TESSERA_TRY(reader.expect(field, protobuf::Wire::varint));
    if (field.id == 1) shards = field.number;
    if (field.id == 2 && field.number != 0) {
      return Error::format(Code::unsupported, "TensorFlow index: the data is big-endian, which is not read");
    }
  }
  if (shards == 0 || shards > 100000) {
    return Error::format(Code::bad_format, "TensorFlow index: %llu data files, expected 1 to 100000",
                         static_cast<unsigned long long>(shards));
  }
  return shards;
}

inline Result<BundleIndex> read_bundle_index(Bytes index, bool checksums = true) {
  BundleIndex out;
  const auto visited =
      TfTable(index, checksums).visit([&out](std::string_view key, std::string_view value) -> Result<void> {
        if (key.empty()) {
          TESSERA_TRY_ASSIGN(out.shards, read_bundle_header(value));
          return {};
        }
        if (out.shards == 0)
          return Error::format(Code::bad_format, "TensorFlow index: it does not begin with its header");
        TESSERA_TRY_ASSIGN(BundleEntry entry, read_bundle_entry(value));
        entry.name = key;
        out.entries.push_back(std::move(entry));
        return {};
      });
  if (!visited.ok()) return visited.error();
  if (out.shards == 0) return Error::format(Code::bad_format, "TensorFlow index: it has no header");
  return out;
}

/// ".data-00000-of-00001"
inline std::string shard_suffix(std::uint64_t shard, std::uint64_t shards) {
  char text[64];
  std::snprintf(text, sizeof text, ".data-%05llu-of-%05llu", static_cast<unsigned long long>(shard),
                static_cast<unsigned long long>(shards));
  return text;
}

}  // namespace tf

/// Reads the checkpoint of an index file in memory; `prefix` is its path without ".index". `checksums`: of the tensors'
/// data too; those of the index are always checked.
inline Result<State> read_tf_bundle(Bytes index, const std::string& prefix, bool checksums = false) noexcept {
  return guarded([&]() -> Result<State> {
    TESSERA_TRY_ASSIGN(const tf::BundleIndex bundle, tf::read_bundle_index(index));
    std::vector<std::shared_ptr<const MappedFile>> files(static_cast<std::size_t>(bundle.shards));
    State state;
    for (const tf::BundleEntry& entry : bundle.entries) {
      const auto refuse = [&entry](Code code, const char* why) {
        return Error::format(code, "variable %s %s", in_quotes(entry.name).c_str(), why);
      };
      if (!is_utf8(entry.name)) return refuse(Code::bad_format, "has a name that is not UTF-8");
      if (entry.in_parts) return refuse(Code::unsupported, "was saved in parts, which is not read");
      const auto type = tf::element_type(entry.type);
      if (!type) {
        state.ignored.push_back(entry.name + " (TensorFlow type " + std::to_string(entry.type) + ")");
        continue;
      }
      if (entry.shard >= bundle.shards)
        return refuse(Code::bad_format, "lies in a data file that the header does not count");
      auto& file = files[static_cast<std::size_t>(entry.shard)];
      if (file == nullptr) {
        TESSERA_TRY_ASSIGN(MappedFile mapped, MappedFile::open(prefix + tf::shard_suffix(entry.shard, bundle.shards)));
        file = std::make_shared<const MappedFile>(std::move(mapped));
        TESSERA_TRY(state.keep(file));
      }
      const Bytes data = file->bytes();
      if (entry.size > data.size() || entry.offset > data.size() - entry.size) {
        return refuse(Code::bad_format, "lies past the end of its data file");
      }
      const Bytes content = data.subspan(static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(entry.size));
      const auto bytes = byte_size(*type, entry.shape);
      if (!bytes.ok()) return bytes.error().in(("variable " + in_quotes(entry.name)).c_str());
      if (*bytes != content.size()) return refuse(Code::bad_format, "has a shape that its bytes do not fill");
      if (checksums && masked_crc(crc32c(content)) != entry.crc) {
        return refuse(Code::bad_format, "has a wrong checksum: the data file is damaged");
      }
      TESSERA_TRY_ASSIGN(const std::byte* const place, detail::aligned_or_copied(state, content, *type));
      TESSERA_TRY(state.add({entry.name, *type, entry.shape, place, content.size()}));
    }
    state.format = "TensorFlow V2";
    return state;
  });
}

namespace tf {

/// BundleEntryProto of a tensor that lies at `offset` of the one data file.
inline std::string bundle_entry(const StateTensor& tensor, std::uint64_t offset) {
  std::string shape;
  for (const std::int64_t size : tensor.shape) {
    std::string dimension;
    protobuf::put_varint_field(dimension, 1, static_cast<std::uint64_t>(size));
    protobuf::put_bytes_field(shape, 2, dimension);
  }
  std::string entry;
  protobuf::put_varint_field(entry, 1, *type_number(tensor.type));
  protobuf::put_bytes_field(entry, 2, shape);
  protobuf::put_varint_field(entry, 4, offset);
  protobuf::put_varint_field(entry, 5, tensor.bytes);
  protobuf::put_fixed32_field(entry, 6, masked_crc(crc32c(tensor.view())));
  return entry;
}

}  // namespace tf

/// Writes PREFIX.data-00000-of-00001, then PREFIX.index, each under a temporary name first. Tensors lie in the order of
/// their names, as TensorFlow writes them.
inline Result<void> write_tf_bundle(const State& state, const std::string& prefix) noexcept {
  return guarded([&]() -> Result<void> {
    std::map<std::string_view, const StateTensor*> sorted;
    for (const StateTensor& tensor : state) {
      if (tensor.name.empty())
        return Error::format(Code::invalid_argument, "TensorFlow index: a tensor without a name");
      sorted.emplace(tensor.name, &tensor);
    }
    TESSERA_TRY_ASSIGN(AtomicFile data, AtomicFile::create(prefix + tf::shard_suffix(0, 1)));
    TESSERA_TRY_ASSIGN(AtomicFile index, AtomicFile::create(prefix + ".index"));
    TfTableWriter<AtomicFile> table(index);
    std::string version;
    protobuf::put_varint_field(version, 1, 1);  // producer
    std::string header;
    protobuf::put_varint_field(header, 1, 1);  // data files
    protobuf::put_bytes_field(header, 3, version);
    TESSERA_TRY(table.add("", header));
    std::uint64_t offset = 0;
    for (const auto& [name, tensor] : sorted) {
      TESSERA_TRY(data.write(tensor->view()));
      TESSERA_TRY(table.add(name, tf::bundle_entry(*tensor, offset)));
      offset += tensor->bytes;
    }
    TESSERA_TRY(table.finish());
    TESSERA_TRY(data.commit());
    return index.commit();
  });
}

}  // namespace tessera::io
