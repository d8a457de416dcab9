// TensorFlow checkpoints of version 1: one table, or several, that hold the tensors themselves.
//
// The entry of the empty key lists names, types and shapes; each other one is a slice of a tensor, as a message that
// holds its numbers. Only whole tensors are read. "model.ckpt-00000-of-00002" is one of two tables of one checkpoint.
// Source: TensorFlow, core/util/saved_tensor_slice.proto, core/framework/tensor.proto.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/state.hpp"
#include "tessera/io/tf_messages.hpp"
#include "tessera/io/tf_table.hpp"
#include "tessera/io/utf8.hpp"

namespace tessera::inline TESSERA_ISA::io {

namespace tf {

/// SavedSliceMeta, as far as it is needed.
struct V1Meta {
  std::uint64_t type = 0;
  std::vector<std::int64_t> shape;
  bool whole = true;
};

inline Result<void> read_v1_meta(std::string_view message, std::map<std::string, V1Meta, std::less<>>& out) {
  protobuf::Reader reader(message, "TensorFlow V1, the list of tensors");
  while (!reader.at_end()) {
    TESSERA_TRY_ASSIGN(const protobuf::Field field, reader.next());
    if (field.id != 1) continue;
    TESSERA_TRY(reader.expect(field, protobuf::Wire::bytes));
    protobuf::Reader tensor(field.bytes, "TensorFlow V1, a tensor of the list");
    std::string name;
    V1Meta meta;
    while (!tensor.at_end()) {
      TESSERA_TRY_ASSIGN(const protobuf::Field part, tensor.next());
      if (part.id == 1) {
        TESSERA_TRY(tensor.expect(part, protobuf::Wire::bytes));
        name = part.bytes;
      } else if (part.id == 2) {
        TESSERA_TRY(tensor.expect(part, protobuf::Wire::bytes));
        TESSERA_TRY_ASSIGN(meta.shape, read_shape(part.bytes));
      } else if (part.id == 3) {
        TESSERA_TRY(tensor.expect(part, protobuf::Wire::varint));
        meta.type = part.number;
      } else if (part.id == 4) {
        TESSERA_TRY(tensor.expect(part, protobuf::Wire::bytes));
        TESSERA_TRY_ASSIGN(const bool whole, is_whole(part.bytes));
        meta.whole &= whole;
      }
    }
    out.insert_or_assign(std::move(name), std::move(meta));
  }
  return {};
}

/// Writes numbers one after another into a tensor of known size.
class V1Numbers {
 public:
  V1Numbers(DType type, std::byte* to, std::size_t bytes) noexcept : type_(type), to_(to), left_(bytes) {}

  bool full() const noexcept { return left_ == 0; }

  bool put(std::uint64_t bits) noexcept {
    const std::size_t size = size_of(type_);
    if (size > left_) return false;
    std::memcpy(to_, &bits, size);  // little-endian: the low bytes come first
    to_ += size;
    left_ -= size;
    return true;
  }

  /// A field of numbers: one of them, or many packed.
  bool put(const protobuf::Field& field, protobuf::Wire wire) noexcept {
    if (field.wire == wire) return put(field.number);
    if (field.wire != protobuf::Wire::bytes) return false;
    std::string_view rest = field.bytes;
    const std::size_t step = wire == protobuf::Wire::fixed32 ? 4 : wire == protobuf::Wire::fixed64 ? 8 : 0;
    while (!rest.empty()) {
      std::uint64_t bits = 0;
      if (step == 0) {
        if (!protobuf::take_varint(rest, bits)) return false;
      } else {
        if (rest.size() < step) return false;
        std::memcpy(&bits, rest.data(), step);
        rest.remove_prefix(step);
      }
      if (!put(bits)) return false;
    }
    return true;
  }

 private:
  DType type_;
  std::byte* to_;
  std::size_t left_;
};

/// The numbers of a TensorProto, which fill `out` exactly.
inline Result<void> read_v1_numbers(std::string_view message, DType type, Bytes& in_place, std::byte* out,
                                    std::size_t bytes) {
  protobuf::Reader reader(message, "TensorFlow V1, a tensor");
  V1Numbers numbers(type, out, bytes);
  while (!reader.at_end()) {
    TESSERA_TRY_ASSIGN(const protobuf::Field field, reader.next());
    const auto wrong = [&field] {
      return Error::format(Code::bad_format, "TensorFlow V1, a tensor: field %u does not fill its shape", field.id);
    };
    switch (field.id) {
      case 4:  // tensor_content
        if (field.wire != protobuf::Wire::bytes || field.bytes.size() != bytes) return wrong();
        in_place = bytes_of(field.bytes);
        return {};
      case 5:  // float_val
        if (type != DType::f32 || !numbers.put(field, protobuf::Wire::fixed32)) return wrong();
        break;
      case 6:  // double_val
        if (type != DType::f64 || !numbers.put(field, protobuf::Wire::fixed64)) return wrong();
        break;
      case 7:   // int_val
      case 10:  // int64_val
      case 11:  // bool_val
      case 13:  // half_val
        if (type == DType::f32 || type == DType::f64 || !numbers.put(field, protobuf::Wire::varint)) return wrong();
        break;
      default: break;
    }
  }
  if (!numbers.full())
    return Error::format(Code::bad_format, "TensorFlow V1, a tensor: fewer numbers than its shape has");
  return {};
}

/// Adds the tensors of one table to a state. `file` is kept alive by the caller.
inline Result<void> read_v1_table(Bytes file, bool checksums, State& state) {
  std::map<std::string, V1Meta, std::less<>> metas;
  return TfTable(file, checksums).visit([&](std::string_view key, std::string_view value) -> Result<void> {
    protobuf::Reader reader(value, "TensorFlow V1, an entry");
    while (!reader.at_end()) {
      TESSERA_TRY_ASSIGN(const protobuf::Field field, reader.next());
      if (field.id != 1 && field.id != 2) continue;
      TESSERA_TRY(reader.expect(field, protobuf::Wire::bytes));
      if (field.id == 1 && key.empty()) TESSERA_TRY(read_v1_meta(field.bytes, metas));
      if (field.id != 2) continue;
      std::string_view name;
      std::string_view numbers;
      protobuf::Reader slice(field.bytes, "TensorFlow V1, a slice");
      while (!slice.at_end()) {
        TESSERA_TRY_ASSIGN(const protobuf::Field part, slice.next());
        if (part.id != 1 && part.id != 3) continue;
        TESSERA_TRY(slice.expect(part, protobuf::Wire::bytes));
        (part.id == 1 ? name : numbers) = part.bytes;
      }
      const auto meta = metas.find(name);
      const auto refuse = [&name](Code code, const char* why) {
        return Error::format(code, "variable %s %s", in_quotes(name).c_str(), why);
      };
      if (meta == metas.end()) return refuse(Code::bad_format, "is not in the list of tensors");
      if (!meta->second.whole) return refuse(Code::unsupported, "was saved in parts, which is not read");
      const auto type = element_type(meta->second.type);
      if (!type) {
        state.ignored.push_back(meta->first + " (TensorFlow type " + std::to_string(meta->second.type) + ")");
        continue;
      }
      const auto bytes = byte_size(*type, meta->second.shape);
      if (!bytes.ok()) return bytes.error().in(("variable " + in_quotes(name)).c_str());
      // A number takes at least one byte of the message.
      if (*bytes / size_of(*type) > numbers.size())
        return refuse(Code::bad_format, "has a shape that its bytes do not fill");
      TESSERA_TRY_ASSIGN(const Buffer buffer, Buffer::allocate(*bytes));
      Bytes in_place;
      const auto read = read_v1_numbers(numbers, *type, in_place, buffer.data(), *bytes);
      if (!read.ok()) return read.error().in(("variable " + in_quotes(name)).c_str());
      const std::byte* place = buffer.data();
      if (!in_place.empty()) {
        TESSERA_TRY_ASSIGN(place, detail::aligned_or_copied(state, in_place, *type));
      } else {
        TESSERA_TRY(state.keep(buffer.owner()));
      }
      TESSERA_TRY(state.add({meta->first, *type, meta->second.shape, place, *bytes}));
    }
    return {};
  });
}

}  // namespace tf

/// Reads a table, and, where `path` ends in "-00000-of-00002", the others of its checkpoint that lie beside it.
inline Result<State> read_tf_v1(Bytes file, const std::string& path = {}, bool checksums = false) noexcept {
  return guarded([&]() -> Result<State> {
    State state;
    state.format = "TensorFlow V1";
    const auto digits = [&path](std::size_t from_end) {
      return path.find_first_not_of("0123456789", path.size() - from_end) >= path.size() - from_end + 5;
    };
    constexpr std::size_t suffix = std::string_view("-00000-of-00000").size();
    const bool sharded = path.size() > suffix && path.compare(path.size() - 9, 4, "-of-") == 0 &&
                         path[path.size() - suffix] == '-' && digits(5) && digits(14);
    if (!sharded) {
      TESSERA_TRY(tf::read_v1_table(file, checksums, state));
      return state;
    }
    const std::string shards = path.substr(path.size() - 5);
    for (int shard = 0; shard < std::atoi(shards.c_str()); ++shard) {
      std::string number = std::to_string(shard);
      number.insert(0, 5 - number.size(), '0');
      std::string other = path.substr(0, path.size() - suffix);
      other.append("-").append(number).append("-of-").append(shards);
      TESSERA_TRY_ASSIGN(MappedFile mapped, MappedFile::open(other));
      const auto kept = std::make_shared<const MappedFile>(std::move(mapped));
      TESSERA_TRY(state.keep(kept));
      if (!TfTable::looks_like(kept->bytes())) {
        return Error::format(Code::bad_format, "%s: no table of TensorFlow", other.c_str());
      }
      const auto read = tf::read_v1_table(kept->bytes(), checksums, state);
      if (!read.ok()) return read.error().in(other.c_str());
    }
    return state;
  });
}

}  // namespace tessera::io
