// CRC-32 against its published check value and against zlib.
#define BOOST_TEST_MODULE io_crc32
#include "tessera/io/crc32.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <string_view>
#include <vector>
#ifndef TESSERA_WITHOUT_ZLIB
#include <zlib.h>
#endif

using namespace tessera;

namespace {
io::Bytes bytes_of(std::string_view s) { return {reinterpret_cast<const std::byte*>(s.data()), s.size()}; }
}  // namespace

BOOST_AUTO_TEST_CASE(the_check_value_of_the_standard) {
  BOOST_TEST(io::crc32(bytes_of("123456789")) == 0xcbf43926U);
  BOOST_TEST(io::crc32({}) == 0U);
}

#ifndef TESSERA_WITHOUT_ZLIB
BOOST_AUTO_TEST_CASE(every_length_and_start_agrees_with_zlib_and_so_do_pieces) {
  std::vector<std::byte> data(300);
  std::uint32_t state = 1;
  for (std::byte& b : data) b = static_cast<std::byte>((state = state * 1664525U + 1013904223U) >> 24);
  for (std::size_t start = 0; start < 9; ++start)
    for (std::size_t size = 0; start + size <= data.size(); ++size) {
      const io::Bytes part{data.data() + start, size};
      const auto expected = static_cast<std::uint32_t>(
          ::crc32(0, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size())));
      BOOST_TEST_REQUIRE(io::crc32(part) == expected);
      const std::size_t cut = size / 3;
      BOOST_TEST_REQUIRE(io::crc32(part.subspan(cut), io::crc32(part.first(cut))) == expected);
    }
}
#endif
