#define BOOST_TEST_MODULE utf8
#include <boost/test/unit_test.hpp>

#include <string>

#include "tessera/io/utf8.hpp"

using namespace tessera::io;

BOOST_AUTO_TEST_CASE(well_formed_text_of_every_length_is_utf8) {
  BOOST_TEST(is_utf8(""));
  BOOST_TEST(is_utf8("a\xc2\x80\xdf\xbf"));
  BOOST_TEST(is_utf8("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"));
  BOOST_TEST(is_utf8("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
}

BOOST_AUTO_TEST_CASE(overlong_cut_off_surrogate_and_too_large_forms_are_not_utf8) {
  for (const char* const text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
                                 "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"})
    BOOST_TEST(!is_utf8(text), in_quotes(text));
}

BOOST_AUTO_TEST_CASE(quoted_text_is_one_short_printable_line) {
  BOOST_TEST(in_quotes("plain") == "'plain'");
  BOOST_TEST(in_quotes("a\nb\x1b[0m") == "'a\\x0ab\\x1b[0m'");
  BOOST_TEST(in_quotes("\xc3\xa9") == "'\xc3\xa9'");
  BOOST_TEST(in_quotes("\xff") == "'\\xff'");
  BOOST_TEST(in_quotes(std::string(100, 'x'), 3) == "'xxx...'");
  BOOST_TEST(in_quotes("ab\xc3\xa9", 3) == "'ab...'");
}
