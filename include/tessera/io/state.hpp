// A state: named tensors as they come from a file and go into one, in order, with whatever keeps their bytes alive.
//
// Not weights a model runs on: those live in its arena. A reader fills a State without copying where it can (the data
// then points into a mapped file), a model's `visit` walks its parameters and takes what it needs by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tessera/base/dtype.hpp"
#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/utf8.hpp"

namespace tessera::inline TESSERA_ISA::io {

/// "[2, 3]", as errors and listings show shapes.
inline std::string format_shape(std::span<const std::int64_t> shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i == 12 && shape.size() > 16) return out + ", ... " + std::to_string(shape.size()) + " dimensions]";
    out.append(i != 0 ? ", " : "").append(std::to_string(shape[i]));
  }
  return out + "]";
}

/// Bytes of a contiguous tensor. An error for negative dimensions, and for products beyond the address space, even
/// if another dimension is zero.
inline Result<std::size_t> byte_size(DType type, std::span<const std::int64_t> shape) noexcept {
  return guarded([&]() -> Result<std::size_t> {
    std::uint64_t bytes = size_of(type);
    bool empty = false;
    for (const std::int64_t dimension : shape) {
      if (dimension < 0)
        return Error::format(Code::bad_format, "shape %s has a negative dimension", format_shape(shape).c_str());
      if (dimension == 0)
        empty = true;
      else if (!checked_mul(bytes, static_cast<std::uint64_t>(dimension), bytes) ||
               bytes > static_cast<std::uint64_t>((std::numeric_limits<std::ptrdiff_t>::max)()))
        return Error::format(Code::bad_format, "shape %s of %s needs more bytes than a machine can address",
                             format_shape(shape).c_str(), name(type));
    }
    return empty ? std::size_t{0} : static_cast<std::size_t>(bytes);
  });
}

/// Memory of one tensor or storage, aligned to 64 bytes, not initialised. Running out of memory is an error.
class Buffer {
 public:
  static constexpr std::size_t alignment = 64;

  static Result<Buffer> allocate(std::size_t size) noexcept {
    return guarded([&]() -> Result<Buffer> {
      Buffer buffer;
      buffer.size_ = size;
      if (size == 0) return buffer;
      constexpr auto most = static_cast<std::size_t>((std::numeric_limits<std::ptrdiff_t>::max)()) - alignment;
      void* const memory = size > most ? nullptr : ::operator new (size, std::align_val_t{alignment}, std::nothrow);
      if (memory == nullptr) return Error::format(Code::out_of_memory, "no memory for a tensor of %zu bytes", size);
      buffer.memory_ = std::shared_ptr<std::byte>(
          static_cast<std::byte*>(memory), [](std::byte* p) { ::operator delete (p, std::align_val_t{alignment}); });
      return buffer;
    });
  }

  std::byte* data() const noexcept { return memory_.get(); }
  std::size_t size() const noexcept { return size_; }
  std::shared_ptr<const void> owner() const noexcept { return memory_; }

 private:
  Buffer() = default;
  std::shared_ptr<std::byte> memory_;
  std::size_t size_ = 0;
};

/// One tensor: contiguous, last dimension fastest.
struct StateTensor {
  std::string name;
  DType type = DType::f32;
  std::vector<std::int64_t> shape;  ///< empty for a single number
  const void* data = nullptr;       ///< aligned to the element size; tensors of one storage have equal pointers
  std::size_t bytes = 0;

  std::size_t elements() const noexcept { return bytes / size_of(type); }
  Bytes view() const noexcept { return {static_cast<const std::byte*>(data), bytes}; }

  /// The elements as T. f16 and bf16 are read as uint16_t, their bits; bool as uint8_t, since a file may hold bytes
  /// that no C++ bool may have.
  template <class T>
  Result<std::span<const T>> as() const noexcept {
    static_assert(!std::is_same_v<T, bool>, "read boolean tensors as std::uint8_t");
    bool fits = false;
    if constexpr (std::is_same_v<T, std::uint16_t>)
      fits = type == DType::f16 || type == DType::bf16;
    else
      fits = type == dtype_of<T> || (std::is_same_v<T, std::uint8_t> && type == DType::boolean);
    if (!fits)
      return guarded([&]() -> Result<std::span<const T>> {
        return Error::format(Code::invalid_argument, "tensor %s is of type %s and was read as another",
                             in_quotes(name).c_str(), tessera::name(type));
      });
    return std::span<const T>(static_cast<const T*>(data), elements());
  }
};

/// Named tensors in order, with lookup. A copy shares the bytes.
class State {
 public:
  /// Text beside the tensors: __metadata__ of safetensors.
  std::map<std::string, std::string> metadata;
  /// What the file held and a State cannot: "epoch (integer)". For reports; nothing is left out silently.
  std::vector<std::string> ignored;
  /// The format it was read from, such as "safetensors"; empty for one made by hand.
  std::string format;

  std::size_t size() const noexcept { return tensors_.size(); }
  bool empty() const noexcept { return tensors_.empty(); }
  auto begin() const noexcept { return tensors_.begin(); }
  auto end() const noexcept { return tensors_.end(); }
  const StateTensor& operator[](std::size_t i) const noexcept { return tensors_[i]; }

  /// The tensor of that name, or null.
  const StateTensor* find(std::string_view name) const noexcept {
    const auto place = places_.find(name);
    return place == places_.end() ? nullptr : &tensors_[place->second];
  }
  /// The tensor of that name, or an error that says it is missing.
  Result<const StateTensor*> get(std::string_view name) const noexcept {
    if (const StateTensor* const tensor = find(name); tensor != nullptr) return tensor;
    return guarded([&]() -> Result<const StateTensor*> {
      return Error::format(Code::not_found, "tensor %s is missing among %zu", in_quotes(name).c_str(), size());
    });
  }

  /// Appends a tensor whose data something else keeps alive: keep(), or the caller. Refused: a name that is there
  /// already or is not UTF-8, bytes that are not those of the shape, data that is not aligned to its element.
  Result<void> add(StateTensor tensor) noexcept {
    return guarded([&]() -> Result<void> {
      const auto refuse = [&](Code code, const char* why) {
        return Error::format(code, "tensor %s %s", in_quotes(tensor.name).c_str(), why);
      };
      if (!is_utf8(tensor.name)) return refuse(Code::bad_format, "has a name that is not UTF-8");
      const auto bytes = byte_size(tensor.type, tensor.shape);
      if (!bytes) return bytes.error().in(("tensor " + in_quotes(tensor.name)).c_str());
      if (*bytes != tensor.bytes) return refuse(Code::shape_mismatch, "has a shape that its bytes do not fill");
      if (tensor.bytes != 0 && reinterpret_cast<std::uintptr_t>(tensor.data) % size_of(tensor.type) != 0)
        return refuse(Code::invalid_argument, "has data that is not aligned to its elements");
      if (tensor.bytes != 0 && tensor.data == nullptr) return refuse(Code::invalid_argument, "has no data");
      if (find(tensor.name) != nullptr) return refuse(Code::bad_format, "is there twice");
      tensors_.push_back(std::move(tensor));
      places_.emplace(tensors_.back().name, tensors_.size() - 1);
      return {};
    });
  }

  /// Appends a tensor with a copy of its bytes; `data` may lie anywhere.
  Result<void> add_copy(std::string name, DType type, std::vector<std::int64_t> shape, Bytes data) noexcept {
    auto buffer = Buffer::allocate(data.size());
    if (!buffer) return buffer.error();
    if (!data.empty()) std::memcpy(buffer->data(), data.data(), data.size());
    TESSERA_TRY(keep(buffer->owner()));
    return add({std::move(name), type, std::move(shape), buffer->data(), data.size()});
  }

  /// Keeps memory alive as long as this State or a copy of it.
  Result<void> keep(std::shared_ptr<const void> owner) noexcept {
    return guarded([&]() -> Result<void> {
      if (owner != nullptr) owners_.push_back(std::move(owner));
      return {};
    });
  }
  Result<void> keep(std::shared_ptr<const MappedFile> file) noexcept {
    return guarded([&]() -> Result<void> {
      if (file != nullptr) files_.push_back(std::move(file));
      return {};
    });
  }

  /// Appends the tensors of another state, and what keeps them alive. A name that both have is an error.
  Result<void> merge(State other) noexcept {
    return guarded([&]() -> Result<void> {
      for (StateTensor& tensor : other.tensors_) TESSERA_TRY(add(std::move(tensor)));
      for (auto& owner : other.owners_) owners_.push_back(std::move(owner));
      for (auto& file : other.files_) files_.push_back(std::move(file));
      for (std::string& what : other.ignored) ignored.push_back(std::move(what));
      return {};
    });
  }

  /// Keeps alive what another state does.
  Result<void> keep_all_of(const State& other) noexcept {
    return guarded([&]() -> Result<void> {
      owners_.insert(owners_.end(), other.owners_.begin(), other.owners_.end());
      files_.insert(files_.end(), other.files_.begin(), other.files_.end());
      return {};
    });
  }

  /// Gives the pages under some bytes back to the system when they are pages of a mapped file; reading them again
  /// fetches them again. A loader that packs weights calls it behind itself to stay small.
  void drop_pages(const void* data, std::size_t bytes) const noexcept {
    for (const auto& file : files_) file->drop(data, bytes);
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };

  std::vector<StateTensor> tensors_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> places_;
  std::vector<std::shared_ptr<const void>> owners_;
  std::vector<std::shared_ptr<const MappedFile>> files_;
};

namespace detail {

/// `bytes` where they are when they are aligned for `type`, else a copy that `state` owns.
inline Result<const std::byte*> aligned_or_copied(State& state, Bytes bytes, DType type) noexcept {
  if (bytes.empty() || reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(type) == 0) return bytes.data();
  auto buffer = Buffer::allocate(bytes.size());
  if (!buffer) return buffer.error();
  std::memcpy(buffer->data(), bytes.data(), bytes.size());
  TESSERA_TRY(state.keep(buffer->owner()));
  return static_cast<const std::byte*>(buffer->data());
}

/// What reading may allocate beyond the file itself. A file cannot make a reader use memory out of all proportion to
/// its own size: compressed entries and views that repeat elements are charged here.
class Allowance {
 public:
  explicit Allowance(std::size_t file_size) noexcept
      : left_(file_size > (SIZE_MAX - base) / factor ? SIZE_MAX : base + factor * file_size) {}

  Result<void> charge(std::size_t bytes, const char* what) noexcept {
    if (bytes > left_)
      return Error::format(Code::bad_format, "%s would take %zu bytes, out of proportion to the file", what, bytes);
    left_ -= bytes;
    return {};
  }

 private:
  static constexpr std::size_t base = std::size_t{64} << 20;
  static constexpr std::size_t factor = 32;
  std::size_t left_;
};

}  // namespace detail

}  // namespace tessera::io
