// Element types: sizes, names, and every bit pattern of the 16-bit floats against ldexp.
#define BOOST_TEST_MODULE base_dtype
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>

#include "tessera/base/dtype.hpp"

using namespace tessera;

namespace {

/// sign * 1.mantissa * 2^(exponent - bias), from the definition of IEEE 754.
double value_of(unsigned bits, int exponent_bits, int mantissa_bits) {
  const unsigned mantissa = bits & ((1U << mantissa_bits) - 1);
  const unsigned exponent = (bits >> mantissa_bits) & ((1U << exponent_bits) - 1);
  const bool negative = (bits >> (mantissa_bits + exponent_bits)) != 0;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  double value = 0;
  if (exponent == (1U << exponent_bits) - 1)
    value = mantissa != 0 ? std::nan("") : INFINITY;
  else if (exponent == 0)
    value = std::ldexp(static_cast<double>(mantissa), 1 - bias - mantissa_bits);
  else
    value = std::ldexp(static_cast<double>(mantissa + (1U << mantissa_bits)),
                       static_cast<int>(exponent) - bias - mantissa_bits);
  return negative ? -value : value;
}

void check_value(float ours, double expected) {
  if (std::isnan(expected)) {
    BOOST_REQUIRE(std::isnan(ours));
  } else {
    BOOST_REQUIRE_EQUAL(static_cast<double>(ours), expected);
    BOOST_REQUIRE_EQUAL(std::signbit(ours), std::signbit(expected));
  }
}

static_assert(from_f16(0x3c00) == 1.0F && from_f16(0xc000) == -2.0F && from_f16(0x0001) == 0x1p-24F);
static_assert(to_bf16(1.0F) == 0x3f80 && from_bf16(0x3f80) == 1.0F);
static_assert(dtype_of<float> == DType::f32 && dtype_of<bool> == DType::boolean &&
              dtype_of<std::int64_t> == DType::i64);

}  // namespace

BOOST_AUTO_TEST_CASE(every_f16_pattern_becomes_the_float_it_means) {
  for (unsigned bits = 0; bits < 65536; ++bits)
    check_value(from_f16(static_cast<std::uint16_t>(bits)), value_of(bits, 5, 10));
}

BOOST_AUTO_TEST_CASE(every_bf16_pattern_becomes_the_float_it_means_and_returns) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const float value = from_bf16(static_cast<std::uint16_t>(bits));
    check_value(value, value_of(bits, 8, 7));
    if (std::isnan(value))
      BOOST_REQUIRE(std::isnan(from_bf16(to_bf16(value))));
    else
      BOOST_REQUIRE_EQUAL(to_bf16(value), bits);
  }
}

BOOST_AUTO_TEST_CASE(to_bf16_rounds_to_nearest_and_ties_to_even_between_all_neighbours) {
  for (unsigned bits = 0; bits < 0x7f80; ++bits)
    for (const unsigned sign : {0U, 0x8000U}) {
      const std::uint32_t low = (bits | sign) << 16;
      const auto rounded = [&](std::uint32_t beyond) { return to_bf16(std::bit_cast<float>(low + beyond)); };
      const unsigned down = bits | sign, up = down + 1;
      BOOST_REQUIRE_EQUAL(rounded(0x7fff), down);
      BOOST_REQUIRE_EQUAL(rounded(0x8000), (bits & 1U) != 0 ? up : down);
      BOOST_REQUIRE_EQUAL(rounded(0x8001), up);
      BOOST_REQUIRE_EQUAL(rounded(0xffff), up);
    }
}

BOOST_AUTO_TEST_CASE(a_nan_whose_payload_lies_in_the_low_half_stays_a_nan) {
  BOOST_TEST(std::isnan(from_bf16(to_bf16(std::bit_cast<float>(0x7f800001U)))));
  BOOST_TEST(std::isnan(from_bf16(to_bf16(std::bit_cast<float>(0xffffffffU)))));
}

BOOST_AUTO_TEST_CASE(every_f16_goes_to_float_and_back) {
  for (unsigned bits = 0; bits <= 0xffff; ++bits) {
    const float value = from_f16(static_cast<std::uint16_t>(bits));
    if (std::isnan(value))
      BOOST_REQUIRE(std::isnan(from_f16(to_f16(value))));
    else
      BOOST_REQUIRE_EQUAL(to_f16(value), bits);
  }
}

BOOST_AUTO_TEST_CASE(to_f16_rounds_to_nearest_and_ties_to_even_between_all_neighbours) {
  for (unsigned down = 0; down < 0x7c00; ++down) {
    const unsigned up = down + 1;
    const float low = from_f16(static_cast<std::uint16_t>(down));
    // The step beyond the largest is as the one before it.
    const float high = up < 0x7c00 ? from_f16(static_cast<std::uint16_t>(up)) : 65536.0F;
    const float middle = low + (high - low) / 2;  // exact
    for (const float sign : {1.0F, -1.0F}) {
      const unsigned bit = sign < 0 ? 0x8000U : 0U;
      BOOST_REQUIRE_EQUAL(to_f16(sign * std::nextafter(middle, 0.0F)), down | bit);
      BOOST_REQUIRE_EQUAL(to_f16(sign * middle), ((down & 1U) != 0 ? up : down) | bit);
      BOOST_REQUIRE_EQUAL(to_f16(sign * std::nextafter(middle, 1e9F)), up | bit);
    }
  }
  BOOST_TEST(to_f16(1e30F) == 0x7c00);
  BOOST_TEST(to_f16(-1e30F) == 0xfc00);
}

BOOST_AUTO_TEST_CASE(sizes_and_names_are_those_of_numpy) {
  struct Row {
    DType type;
    std::size_t bytes;
    const char* name;
    bool floating;
  };
  const Row rows[] = {{DType::f32, 4, "float32", true}, {DType::f64, 8, "float64", true},
                      {DType::f16, 2, "float16", true}, {DType::bf16, 2, "bfloat16", true},
                      {DType::i64, 8, "int64", false},  {DType::i32, 4, "int32", false},
                      {DType::i16, 2, "int16", false},  {DType::i8, 1, "int8", false},
                      {DType::u8, 1, "uint8", false},   {DType::boolean, 1, "bool", false}};
  for (const Row& row : rows) {
    BOOST_TEST(size_of(row.type) == row.bytes);
    BOOST_TEST(std::string(name(row.type)) == row.name);
    BOOST_TEST(is_floating(row.type) == row.floating);
  }
}
