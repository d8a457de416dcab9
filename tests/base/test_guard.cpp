#define BOOST_TEST_MODULE guard
#include <boost/test/unit_test.hpp>

#include <new>
#include <stdexcept>
#include <vector>

#include "tessera/base/guard.hpp"

using namespace tessera;

BOOST_AUTO_TEST_CASE(what_is_returned_passes_through) {
  BOOST_TEST(guarded([]() -> Result<int> { return 3; }).value() == 3);
  BOOST_TEST(
      (guarded([]() -> Result<int> { return Error::format(Code::not_found, "x"); }).error().code() == Code::not_found));
}

BOOST_AUTO_TEST_CASE(what_is_thrown_becomes_an_error) {
  const auto code = [](auto what) { return guarded([&]() -> Result<void> { throw what; }).error().code(); };
  BOOST_TEST((code(std::bad_alloc()) == Code::out_of_memory));
  BOOST_TEST((code(std::length_error("long")) == Code::out_of_memory));
  BOOST_TEST((code(std::runtime_error("odd")) == Code::io_failure));
  BOOST_TEST((code(42) == Code::io_failure));
}
