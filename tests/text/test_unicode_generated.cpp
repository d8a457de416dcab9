// The generated Unicode tables and utf8proc say the same of every code point of Unicode 14.0.
#define BOOST_TEST_MODULE text_unicode_generated
#include <boost/test/unit_test.hpp>

#include <random>
#include <string>

#include "tessera/text/unassigned.hpp"
#include "tessera/text/unicode_generated.hpp"
#include "tessera/text/unicode_utf8proc.hpp"

namespace unicode = tessera::text::unicode;
namespace ours = unicode::generated;
namespace theirs = unicode::from_utf8proc;

static_assert(ours::category(U'A') == unicode::Category::Lu && ours::simple_lower(0x391) == 0x3B1);
static_assert(ours::composed(U'e', 0x301) == 0xE9 && ours::composed(0x1112, 0x1161) == 0xD558);

BOOST_AUTO_TEST_CASE(properties_of_all_code_points_are_equal) {
  std::size_t different = 0;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    const bool unassigned = unicode::contains(unicode::unassigned_in_14, c);
    if ((ours::category(c) == unicode::Category::Cn) != unassigned) ++different;
    if (unassigned) continue;
    if (ours::category(c) != theirs::category(c) || ours::combining_class(c) != theirs::combining_class(c)) ++different;
    // Two whose lower case is not one code point, or depends on what follows, are the business of lower_into.
    if (c != 0x130 && ours::simple_lower(c) != theirs::simple_lower(c)) ++different;
    if (different == 1) BOOST_TEST_MESSAGE("first difference at " << std::hex << static_cast<unsigned>(c));
  }
  BOOST_TEST(different == 0U);
}

BOOST_AUTO_TEST_CASE(decompositions_of_all_code_points_are_equal) {
  std::size_t different = 0;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (unicode::contains(unicode::unassigned_in_14, c) || (c >= 0xD800 && c <= 0xDFFF)) continue;
    for (const bool compatibility : {false, true}) {
      std::array<char32_t, unicode::max_decomposition> a{};
      std::array<char32_t, unicode::max_decomposition> b{};
      const std::size_t n = ours::decompose(c, compatibility, a);
      if (n != theirs::decompose(c, compatibility, b) || a != b) ++different;
    }
  }
  BOOST_TEST(different == 0U);
}

BOOST_AUTO_TEST_CASE(compositions_are_equal_for_all_code_points_and_for_random_strings) {
  std::mt19937 random(1);
  std::u32string pool;
  std::size_t different = 0;
  const auto check = [&different](std::u32string text) {
    std::u32string other = text;
    text.resize(ours::compose(text.data(), text.size()));
    other.resize(theirs::compose(other.data(), other.size()));
    if (text != other) ++different;
  };
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (unicode::contains(unicode::unassigned_in_14, c) || (c >= 0xD800 && c <= 0xDFFF)) continue;
    std::array<char32_t, unicode::max_decomposition> parts{};
    const std::size_t n = ours::decompose(c, false, parts);
    if (n > 1) check(std::u32string(parts.data(), n));
    if (n > 1 || ours::combining_class(c) != 0) pool.append(parts.data(), n);
  }
  pool += U"\u1100\u1161\u11A8\u1100\u1161aeio";
  for (int i = 0; i < 200000; ++i) {
    std::u32string text;
    for (std::size_t n = 1 + random() % 8; n > 0; --n) text.push_back(pool[random() % pool.size()]);
    // Ordered, as composing asks for.
    for (auto first = text.begin(); first != text.end();) {
      auto last = first;
      while (last != text.end() && ours::combining_class(*last) != 0) ++last;
      std::stable_sort(first, last,
                       [](char32_t a, char32_t b) { return ours::combining_class(a) < ours::combining_class(b); });
      first = last == text.end() ? last : last + 1;
    }
    check(text);
  }
  BOOST_TEST(different == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_no_code_point_has_no_properties) {
  BOOST_TEST((ours::category(0x110000) == unicode::Category::Cn));
  BOOST_TEST((ours::simple_lower(0xFFFFFFFF) == 0xFFFFFFFF));
  std::array<char32_t, unicode::max_decomposition> parts{};
  BOOST_TEST(ours::decompose(0x7FFFFFFF, true, parts) == 1U);
}
