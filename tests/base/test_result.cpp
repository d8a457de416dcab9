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

BOOST_AUTO_TEST_CASE(a_sentence_that_is_too_long_is_cut_and_stays_a_string) {
  const std::string longer(2 * Error::capacity, 'x');
  const Error e = Error::format(Code::bad_format, "%s", longer.c_str());
  BOOST_TEST(std::string(e.message()) == std::string(Error::capacity - 1, 'x'));
  const Error placed = e.in("file");
  BOOST_TEST(std::string(placed.message()).size() == Error::capacity - 1);
  BOOST_TEST(std::string(placed.message()).substr(0, 7) == "file: x");
  BOOST_TEST((placed.code() == Code::bad_format));
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
