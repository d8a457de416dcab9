// Errors as values, and what happens when a promise of the library itself is broken.
#define BOOST_TEST_MODULE base_result
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>

#include "tessera/base/assert.hpp"
#include "tessera/base/result.hpp"

using namespace tessera;

namespace {

Result<int> half_of(int n) {
  if (n % 2 != 0) return Error::format(Code::invalid_argument, "%d is odd", n);
  return n / 2;
}

Result<int> quarter_of(int n) {
  TESSERA_TRY_ASSIGN(const int half, half_of(n));
  return half_of(half);
}

Result<void> must_be_even(int n) {
  TESSERA_TRY(half_of(n));
  return {};
}

/// Counts its living copies.
struct Counted {
  static inline int alive = 0;
  Counted() { ++alive; }
  Counted(Counted&&) noexcept { ++alive; }
  Counted& operator=(Counted&&) = default;
  ~Counted() { --alive; }
};

std::string last_sentence;
int broken = 0;

}  // namespace

BOOST_AUTO_TEST_CASE(a_result_holds_a_value_or_an_error) {
  const auto good = quarter_of(8);
  BOOST_TEST(good.ok());
  BOOST_TEST(static_cast<bool>(good));
  BOOST_TEST(*good == 2);
  BOOST_TEST((good.error().code() == Code::ok));
  const auto bad = quarter_of(6);
  BOOST_TEST(!bad.ok());
  BOOST_TEST((bad.error().code() == Code::invalid_argument));
  BOOST_TEST(std::string(bad.error().message()) == "3 is odd");
}

BOOST_AUTO_TEST_CASE(try_leaves_with_the_first_error) {
  BOOST_TEST(must_be_even(4).ok());
  BOOST_TEST(std::string(must_be_even(5).error().message()) == "5 is odd");
  BOOST_TEST(std::string(quarter_of(7).error().message()) == "7 is odd");
}

BOOST_AUTO_TEST_CASE(values_that_only_move_pass_through_and_are_destroyed_once) {
  {
    Result<std::unique_ptr<int>> owned = std::make_unique<int>(7);
    const std::unique_ptr<int> taken = std::move(owned).value();
    BOOST_TEST(*taken == 7);
  }
  {
    Result<Counted> a = Counted();
    Result<Counted> b = std::move(a);
    Result<Counted> c = Error::format(Code::not_found, "nothing");
    c = std::move(b);
    BOOST_TEST(c.ok());
    c = Result<Counted>(Error::format(Code::not_found, "nothing"));
    BOOST_TEST(!c.ok());
  }
  BOOST_TEST(Counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(of_a_sentence_that_is_too_long_the_middle_is_left_out_and_the_reason_stays) {
  for (const std::size_t length : {std::size_t{499}, std::size_t{500}, std::size_t{800}, std::size_t{4000}}) {
    const std::string path(length, 'x');
    const Error e = Error::format(Code::not_found, "reading %s: no such file", path.c_str());
    const std::string sentence = e.message();
    BOOST_TEST(sentence.size() == Error::capacity - 1);
    BOOST_TEST(sentence.starts_with("reading xxx"));
    BOOST_TEST(sentence.ends_with("xxx: no such file"));
    BOOST_TEST(sentence.find("x ... x") != std::string::npos);
    const std::string placed = e.in("folder").message();
    BOOST_TEST(placed.size() == Error::capacity - 1);
    BOOST_TEST(placed.starts_with("folder: reading xxx"));
    BOOST_TEST(placed.ends_with("xxx: no such file"));
    BOOST_TEST((e.in("folder").code() == Code::not_found));
  }
  const std::string fits(Error::capacity - 1, 'x');
  BOOST_TEST(Error::format(Code::bad_format, "%s", fits.c_str()).message() == fits);
  // No character is cut in two, whatever the place of the gap.
  for (std::size_t shift = 0; shift < 4; ++shift) {
    std::string text(shift, 'x');
    for (int i = 0; i < 400; ++i) text += "\u20ac";
    const std::string cut = Error::format(Code::bad_format, "%s", text.c_str()).message();
    const std::size_t gap = cut.find(" ... ");
    BOOST_TEST_REQUIRE(gap != std::string::npos);
    BOOST_TEST((gap - shift) % 3 == 0U);
    BOOST_TEST((cut.size() - gap - 5) % 3 == 0U);
    BOOST_TEST(cut.size() < Error::capacity);
    BOOST_TEST(cut.size() > Error::capacity - 8);
  }
}

BOOST_AUTO_TEST_CASE(a_sentence_is_one_line_without_control_characters) {
  BOOST_TEST(std::string(Error::format(Code::not_found, "%s: no file", "a\nb\x1b[31m\x7f").message()) ==
             "a\\x0ab\\x1b[31m\\x7f: no file");
  const std::string bad(5990, '\n');  // more than can be written out
  const std::string sentence = Error::format(Code::not_found, "%s: no file", bad.c_str()).message();
  BOOST_TEST(sentence.find('\n') == std::string::npos);
  BOOST_TEST(sentence.size() == Error::capacity - 1);
}

BOOST_AUTO_TEST_CASE(every_code_has_a_name_of_its_own) {
  std::string seen = "|";
  for (int i = 0; i <= static_cast<int>(Code::cancelled); ++i) {
    const std::string each = std::string(name(static_cast<Code>(i))) + "|";
    BOOST_TEST(each != "unknown|");
    BOOST_TEST((seen.find("|" + each) == std::string::npos));
    seen += each;
  }
  BOOST_TEST(std::string(name(static_cast<Code>(200))) == "unknown");
}

BOOST_AUTO_TEST_CASE(the_host_sets_the_assert_handler_and_gets_the_old_one_back) {
  const AssertHandler mine = [](const Assertion& a) noexcept {
    ++broken;
    last_sentence = a.sentence;
  };
  const AssertHandler before = set_assert_handler(mine);
  BOOST_TEST((before != nullptr));
  TESSERA_ASSERT(2 + 2 == 4, "sums are right");
  BOOST_TEST(broken == 0);
  TESSERA_ASSERT(2 + 2 == 5, "sums must be right");
  BOOST_TEST(broken == 1);
  BOOST_TEST(last_sentence == "sums must be right");
  BOOST_TEST((set_assert_handler(nullptr) == mine));
  BOOST_TEST((set_assert_handler(before) == before));  // null had restored the default
}

BOOST_AUTO_TEST_CASE(the_value_of_an_error_is_a_broken_promise_that_is_told) {
  const AssertHandler before = set_assert_handler([](const Assertion& a) noexcept {
    ++broken;
    last_sentence = a.sentence;
  });
  broken = 0;
  const Result<int> failed = Error::format(Code::not_found, "nothing here");
  (void)*failed;
  BOOST_TEST(broken == 1);
  BOOST_TEST(last_sentence.find("error") != std::string::npos);
  const Result<int> good = 7;
  BOOST_TEST(*good == 7);
  BOOST_TEST(broken == 1);
  set_assert_handler(before);
}
