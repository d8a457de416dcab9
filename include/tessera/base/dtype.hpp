// Element types: what a tensor's bytes mean, in memory and in files.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tessera/base/bit_cast.hpp"
#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA {

/// Compute types are f32 and f64 (activations) and i32 (ids); the others are stored forms.
enum class DType : std::uint8_t { f32, f64, f16, bf16, i64, i32, i16, i8, u8, boolean };

/// Bytes of one element.
constexpr std::size_t size_of(DType t) noexcept {
  switch (t) {
    case DType::f64:
    case DType::i64: return 8;
    case DType::f32:
    case DType::i32: return 4;
    case DType::f16:
    case DType::bf16:
    case DType::i16: return 2;
    case DType::i8:
    case DType::u8:
    case DType::boolean: return 1;
  }
  return 0;
}

/// "float32", "int64", ... as NumPy and torch print them.
constexpr const char* name(DType t) noexcept {
  switch (t) {
    case DType::f32: return "float32";
    case DType::f64: return "float64";
    case DType::f16: return "float16";
    case DType::bf16: return "bfloat16";
    case DType::i64: return "int64";
    case DType::i32: return "int32";
    case DType::i16: return "int16";
    case DType::i8: return "int8";
    case DType::u8: return "uint8";
    case DType::boolean: return "bool";
  }
  return "unknown";
}

constexpr bool is_floating(DType t) noexcept {
  return t == DType::f32 || t == DType::f64 || t == DType::f16 || t == DType::bf16;
}

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<std::int16_t> {
  static constexpr DType value = DType::i16;
};
template <>
struct DTypeOf<std::int8_t> {
  static constexpr DType value = DType::i8;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::boolean;
};
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

/// bfloat16 bits to float: exact.
constexpr float from_bf16(std::uint16_t bits) noexcept {
  return tessera::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// float to bfloat16 bits, to nearest, ties to even; NaN stays NaN.
constexpr std::uint16_t to_bf16(float value) noexcept {
  const auto bits = tessera::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

/// IEEE 754 binary16 bits to float: exact.
constexpr float from_f16(std::uint16_t bits) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fU;
  const std::uint32_t mantissa = bits & 0x3ffU;
  if (exponent == 0x1fU) return tessera::bit_cast<float>(sign | 0x7f800000U | (mantissa << 13));
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  return tessera::bit_cast<float>(sign | ((exponent + 112U) << 23) | (mantissa << 13));
}

/// float to IEEE 754 binary16 bits, to nearest, ties to even; beyond 65504 and a half step infinity; NaN stays NaN.
constexpr std::uint16_t to_f16(float value) noexcept {
  const auto bits = bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U | ((magnitude >> 13) & 0x3ffU));
  if (magnitude >= 0x477ff000U) return static_cast<std::uint16_t>(sign | 0x7c00U);
  // Steps of the result that are dropped: 13 bits, and more below 2^-14.
  const std::uint32_t exponent = magnitude >> 23;
  if (exponent < 102) return sign;  // below half of the smallest
  const std::uint32_t mantissa = (magnitude & 0x7fffffU) | 0x800000U;
  const std::uint32_t dropped = exponent < 113 ? 13 + (113 - exponent) : 13;
  const std::uint32_t kept = mantissa >> dropped;
  const std::uint32_t rest = mantissa & ((1U << dropped) - 1);
  const std::uint32_t half = 1U << (dropped - 1);
  const std::uint32_t up = rest > half || (rest == half && (kept & 1U) != 0) ? 1 : 0;
  const std::uint32_t base = exponent < 113 ? 0 : (exponent - 113) << 10;  // kept holds the hidden bit
  return static_cast<std::uint16_t>(sign | (base + kept + up));
}

}  // namespace tessera
