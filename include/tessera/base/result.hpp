// Errors as values: Error (a code and a sentence) and Result<T> (a value or an Error).
//
// Used wherever input may be bad: files, texts, requests. The sentence says what, where, what was expected and what
// was found. Nothing here allocates. A sentence is one line of printable text: control characters, as names of files
// may have them, are written as \xNN; and of one longer than the buffer the middle is left out, so that the reason
// stays.
#pragma once

#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "tessera/base/assert.hpp"
#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA {

enum class Code : unsigned char {
  ok,
  invalid_argument,  ///< the caller asked for something that makes no sense
  shape_mismatch,    ///< sizes that should agree do not
  out_of_range,      ///< an id, a label or a length is outside of what the model has
  not_found,         ///< a file, a tensor or a token is missing
  bad_format,        ///< a file is not what it claims to be
  unsupported,       ///< well formed, but nothing here can read or run it
  out_of_memory,     ///< an arena or a reservation is too small
  io_failure,        ///< the operating system refused to read or write
  cancelled,         ///< the host asked to stop
};

/// The name of a code as the programs print it, such as "bad format".
constexpr const char* name(Code code) noexcept {
  switch (code) {
    case Code::ok: return "ok";
    case Code::invalid_argument: return "invalid argument";
    case Code::shape_mismatch: return "shape mismatch";
    case Code::out_of_range: return "out of range";
    case Code::not_found: return "not found";
    case Code::bad_format: return "bad format";
    case Code::unsupported: return "unsupported";
    case Code::out_of_memory: return "out of memory";
    case Code::io_failure: return "input or output failed";
    case Code::cancelled: return "cancelled";
  }
  return "unknown";
}

/// For functions that every op calls and that do much: inlined copies would cost compile time and size, and gain
/// nothing.
#if defined(__GNUC__)
#define TESSERA_NOINLINE __attribute__((noinline))
#else
#define TESSERA_NOINLINE
#endif

#if defined(__GNUC__)
#define TESSERA_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#else
#define TESSERA_PRINTF(format_index, first_argument)
#endif

/// A code and a sentence, copied by value. Error() is no error.
class [[nodiscard]] Error {
 public:
  static constexpr std::size_t capacity = 500;

  Error() = default;

  /// Makes the sentence as printf would.
  TESSERA_PRINTF(2, 3) static Error format(Code code, const char* pattern, ...) noexcept {
    Error e;
    e.code_ = code;
    std::va_list arguments;
    va_start(arguments, pattern);
    std::va_list again;
    va_copy(again, arguments);
    const int length = std::vsnprintf(e.text_, capacity, pattern, arguments);
    if (length >= static_cast<int>(capacity) || !is_plain(e.text_)) tidy(e.text_, pattern, again);
    va_end(again);
    va_end(arguments);
    return e;
  }

  /// The same error with "prefix: " before the sentence: the file, the tensor or the call it happened in.
  Error in(const char* prefix) const noexcept { return format(code_, "%s: %s", prefix, text_); }

  constexpr Code code() const noexcept { return code_; }
  const char* message() const noexcept { return text_; }
  constexpr explicit operator bool() const noexcept { return code_ != Code::ok; }

 private:
  static bool is_control(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);  // char has a sign on some machines
    return byte < 0x20 || byte == 0x7f;
  }
  static bool is_plain(const char* text) noexcept {
    for (; *text != '\0'; ++text)
      if (is_control(*text)) return false;
    return true;
  }
  /// The sentence again with room for a path of any length, then escaped and shortened.
  TESSERA_NOINLINE static void tidy(char* text, const char* pattern, std::va_list arguments) noexcept {
    char whole[6000];
    if (std::vsnprintf(whole, sizeof whole, pattern, arguments) < 0) return;
    std::size_t length = std::strlen(whole);
    for (std::size_t i = 0; i < length; ++i) {
      if (!is_control(whole[i])) continue;
      if (length + 4 > sizeof whole) {
        whole[i] = '?';
        continue;
      }
      const auto byte = static_cast<unsigned char>(whole[i]);
      std::memmove(whole + i + 4, whole + i + 1, length - i);
      whole[i] = '\\';
      whole[i + 1] = 'x';
      whole[i + 2] = "0123456789abcdef"[byte >> 4];
      whole[i + 3] = "0123456789abcdef"[byte & 15];
      length += 3;
    }
    if (length < capacity) {
      std::memcpy(text, whole, length + 1);
      return;
    }
    constexpr char gap[] = " ... ";
    constexpr std::size_t most = capacity / 4;
    const auto inside = [&](std::size_t i) { return (static_cast<unsigned char>(whole[i]) & 0xC0U) == 0x80U; };
    std::size_t head = most;
    while (head > 0 && inside(head)) --head;  // not within a character
    std::size_t tail = length - (capacity - 1 - head - (sizeof gap - 1));
    while (tail < length && inside(tail)) ++tail;
    std::memcpy(text, whole, head);
    std::memcpy(text + head, gap, sizeof gap - 1);
    std::memcpy(text + head + sizeof gap - 1, whole + tail, length - tail + 1);
  }

  Code code_ = Code::ok;
  char text_[capacity] = {};
};

/// A T or an Error. Look before you take: value() of a failed result is a broken promise of the caller.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) noexcept(std::is_nothrow_move_constructible_v<T>) : ok_(true) {  // NOLINT: conversion is the point
    ::new (static_cast<void*>(&value_)) T(std::move(value));
  }
  Result(const Error& error) noexcept : ok_(false), error_(error) {}  // NOLINT
  Result(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) : ok_(other.ok_) {
    if (ok_)
      ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
    else
      ::new (static_cast<void*>(&error_)) Error(other.error_);
  }
  Result& operator=(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
    if (this != &other) {
      this->~Result();
      ::new (static_cast<void*>(this)) Result(std::move(other));
    }
    return *this;
  }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  ~Result() {
    if (ok_) value_.~T();
  }

  explicit operator bool() const noexcept { return ok_; }
  bool ok() const noexcept { return ok_; }

  T& value() & noexcept { return taken(); }
  const T& value() const& noexcept { return taken(); }
  T&& value() && noexcept { return std::move(taken()); }
  T& operator*() & noexcept { return taken(); }
  const T& operator*() const& noexcept { return taken(); }
  T&& operator*() && noexcept { return std::move(taken()); }
  T* operator->() noexcept { return &taken(); }
  const T* operator->() const noexcept { return &taken(); }

  /// The error; Error() when there is a value.
  Error error() const noexcept { return ok_ ? Error() : error_; }

 private:
  T& taken() noexcept {
    TESSERA_ASSERT(ok_, "the value of a result that is an error is read");
    return value_;
  }
  const T& taken() const noexcept {
    TESSERA_ASSERT(ok_, "the value of a result that is an error is read");
    return value_;
  }

  bool ok_;
  union {
    T value_;
    Error error_;
  };
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(const Error& error) noexcept : error_(error) {}  // NOLINT

  explicit operator bool() const noexcept { return !error_; }
  bool ok() const noexcept { return !error_; }
  Error error() const noexcept { return error_; }

 private:
  Error error_;
};

}  // namespace tessera

#define TESSERA_CONCAT_(a, b) a##b
#define TESSERA_CONCAT(a, b) TESSERA_CONCAT_(a, b)

/// Leaves the function with the error of `result_expression`, or goes on.
#define TESSERA_TRY(result_expression)                                                                  \
  do {                                                                                                  \
    if (auto tessera_result = (result_expression); !tessera_result.ok()) return tessera_result.error(); \
  } while (false)

/// `TESSERA_TRY_ASSIGN(auto x, f())`: the value of f(), or leaves the function with its error.
#define TESSERA_TRY_ASSIGN(declaration, result_expression)                                                       \
  auto TESSERA_CONCAT(tessera_result_, __LINE__) = (result_expression);                                          \
  if (!TESSERA_CONCAT(tessera_result_, __LINE__).ok()) return TESSERA_CONCAT(tessera_result_, __LINE__).error(); \
  declaration = std::move(TESSERA_CONCAT(tessera_result_, __LINE__)).value()
