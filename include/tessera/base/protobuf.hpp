// Protocol buffers as they lie in a file: fields one after another, in place. No schema; reading takes no allocation.
//
// For the few messages that model files hold (a sentencepiece model, the index of a TensorFlow checkpoint): the caller
// asks for the next field, looks at its number and takes the value it expects. Unknown fields are passed over. Every
// length is checked against the bytes that are there.
// Source: the protocol buffers encoding, protobuf.dev/programming-guides/encoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tessera/base/bit_cast.hpp"
#include "tessera/base/result.hpp"

namespace tessera::inline TESSERA_ISA::protobuf {

/// How a value is encoded; groups (3 and 4) are long deprecated, and no file here has any.
enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// One field of a message. `number` is its value for the numeric encodings, `bytes` for the other one.
struct Field {
  std::uint32_t id = 0;
  Wire wire = Wire::varint;
  std::uint64_t number = 0;
  std::string_view bytes;

  float as_float() const noexcept { return tessera::bit_cast<float>(static_cast<std::uint32_t>(number)); }
  double as_double() const noexcept { return tessera::bit_cast<double>(number); }
  std::int64_t as_int() const noexcept { return static_cast<std::int64_t>(number); }
  bool as_bool() const noexcept { return number != 0; }
};

/// Reads a number of seven bits a byte from the front of `from`; false if it does not end or has more than 64 bits.
constexpr bool take_varint(std::string_view& from, std::uint64_t& out) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < from.size() && i < 10; ++i) {
    const auto byte = static_cast<std::uint8_t>(from[i]);
    if (i == 9 && byte > 1) return false;
    value |= std::uint64_t{byte & 0x7FU} << (7 * i);
    if (byte < 0x80) {
      from.remove_prefix(i + 1);
      out = value;
      return true;
    }
  }
  return false;
}

/// The fields of one message, in the order of the file.
class Reader {
 public:
  /// `what` names the message in errors; it is kept as a pointer and must outlive the reader.
  explicit Reader(std::string_view message, const char* what) noexcept
      : all_(message.size()), rest_(message), what_(what) {}

  bool at_end() const noexcept { return rest_.empty(); }

  /// The next field; there must be one.
  Result<Field> next() noexcept {
    const std::size_t start = all_ - rest_.size();
    const auto broken = [&](const char* why) {
      return Error::format(Code::bad_format, "%s: the field at byte %zu of %zu %s", what_, start, all_, why);
    };
    std::uint64_t tag = 0;
    if (!take_varint(rest_, tag)) return broken("has no readable tag");
    Field field;
    if ((tag >> 3) == 0 || (tag >> 3) > 0x1FFFFFFFU) return broken("has a number that no field may have");
    field.id = static_cast<std::uint32_t>(tag >> 3);
    field.wire = static_cast<Wire>(tag & 7U);
    switch (field.wire) {
      case Wire::varint:
        if (!take_varint(rest_, field.number)) return broken("is cut off");
        return field;
      case Wire::fixed64:
      case Wire::fixed32: {
        const std::size_t size = field.wire == Wire::fixed64 ? 8 : 4;
        if (rest_.size() < size) return broken("is cut off");
        for (std::size_t i = 0; i < size; ++i) {
          field.number |= std::uint64_t{static_cast<std::uint8_t>(rest_[i])} << (8 * i);
        }
        rest_.remove_prefix(size);
        return field;
      }
      case Wire::bytes: {
        std::uint64_t size = 0;
        if (!take_varint(rest_, size)) return broken("has no readable length");
        if (size > rest_.size()) return broken("is longer than what is left");
        field.bytes = rest_.substr(0, static_cast<std::size_t>(size));
        rest_.remove_prefix(static_cast<std::size_t>(size));
        return field;
      }
    }
    return broken("has an encoding that is not read (a group)");
  }

  /// The error for a field of known meaning that is encoded otherwise than its meaning asks for.
  Result<void> expect(const Field& field, Wire wire) const noexcept {
    if (field.wire == wire) return {};
    return Error::format(Code::bad_format, "%s: field %u has encoding %u, expected %u", what_, field.id,
                         static_cast<unsigned>(field.wire), static_cast<unsigned>(wire));
  }

 private:
  std::size_t all_;
  std::string_view rest_;
  const char* what_;
};

// --- writing: what take_varint and Reader read

inline void put_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80U);
  out += static_cast<char>(number);
}

inline void put_tag(std::string& out, std::uint32_t id, Wire wire) {
  put_varint(out, std::uint64_t{id} << 3 | static_cast<std::uint64_t>(wire));
}

/// Zero is what a field that is not there means, so it is not written.
inline void put_varint_field(std::string& out, std::uint32_t id, std::uint64_t number) {
  if (number == 0) return;
  put_tag(out, id, Wire::varint);
  put_varint(out, number);
}
inline void put_fixed32_field(std::string& out, std::uint32_t id, std::uint32_t number) {
  if (number == 0) return;
  put_tag(out, id, Wire::fixed32);
  for (int i = 0; i < 4; ++i) out += static_cast<char>(number >> (8 * i) & 0xFFU);
}
inline void put_bytes_field(std::string& out, std::uint32_t id, std::string_view bytes) {
  put_tag(out, id, Wire::bytes);
  put_varint(out, bytes.size());
  out += bytes;
}

}  // namespace tessera::protobuf
