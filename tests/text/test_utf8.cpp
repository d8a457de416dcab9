// UTF-8: what Python's bytes.decode makes of any bytes, and that nothing behind the end is read.
#define BOOST_TEST_MODULE text_utf8
#include <boost/test/unit_test.hpp>

#include <memory>
#include <random>
#include <string>

#include "tessera/text/utf8.hpp"
#include "text/golden.hpp"

namespace utf8 = tessera::text::utf8;

namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(invalid_bytes_become_what_python_makes_of_them) {
  const auto cases = golden::lines("raw/invalid_utf8.jsonl");
  BOOST_TEST(cases.size() == 76U);
  for (const golden::Json& line : cases) {
    const std::string bytes = from_hex(line.at("hex").get<std::string>());
    BOOST_TEST_CONTEXT(line.at("hex")) {
      BOOST_TEST(utf8::repair(bytes) == line.at("replace").get<std::string>());
      BOOST_TEST(utf8::repair(bytes, utf8::OnError::ignore) == line.at("ignore").get<std::string>());
      BOOST_TEST(utf8::is_valid(bytes) == line.at("valid").get<bool>());
      if (!utf8::is_valid(bytes)) {
        const std::size_t start = utf8::find_invalid(bytes);
        BOOST_TEST(start == line.at("error_start").get<std::size_t>());
        const utf8::Step step = utf8::decode_one(bytes.data() + start, bytes.data() + bytes.size());
        BOOST_TEST(start + step.length == line.at("error_end").get<std::size_t>());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(every_code_point_survives_encoding_and_decoding) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    const std::string bytes = utf8::encode({&c, 1});
    const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    const utf8::Step strict = utf8::decode_one(bytes.data(), bytes.data() + bytes.size());
    const utf8::Step loose = utf8::decode_one(bytes.data(), bytes.data() + bytes.size(), utf8::Surrogates::accept);
    const bool right = bytes.size() == utf8::length_of(c) && strict.valid == !surrogate && loose.valid &&
                       loose.code_point == c && loose.length == bytes.size() && utf8::count(bytes) == 1;
    if (!right) BOOST_ERROR("code point " << static_cast<unsigned>(c));
  }
}

BOOST_AUTO_TEST_CASE(a_sequence_cut_by_the_end_is_one_error_and_nothing_behind_the_end_is_read) {
  // Each buffer has exactly the bytes given, so that a sanitizer sees a read behind it.
  for (const std::string whole : {"\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    for (std::size_t n = 1; n < whole.size(); ++n) {
      const std::unique_ptr<char[]> exact(new char[n]);
      std::copy_n(whole.data(), n, exact.get());
      const utf8::Step step = utf8::decode_one(exact.get(), exact.get() + n);
      BOOST_TEST(!step.valid);
      BOOST_TEST(std::size_t{step.length} == n);
      BOOST_TEST(utf8::repair({exact.get(), n}) == "\xEF\xBF\xBD");
    }
  }
}

BOOST_AUTO_TEST_CASE(repaired_bytes_are_valid_and_valid_bytes_are_kept) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& b : bytes) b = static_cast<char>(random() % 3 == 0 ? random() % 128 : 0x80 + random() % 128);
    const std::string repaired = utf8::repair(bytes);
    BOOST_TEST(utf8::is_valid(repaired));
    BOOST_TEST(utf8::repair(repaired) == repaired);
    BOOST_TEST(utf8::encode(utf8::decode(bytes)) == repaired);
    BOOST_TEST(utf8::is_valid(utf8::repair(bytes, utf8::OnError::ignore)));
  }
}

BOOST_AUTO_TEST_CASE(the_ascii_prefix_ends_at_the_first_other_byte) {
  for (std::size_t n = 0; n < 40; ++n) {
    const std::string ascii(n, 'x');
    BOOST_TEST(utf8::ascii_prefix(ascii) == n);
    BOOST_TEST(utf8::ascii_prefix(ascii + "\xC3\xA4 and more of it") == n);
  }
}
