// The messages inside TensorFlow checkpoints: element types, shapes, slices.
//
// Source: TensorFlow, core/framework/types.proto, tensor_shape.proto, tensor_slice.proto.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tessera/base/dtype.hpp"
#include "tessera/base/protobuf.hpp"
#include "tessera/base/result.hpp"

namespace tessera::inline TESSERA_ISA::io::tf {

/// Our element type of a DataType; nothing for those that a State cannot hold (strings, complex numbers, ...).
constexpr std::optional<DType> element_type(std::uint64_t type) noexcept {
  switch (type) {
    case 1: return DType::f32;
    case 2: return DType::f64;
    case 3: return DType::i32;
    case 4: return DType::u8;
    case 5: return DType::i16;
    case 6: return DType::i8;
    case 9: return DType::i64;
    case 10: return DType::boolean;
    case 14: return DType::bf16;
    case 19: return DType::f16;
    default: return std::nullopt;
  }
}

/// The DataType of an element type of ours.
constexpr std::optional<std::uint64_t> type_number(DType type) noexcept {
  for (std::uint64_t number = 1; number <= 19; ++number) {
    if (element_type(number) == type) return number;
  }
  return std::nullopt;
}

/// TensorShapeProto: the sizes of its dimensions.
inline Result<std::vector<std::int64_t>> read_shape(std::string_view message) {
  std::vector<std::int64_t> shape;
  protobuf::Reader reader(message, "TensorFlow shape");
  while (!reader.at_end()) {
    TESSERA_TRY_ASSIGN(const protobuf::Field field, reader.next());
    if (field.id == 3 && field.as_bool()) {
      return Error::format(Code::bad_format, "TensorFlow shape: its rank is unknown");
    }
    if (field.id != 2) continue;
    TESSERA_TRY(reader.expect(field, protobuf::Wire::bytes));
    std::int64_t size = 0;
    protobuf::Reader dimension(field.bytes, "TensorFlow shape, a dimension");
    while (!dimension.at_end()) {
      TESSERA_TRY_ASSIGN(const protobuf::Field part, dimension.next());
      if (part.id != 1) continue;
      TESSERA_TRY(dimension.expect(part, protobuf::Wire::varint));
      size = part.as_int();
    }
    if (size < 0) return Error::format(Code::bad_format, "TensorFlow shape: a dimension of unknown size");
    if (shape.size() == 254) return Error::format(Code::bad_format, "TensorFlow shape: more than 254 dimensions");
    shape.push_back(size);
  }
  return shape;
}

/// Whether a TensorSliceProto stands for the whole tensor: none of its extents has a length.
inline Result<bool> is_whole(std::string_view slice) {
  protobuf::Reader reader(slice, "TensorFlow slice");
  while (!reader.at_end()) {
    TESSERA_TRY_ASSIGN(const protobuf::Field field, reader.next());
    if (field.id != 1) continue;
    TESSERA_TRY(reader.expect(field, protobuf::Wire::bytes));
    protobuf::Reader extent(field.bytes, "TensorFlow slice, an extent");
    while (!extent.at_end()) {
      TESSERA_TRY_ASSIGN(const protobuf::Field part, extent.next());
      if (part.id == 2) return false;
    }
  }
  return true;
}

}  // namespace tessera::io::tf
