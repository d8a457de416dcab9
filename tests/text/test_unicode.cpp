// Unicode 14.0: the classes, mappings and normal forms against tables taken from Python and from the reference.
#define BOOST_TEST_MODULE text_unicode
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <functional>
#include <string>

#include "tessera/io/sha256.hpp"
#include "tessera/text/basic.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/unicode.hpp"
#include "text/golden.hpp"

namespace unicode = tessera::text::unicode;
namespace basic = tessera::text::basic;
using unicode::Category;

namespace {

const golden::Json& tables() {
  static const golden::Json all = golden::json("unicode_tables.json");
  return all;
}

/// The ranges of a class as the golden file writes them.
golden::Json ranges_of(const std::function<bool(char32_t)>& is_member) {
  golden::Json ranges = golden::Json::array();
  bool inside = false;
  unsigned first = 0;
  for (unsigned c = 0; c <= 0x110000; ++c) {
    const bool member = c < 0x110000 && is_member(c);
    if (member && !inside) first = c;
    if (!member && inside) ranges.push_back({first, c - 1});
    inside = member;
  }
  return ranges;
}

/// The digest of the lines "hex:hex hex..." of all assigned code points that a mapping changes.
golden::Json digest_of(const std::function<std::u32string(char32_t)>& mapped) {
  std::string lines;
  std::size_t changed = 0;
  char text[16];
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    const Category k = unicode::category(c);
    if (k == Category::Cn || k == Category::Cs) continue;
    const std::u32string to = mapped(c);
    if (to.size() == 1 && to[0] == c) continue;
    ++changed;
    std::snprintf(text, sizeof text, "%x:", static_cast<unsigned>(c));
    lines += text;
    for (std::size_t i = 0; i < to.size(); ++i) {
      std::snprintf(text, sizeof text, i == 0 ? "%x" : " %x", static_cast<unsigned>(to[i]));
      lines += text;
    }
    lines += '\n';
  }
  return {{"changed", changed}, {"sha256", tessera::io::sha256_hex(tessera::io::bytes_of(lines))}};
}

std::u32string normal(char32_t c, unicode::Form form) { return unicode::normalize({&c, 1}, form); }

}  // namespace

BOOST_AUTO_TEST_CASE(the_digest_of_the_tests_is_sha256) {
  BOOST_TEST(tessera::io::sha256_hex(tessera::io::bytes_of("abc")) ==
             "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

BOOST_AUTO_TEST_CASE(categories_are_those_of_unicode_14) {
  BOOST_TEST(tables().at("unicodedata_version") == "14.0.0");
  const auto has = [](Category k) { return ranges_of([k](char32_t c) { return unicode::category(c) == k; }); };
  BOOST_TEST(has(Category::Cn) == tables().at("category_Cn"));
  BOOST_TEST(has(Category::Mn) == tables().at("category_Mn"));
  BOOST_TEST(
      (ranges_of([](char32_t c) { return unicode::combining_class(c) != 0; }) == tables().at("combining_nonzero")));
}

BOOST_AUTO_TEST_CASE(white_space_is_pythons_and_that_of_regular_expressions) {
  BOOST_TEST((ranges_of(unicode::is_python_space) == tables().at("py_str_isspace")));
  BOOST_TEST((ranges_of(unicode::is_unicode_space) == tables().at("regex_s")));
}

BOOST_AUTO_TEST_CASE(the_classes_of_bert_are_those_of_the_reference) {
  BOOST_TEST((ranges_of(basic::is_space) == tables().at("bert_whitespace")));
  BOOST_TEST((ranges_of(basic::is_punctuation) == tables().at("bert_punctuation")));
  BOOST_TEST((ranges_of(basic::is_chinese) == tables().at("bert_chinese")));
  // The golden class has U+0000 as category Cc has it; U+FFFD is removed without being a control.
  const auto is_control = [](char32_t c) { return c != 0xFFFD && basic::is_removed(c); };
  BOOST_TEST((ranges_of(is_control) == tables().at("bert_control")));
}

BOOST_AUTO_TEST_CASE(each_ascii_byte_has_one_class_and_it_agrees_with_the_code_point) {
  for (unsigned c = 0; c < 128; ++c) {
    const basic::Ascii k = basic::ascii_class(static_cast<char>(c));
    BOOST_TEST((k == basic::Ascii::removed) == basic::is_removed(c));
    BOOST_TEST((k == basic::Ascii::space) == basic::is_space(c));
    BOOST_TEST((k == basic::Ascii::punctuation) == basic::is_punctuation(c));
    BOOST_TEST((k == basic::Ascii::upper) == (unicode::simple_lower(c) != c));
  }
}

BOOST_AUTO_TEST_CASE(lower_casing_is_pythons) {
  for (const golden::Json& entry : tables().at("lower_multichar")) {
    const auto c = static_cast<char32_t>(entry.at(0).get<unsigned>());
    const std::u32string lower = unicode::lower({&c, 1});
    BOOST_REQUIRE(lower.size() == entry.at(1).size());
    for (std::size_t i = 0; i < lower.size(); ++i) {
      BOOST_TEST(static_cast<unsigned>(lower[i]) == entry.at(1).at(i).get<unsigned>());
    }
  }
  BOOST_TEST(digest_of([](char32_t c) { return unicode::lower({&c, 1}); }) == tables().at("lower_single_char_digest"));
}

BOOST_AUTO_TEST_CASE(a_capital_sigma_is_final_between_a_cased_letter_and_no_other) {
  BOOST_TEST((unicode::lower(U"ΑΣ") == U"ας"));
  BOOST_TEST((unicode::lower(U"ΣΑΣ") == U"σας"));
  BOOST_TEST((unicode::lower(U"Σ") == U"σ"));
  BOOST_TEST((unicode::lower(U"ΑΣΑ") == U"ασα"));
  BOOST_TEST((unicode::lower(U"ΑΣ.") == U"ας."));
  BOOST_TEST((unicode::lower(U"Α.Σ") == U"α.ς"));  // a full stop is ignorable
  BOOST_TEST((unicode::lower(U"ΑΣ.Α") == U"ασ.α"));
  BOOST_TEST((unicode::lower(U"ΑΣ Α") == U"ας α"));
  BOOST_TEST((unicode::lower(U"1Σ") == U"1σ"));
  BOOST_TEST((unicode::lower(U"Α\u0301Σ\u0301") == U"α\u0301ς\u0301"));
  BOOST_TEST((unicode::lower(U"ªΣ") == U"ªς"));  // cased by property, not by category
}

BOOST_AUTO_TEST_CASE(normal_forms_of_all_code_points_are_those_of_unicode_14) {
  BOOST_TEST(digest_of([](char32_t c) { return normal(c, unicode::Form::nfd); }) == tables().at("nfd_digest"));
  BOOST_TEST(digest_of([](char32_t c) { return normal(c, unicode::Form::nfkd); }) == tables().at("nfkd_digest"));
  BOOST_TEST(digest_of([](char32_t c) { return normal(c, unicode::Form::nfc); }) == tables().at("nfc_digest"));
}

BOOST_AUTO_TEST_CASE(marks_are_ordered_by_class_and_hangul_is_taken_apart_and_put_together) {
  using unicode::Form;
  BOOST_TEST((unicode::normalize(U"a\u0301\u0323", Form::nfd) == U"a\u0323\u0301"));
  BOOST_TEST((unicode::normalize(U"a\u0301\u0300", Form::nfd) == U"a\u0301\u0300"));  // equal classes keep their order
  BOOST_TEST((unicode::normalize(U"\u1E69", Form::nfd) == U"s\u0323\u0307"));
  BOOST_TEST((unicode::normalize(U"s\u0307\u0323", Form::nfc) == U"\u1E69"));
  BOOST_TEST((unicode::normalize(U"한글", Form::nfd) == U"\u1112\u1161\u11AB\u1100\u1173\u11AF"));
  BOOST_TEST((unicode::normalize(U"\u1112\u1161\u11AB\u1100\u1173\u11AF", Form::nfc) == U"한글"));
  BOOST_TEST((unicode::normalize(U"ﬁ\u00BD", Form::nfkd) == U"fi1\u20442"));
  BOOST_TEST((unicode::normalize(U"\u0958", Form::nfc) == U"\u0915\u093C"));  // excluded from composition
}

BOOST_AUTO_TEST_CASE(a_long_run_of_marks_is_ordered_without_quadratic_work) {
  std::u32string text = U"a";
  std::u32string expected = U"a";
  const std::size_t half = 200000;
  for (std::size_t i = 0; i < half; ++i) text += U"\u0301\u0323";
  expected.append(half, U'\u0323').append(half, U'\u0301');
  BOOST_TEST((unicode::normalize(text, unicode::Form::nfd) == expected));
}

BOOST_AUTO_TEST_CASE(code_points_after_unicode_14_have_no_properties) {
  for (const golden::Json& line : golden::lines("raw/recent_code_points.jsonl")) {
    if (line.at("category_in_reference") != "Cn") continue;
    const auto c = static_cast<char32_t>(line.at("code_point").get<unsigned>());
    BOOST_TEST((unicode::category(c) == Category::Cn));
    BOOST_TEST(unicode::combining_class(c) == 0);
    BOOST_TEST((unicode::simple_lower(c) == c));
    BOOST_TEST((normal(c, unicode::Form::nfkd) == std::u32string(1, c)));
  }
}

BOOST_AUTO_TEST_CASE(strip_split_and_replace_are_pythons) {
  using namespace tessera::text;
  BOOST_TEST(strip("") == "");
  BOOST_TEST(strip(" \t\x1C\xC2\x85\xE3\x80\x80") == "");
  BOOST_TEST(strip("\xE3\x80\x80 a b\xC2\xA0\xE2\x80\xA8") == "a b");
  BOOST_TEST(strip("\xE2\x80\x8B a") == "\xE2\x80\x8B a");  // U+200B is no white space
  std::string words;
  for_each_word(
      " a\xE2\x80\xA9"
      "bc \xC2\xA0 d",
      [&words](std::string_view w) { words.append(w).append("|"); });
  BOOST_TEST(words == "a|bc|d|");
  BOOST_TEST(replace_all("aaaa ## b", "aa", "b") == "bb ## b");
  BOOST_TEST(replace_all("", "x", "y") == "");
}
