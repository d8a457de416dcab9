#define BOOST_TEST_MODULE bytes
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdint>
#include <limits>

#include "tessera/io/bytes.hpp"

using namespace tessera;
using namespace tessera::io;

BOOST_AUTO_TEST_CASE(numbers_are_read_little_endian) {
  const std::array<unsigned char, 15> raw = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                             0x09, 0x0a, 0x0b, 0xff, 0xff, 0xff, 0xff};
  ByteReader reader(std::as_bytes(std::span(raw)));
  BOOST_TEST(reader.read<std::uint8_t>().value() == 0x01);
  BOOST_TEST(reader.read<std::uint16_t>().value() == 0x0302);
  BOOST_TEST(reader.read<std::uint64_t>().value() == 0x0b0a090807060504U);
  BOOST_TEST(reader.read<std::int32_t>().value() == -1);
  BOOST_TEST(reader.at_end());
}

BOOST_AUTO_TEST_CASE(a_read_past_the_end_is_an_error_and_leaves_the_position) {
  ByteReader reader(bytes_of("abc"), "letters");
  BOOST_TEST_REQUIRE(reader.skip(1).ok());
  const auto number = reader.read<std::uint32_t>();
  BOOST_TEST(!number.ok());
  BOOST_TEST(number.error().message() == "letters: 4 bytes expected at byte 1, 2 found");
  BOOST_TEST(reader.position() == 1U);
  BOOST_TEST(!reader.take(std::numeric_limits<std::uint64_t>::max()).ok());
  BOOST_TEST(!reader.seek(4).ok());
  BOOST_TEST(reader.seek(3).ok());
  BOOST_TEST(reader.take(0).ok());
}

BOOST_AUTO_TEST_CASE(a_line_ends_at_its_newline_and_must_have_one) {
  ByteReader reader(bytes_of("one\n\nrest"));
  BOOST_TEST(reader.line().value() == "one");
  BOOST_TEST(reader.line().value().empty());
  BOOST_TEST(!reader.line().ok());
  BOOST_TEST(reader.remaining() == 4U);
}

BOOST_AUTO_TEST_CASE(products_and_sums_notice_overflow) {
  std::uint64_t out = 5;
  BOOST_TEST(!checked_mul(std::uint64_t{1} << 32, std::uint64_t{1} << 32, out));
  BOOST_TEST(!checked_add(std::numeric_limits<std::uint64_t>::max(), 1, out));
  BOOST_TEST(out == 5U);
  BOOST_TEST(checked_mul(0, std::numeric_limits<std::uint64_t>::max(), out));
  BOOST_TEST(out == 0U);
  BOOST_TEST(checked_mul(std::uint64_t{1} << 31, std::uint64_t{1} << 32, out));
  BOOST_TEST(checked_add(out, 1, out));
  BOOST_TEST(out == (std::uint64_t{1} << 63) + 1);
}
