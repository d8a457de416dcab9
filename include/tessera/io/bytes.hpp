// Bytes of a file in memory: a bounds-checked little-endian reader, stores, and products that notice overflow.
//
// Nothing here allocates or reads past the end of its span; a read that does not fit is an Error that says where.
// All formats of tessera/io are little-endian; the machine must be so, too (checked below).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

#include "tessera/base/result.hpp"

namespace tessera::inline TESSERA_ISA::io {

static_assert(std::endian::native == std::endian::little,
              "tessera/io: tensors are used as they lie in the file, "
              "so the machine must be little-endian");

using Bytes = std::span<const std::byte>;

/// The bytes of a text, and the other way round.
inline Bytes bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view text_of(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// a * b and a + b; false when the result does not fit, and then `out` is left alone.
constexpr bool checked_mul(std::uint64_t a, std::uint64_t b, std::uint64_t& out) noexcept {
  if (a != 0 && b > (std::numeric_limits<std::uint64_t>::max)() / a) return false;
  out = a * b;
  return true;
}
constexpr bool checked_add(std::uint64_t a, std::uint64_t b, std::uint64_t& out) noexcept {
  if (b > (std::numeric_limits<std::uint64_t>::max)() - a) return false;
  out = a + b;
  return true;
}

/// A number from unaligned memory; the caller has checked that sizeof(T) bytes are there.
template <class T>
T load_le(const std::byte* from) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <class T>
void store_le(std::byte* to, T value) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(to, &value, sizeof(T));
}

/// Reads numbers and slices one after another. After an error the position is where it was before.
class ByteReader {
 public:
  /// `what` names the bytes in errors ("zip archive"); it is kept as a pointer and must outlive the reader.
  explicit ByteReader(Bytes data, const char* what = "data") noexcept : data_(data), what_(what) {}

  std::size_t size() const noexcept { return data_.size(); }
  std::size_t position() const noexcept { return position_; }
  std::size_t remaining() const noexcept { return data_.size() - position_; }
  bool at_end() const noexcept { return remaining() == 0; }

  Result<void> seek(std::uint64_t position) noexcept {
    if (position > data_.size())
      return Error::format(Code::bad_format, "%s: position %llu lies past the end at %zu", what_,
                           static_cast<unsigned long long>(position), data_.size());
    position_ = static_cast<std::size_t>(position);
    return {};
  }

  /// The next `count` bytes, in place.
  Result<Bytes> take(std::uint64_t count) noexcept {
    if (count > remaining())
      return Error::format(Code::bad_format, "%s: %llu bytes expected at byte %zu, %zu found", what_,
                           static_cast<unsigned long long>(count), position_, remaining());
    const Bytes slice = data_.subspan(position_, static_cast<std::size_t>(count));
    position_ += static_cast<std::size_t>(count);
    return slice;
  }

  Result<void> skip(std::uint64_t count) noexcept {
    if (auto slice = take(count); !slice) return slice.error();
    return {};
  }

  /// The next number: u8, u16, ..., i64, or double, little-endian.
  template <class T>
  Result<T> read() noexcept {
    auto slice = take(sizeof(T));
    if (!slice) return slice.error();
    return load_le<T>(slice->data());
  }

  /// Everything up to the next newline, which is passed over and not part of the result.
  Result<std::string_view> line() noexcept {
    const std::string_view rest = text_of(data_.subspan(position_));
    const std::size_t length = rest.find('\n');
    if (length == std::string_view::npos)
      return Error::format(Code::bad_format, "%s: no end of line after byte %zu", what_, position_);
    position_ += length + 1;
    return rest.substr(0, length);
  }

 private:
  Bytes data_;
  const char* what_;
  std::size_t position_ = 0;
};

}  // namespace tessera::io
