// GPT-2's pre-tokenizer and the classes of characters that it is defined by.
#define BOOST_TEST_MODULE text_gpt2_words
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tessera/text/byte_alphabet.hpp"
#include "tessera/text/gpt2_words.hpp"
#include "text/golden.hpp"

namespace {

using golden::Json;
using namespace tessera::text;

Json words(const std::string& text) {
  Json out = Json::array();
  Gpt2Words::for_each(text, [&out](std::string_view word) { out.push_back(std::string(word)); });
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(letters_numbers_and_white_space_are_those_of_the_regex_module) {
  const Json tables = golden::json("unicode_tables.json");
  std::vector<letters::Kind> expected(0x110000, letters::Kind::other);
  for (const auto& [name, kind] : {std::pair<const char*, letters::Kind>{"regex_L", letters::Kind::letter},
                                   {"regex_N", letters::Kind::number},
                                   {"regex_s", letters::Kind::space}}) {
    for (const Json& range : tables.at(name)) {
      for (auto c = range[0].get<std::uint32_t>(); c <= range[1].get<std::uint32_t>(); ++c) expected[c] = kind;
    }
  }
  std::size_t wrong = 0;
  for (char32_t c = 0; c < 0x110000; ++c) wrong += letters::kind_of(c) != expected[c] ? 1 : 0;
  BOOST_TEST(wrong == 0U);
}

BOOST_AUTO_TEST_CASE(recorded_texts_are_parted_as_by_the_pattern) {
  const std::vector<Json> lines = golden::lines("gpt2/pretokens.jsonl");
  BOOST_TEST(lines.size() == 298U);
  for (const Json& line : lines) BOOST_TEST(words(line.at("text").get<std::string>()) == line.at("pretokens"));
  for (const Json& line : golden::lines("raw/recent_code_points.jsonl")) {
    BOOST_TEST(words(" " + line.at("text").get<std::string>()) == line.at("gpt2_pretokens"));
  }
}

BOOST_AUTO_TEST_CASE(white_space_gives_its_last_space_to_the_next_word) {
  BOOST_TEST(words("a  b") == Json({"a", " ", " b"}));
  BOOST_TEST(words("a \n b\n") == Json({"a", " \n", " b", "\n"}));
  BOOST_TEST(words("a \tb  ") == Json({"a", " ", "\t", "b", "  "}));
  BOOST_TEST(words("x's 'LL 'll''re 're") == Json({"x", "'s", " '", "LL", " '", "ll", "''", "re", " '", "re"}));
  BOOST_TEST(words("'single'") == Json({"'s", "ingle", "'"}));
  BOOST_TEST(words("") == Json::array());
  BOOST_TEST(words(" ") == Json({" "}));
  BOOST_TEST(words("'") == Json({"'"}));
}

BOOST_AUTO_TEST_CASE(the_byte_alphabet_goes_there_and_back) {
  std::vector<bool> seen(byte_alphabet::last + 1);
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char32_t c = byte_alphabet::character(static_cast<std::uint8_t>(byte));
    BOOST_REQUIRE(c <= byte_alphabet::last);
    BOOST_TEST(!seen[c]);
    seen[c] = true;
    BOOST_TEST(byte_alphabet::byte(c) == static_cast<int>(byte));
  }
  BOOST_TEST((byte_alphabet::character(' ') == U'\u0120'));
  BOOST_TEST((byte_alphabet::character('\n') == U'\u010A'));
  for (const char32_t c : {U' ', U'\u00AD', U'\u0144', U'\u4E00', U'\U0010FFFF'}) {
    BOOST_TEST(byte_alphabet::byte(c) == byte_alphabet::no_byte);
  }
}
