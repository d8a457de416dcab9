// Buffer<T>: a growable array of plain records for set-up time, without exceptions.
//
// It grows while something is planned or loaded and keeps its room afterwards, so that runs allocate nothing. A failed
// allocation is a false, never a throw.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA {

template <class T>
class Buffer {
 public:
  constexpr Buffer() noexcept = default;
  constexpr Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  constexpr Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  constexpr ~Buffer() { delete[] data_; }

  constexpr std::size_t size() const noexcept { return size_; }
  constexpr T* data() noexcept { return data_; }
  constexpr const T* data() const noexcept { return data_; }
  constexpr T& operator[](std::size_t i) noexcept { return data_[i]; }
  constexpr const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  constexpr T* begin() noexcept { return data_; }
  constexpr T* end() noexcept { return data_ + size_; }
  constexpr const T* begin() const noexcept { return data_; }
  constexpr const T* end() const noexcept { return data_ + size_; }

  /// Room for `count` elements without growing again.
  [[nodiscard]] constexpr bool reserve(std::size_t count) noexcept {
    if (count <= capacity_) return true;
    if (count > most) return false;  // where new would throw
    T* grown = new (std::nothrow) T[count];
    if (grown == nullptr) return false;
    for (std::size_t i = 0; i < size_; ++i) grown[i] = std::move(data_[i]);
    delete[] data_;
    data_ = grown;
    capacity_ = count;
    return true;
  }
  /// New elements are value-initialised; those cut off are not destroyed before the buffer is.
  [[nodiscard]] constexpr bool resize(std::size_t count) noexcept {
    if (!reserve(count)) return false;
    for (std::size_t i = size_; i < count; ++i) data_[i] = T();
    size_ = count;
    return true;
  }
  [[nodiscard]] constexpr bool push(T value) noexcept {
    if (size_ == capacity_ && !reserve(capacity_ < 16 ? 16 : capacity_ * 2)) return false;
    data_[size_++] = std::move(value);
    return true;
  }

 private:
  static constexpr std::size_t most = static_cast<std::size_t>(-1) / 4 / sizeof(T);

  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace tessera
