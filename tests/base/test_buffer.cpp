// Buffer: grows, keeps its room, gives new elements their initial value, moves.
#define BOOST_TEST_MODULE base_buffer
#include <boost/test/unit_test.hpp>

#include "tessera/base/buffer.hpp"

using tessera::Buffer;

BOOST_AUTO_TEST_CASE(pushed_elements_stay_in_order_while_it_grows) {
  Buffer<int> buffer;
  for (int i = 0; i < 1000; ++i) BOOST_REQUIRE(buffer.push(i));
  BOOST_TEST(buffer.size() == 1000U);
  int expected = 0;
  for (const int value : buffer) BOOST_REQUIRE_EQUAL(value, expected++);
}

BOOST_AUTO_TEST_CASE(a_smaller_size_keeps_the_room_and_a_larger_one_starts_fresh) {
  Buffer<int> buffer;
  BOOST_REQUIRE(buffer.resize(10));
  buffer[9] = 7;
  const int* place = buffer.data();
  BOOST_REQUIRE(buffer.resize(0));
  BOOST_REQUIRE(buffer.resize(10));
  BOOST_TEST(buffer.data() == place);
  BOOST_TEST(buffer[9] == 0);
}

BOOST_AUTO_TEST_CASE(a_moved_buffer_leaves_an_empty_one) {
  Buffer<int> a;
  BOOST_REQUIRE(a.push(1));
  Buffer<int> b = std::move(a);
  BOOST_TEST(b.size() == 1U);
  BOOST_TEST(a.size() == 0U);  // NOLINT: that is the claim
  BOOST_REQUIRE(a.push(2));
  BOOST_TEST(a[0] == 2);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_into_memory_is_a_false_and_nothing_is_lost) {
  Buffer<char> buffer;
  BOOST_REQUIRE(buffer.push('x'));
  BOOST_TEST(!buffer.reserve(static_cast<std::size_t>(1) << 62));
  BOOST_TEST(!buffer.reserve(static_cast<std::size_t>(-1)));
  BOOST_TEST(buffer[0] == 'x');
}
