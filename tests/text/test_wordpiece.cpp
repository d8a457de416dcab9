// The vocabulary, reading vocab.txt, and the longest match.
#define BOOST_TEST_MODULE text_wordpiece
#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tessera/text/vocabulary.hpp"
#include "tessera/text/wordpiece.hpp"
#include "text/golden.hpp"

namespace {

using namespace tessera::text;

Vocabulary read(std::string_view file, LineTrim trim = LineTrim::line_end) {
  auto made = read_vocabulary(file, trim);
  BOOST_REQUIRE_MESSAGE(made.ok(), made.error().message());
  return std::move(made).value();
}

/// The pieces of a word joined by spaces; "?" if it is unknown.
std::string pieces(const Vocabulary& vocabulary, std::string_view word) {
  std::string out;
  const bool known = WordPiece::split(vocabulary, word, [&](Id id) {
    if (!out.empty()) out += ' ';
    out += vocabulary.token(id);
  });
  return known ? out : "?" + out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_vocabulary_maps_both_ways_like_two_dictionaries) {
  std::mt19937 random(11);
  Vocabulary vocabulary;
  std::map<std::string, Id> expected;
  for (int i = 0; i < 20000; ++i) {
    std::string token;
    for (std::size_t n = random() % 4; n > 0; --n) token += static_cast<char>('a' + random() % 12);
    BOOST_REQUIRE(vocabulary.set(token, i).ok());
    expected[token] = i;
  }
  BOOST_TEST(vocabulary.size() == expected.size());
  std::size_t with_token = 0;
  for (Id id = 0; id < 20000; ++id) with_token += vocabulary.has(id) ? 1 : 0;
  BOOST_TEST(with_token == expected.size());
  for (const auto& [token, id] : expected) {
    BOOST_TEST(vocabulary.find(token) == id);
    BOOST_TEST(vocabulary.token(id) == token);
  }
  BOOST_TEST(vocabulary.find("xyz") == no_id);
  BOOST_TEST(!vocabulary.has(-1));
  BOOST_TEST(!vocabulary.has(20000));
}

BOOST_AUTO_TEST_CASE(an_id_out_of_range_is_refused_with_token_and_bounds) {
  Vocabulary vocabulary;
  BOOST_TEST(vocabulary.set("a", -1).error().message() ==
             std::string("vocabulary: the id of token \"a\" is -1, expected 0 to 67108863"));
  BOOST_TEST(!vocabulary.set("a", Vocabulary::max_id + 1).ok());
}

BOOST_AUTO_TEST_CASE(lines_end_at_lf_cr_and_crlf_and_nowhere_else) {
  const Vocabulary v = read(
      "a\r\nb\rc\n\xE2\x80\xA8"
      "d\n\ne \xC2\x85\nlast");
  BOOST_TEST(v.find("a") == 0);
  BOOST_TEST(v.find("b") == 1);
  BOOST_TEST(v.find("c") == 2);
  BOOST_TEST(v.find("\xE2\x80\xA8"
                    "d") == 3);
  BOOST_TEST(v.find("") == 4);
  BOOST_TEST(v.find("e \xC2\x85") == 5);
  BOOST_TEST(v.find("last") == 6);
  BOOST_TEST(v.size() == 7U);
  BOOST_TEST(read("").empty());
  BOOST_TEST(read("\n").size() == 1U);
  const Vocabulary stripped = read(
      " a \n\xE2\x80\xA8"
      "d\t\n",
      LineTrim::white_space);
  BOOST_TEST(stripped.find("a") == 0);
  BOOST_TEST(stripped.find("d") == 1);
}

BOOST_AUTO_TEST_CASE(a_token_on_two_lines_has_the_last_id_and_its_first_id_has_no_token) {
  const Vocabulary v = read("a\nb\na\n");
  BOOST_TEST(v.find("a") == 2);
  BOOST_TEST(!v.has(0));
  BOOST_TEST(v.token(2) == "a");
  BOOST_TEST(v.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_vocabulary_file_that_is_not_utf8_is_refused_at_the_byte) {
  const auto bad = read_vocabulary("ab\n\xFFz\n");
  BOOST_REQUIRE(!bad.ok());
  BOOST_TEST(bad.error().message() ==
             std::string("vocabulary: expected UTF-8, found an invalid byte 0xFF at offset 3"));
}

BOOST_AUTO_TEST_CASE(the_longest_piece_wins_at_each_place) {
  const Vocabulary v = read("un\nu\n##aff\n##able\n##a\n##ff\n##n\nunaff\n");
  BOOST_TEST(pieces(v, "unaffable") == "unaff ##able");
  BOOST_TEST(pieces(v, "unna") == "un ##n ##a");
  BOOST_TEST(pieces(v, "u") == "u");
}

BOOST_AUTO_TEST_CASE(a_word_with_any_unmatched_rest_is_unknown_as_a_whole) {
  const Vocabulary v = read("un\n##aff\n");
  BOOST_TEST(pieces(v, "unaffz") == "?");
  BOOST_TEST(pieces(v, "aff") == "?");
  BOOST_TEST(pieces(Vocabulary(), "a") == "?");
}

BOOST_AUTO_TEST_CASE(a_word_that_looks_like_a_continuation_is_a_plain_entry) {
  const Vocabulary v = read("##ing\n#\n");
  BOOST_TEST(pieces(v, "##ing") == "##ing");
  BOOST_TEST(pieces(v, "ing") == "?");
}

BOOST_AUTO_TEST_CASE(a_word_may_have_100_code_points_and_no_more) {
  const Vocabulary v = read("a\n##a\n\xC3\xA4\n##\xC3\xA4\n");
  BOOST_TEST(pieces(v, std::string(100, 'a')).size() == 1 + 99 * 4);
  BOOST_TEST(pieces(v, std::string(101, 'a')) == "?");
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\xC3\xA4";
  BOOST_TEST(pieces(v, umlauts).front() != '?');
  BOOST_TEST(pieces(v, umlauts + "a") == "?");
}

BOOST_AUTO_TEST_CASE(pieces_end_between_code_points_only) {
  // The first bytes of the umlaut are no token although the bytes would match.
  Vocabulary v;
  BOOST_REQUIRE(v.set("\xC3", 0).ok());
  BOOST_REQUIRE(v.set("##\xA4", 1).ok());
  BOOST_TEST(pieces(v, "\xC3\xA4") == "?");
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_do_no_harm) {
  Vocabulary v;
  BOOST_REQUIRE(v.set("\x80", 0).ok());
  BOOST_REQUIRE(v.set("##\x80", 1).ok());
  BOOST_TEST(pieces(v, std::string(5000, '\x80')) == "?");
}
