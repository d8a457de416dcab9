// BasicTokenizer alone, with each of its options, and its cleaning step.
#define BOOST_TEST_MODULE text_basic
#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <vector>

#include "tessera/text/basic.hpp"
#include "text/golden.hpp"

namespace {

using golden::Json;
using namespace tessera::text;
using Words = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_CASE(words_and_cleaned_texts_are_those_of_the_reference) {
  const std::vector<Json> cases = golden::lines("bert/basic_tokenizer.jsonl");
  BOOST_TEST(cases.size() == 341U);
  for (const Json& line : cases) {
    BasicOptions options;
    options.do_lower_case = line.at("do_lower_case").get<bool>();
    options.tokenize_chinese_chars = line.at("tokenize_chinese_chars").get<bool>();
    options.never_split = line.at("never_split").get<Words>();
    const auto text = line.at("text").get<std::string>();
    BOOST_TEST_CONTEXT(line.dump()) {
      BOOST_TEST(Json(BasicTokenizer(options).tokenize(text)) == line.at("tokens"));
      BOOST_TEST(utf8::encode(BasicTokenizer::clean(utf8::decode(text))) == line.at("clean_text").get<std::string>());
    }
  }
  for (const Json& line : golden::lines("raw/recent_code_points.jsonl")) {
    BOOST_TEST(Json(BasicTokenizer().tokenize(line.at("text").get<std::string>())) == line.at("basic"));
  }
}

BOOST_AUTO_TEST_CASE(a_protected_word_keeps_its_case_but_not_its_punctuation) {
  BasicOptions options;
  options.never_split = {"[ENT]", "Hello"};
  BOOST_TEST(BasicTokenizer(options).tokenize("[ENT] Hello Hello, HELLO") ==
             (Words{"[", "ENT", "]", "Hello", "hello", ",", "hello"}));
  options.never_split_keeps_punctuation = true;
  BOOST_TEST(BasicTokenizer(options).tokenize("[ENT] Hello Hello, HELLO") ==
             (Words{"[ENT]", "Hello", "hello", ",", "hello"}));
}

BOOST_AUTO_TEST_CASE(a_word_is_protected_by_what_the_cleaning_leaves_of_it) {
  BasicOptions options;
  options.never_split = {"NASA"};
  BOOST_TEST(BasicTokenizer(options).tokenize("NA\x01SA") == Words{"NASA"});
  BOOST_TEST(BasicTokenizer(options).tokenize("NA\xE2\x80\x8BSA") == Words{"NASA"});
}

BOOST_AUTO_TEST_CASE(in_release_0_6_2_a_word_that_lower_casing_makes_a_protected_one_keeps_its_punctuation) {
  BasicOptions options;
  options.never_split = {"[x]"};
  options.never_split_keeps_punctuation = true;
  BOOST_TEST(BasicTokenizer(options).tokenize("[X] [x] [y]") == (Words{"[x]", "[x]", "[", "y", "]"}));
}

BOOST_AUTO_TEST_CASE(a_word_of_removed_characters_or_accents_alone_vanishes) {
  BOOST_TEST(BasicTokenizer().tokenize("a \x01\x02 b") == (Words{"a", "b"}));
  BOOST_TEST(BasicTokenizer().tokenize("a \xCC\x81 b") == (Words{"a", "b"}));
  BOOST_TEST(BasicTokenizer().tokenize("").empty());
  BOOST_TEST(BasicTokenizer().tokenize(" \t\r\n").empty());
}

BOOST_AUTO_TEST_CASE(the_path_for_ascii_and_the_path_for_all_of_unicode_give_the_same_words) {
  // A zero-width space is removed without a trace, so that it only decides which path a word takes.
  std::mt19937 random(3);
  BasicOptions options;
  options.never_split = {"A-b", "Ab"};
  for (const bool lower : {false, true}) {
    for (const bool keeps : {false, true}) {
      options.do_lower_case = lower;
      options.never_split_keeps_punctuation = keeps;
      const BasicTokenizer tokenizer(options);
      for (int round = 0; round < 3000; ++round) {
        std::string ascii;
        std::string unicode;
        for (std::size_t n = random() % 12; n > 0; --n) {
          constexpr std::string_view alphabet = "AbAb-- .\x01\x7F\t9";
          const char c = alphabet[random() % alphabet.size()];
          ascii += c;
          unicode += c;
          unicode += "\xE2\x80\x8B";
        }
        BOOST_TEST(tokenizer.tokenize(ascii) == tokenizer.tokenize(unicode));
      }
    }
  }
}
