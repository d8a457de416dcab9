#define BOOST_TEST_MODULE state
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"
#include "tessera/io/state.hpp"

using namespace tessera;
using namespace tessera::io;

BOOST_AUTO_TEST_CASE(tensors_keep_their_order_and_are_found_by_name) {
  const State state = test::every_type();
  BOOST_TEST(state[0].name == "f64");
  BOOST_TEST(state[state.size() - 1].name.starts_with("name with"));
  BOOST_TEST_REQUIRE(state.find("f32") != nullptr);
  BOOST_TEST(state.find("f32")->bytes == 24U);
  BOOST_TEST(state.find("nothing") == nullptr);
  BOOST_TEST(state.get("nothing").error().message() == "tensor 'nothing' is missing among 14");
}

BOOST_AUTO_TEST_CASE(a_copy_outlives_the_original) {
  State copy;
  {
    const State state = test::every_type();
    copy = state;
  }
  BOOST_TEST(test::difference(copy, test::every_type()).empty());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_a_tensor_is_not_added) {
  State state;
  alignas(8) const std::byte data[64] = {};
  BOOST_TEST(state.add({"a", DType::f32, {2, 2}, data, 16}).ok());
  BOOST_TEST(!state.add({"a", DType::f32, {2, 2}, data, 16}).ok());
  BOOST_TEST(!state.add({"b", DType::f32, {2, 2}, data, 12}).ok());
  BOOST_TEST(!state.add({"b", DType::f32, {-2, -2}, data, 16}).ok());
  BOOST_TEST(!state.add({"b", DType::f32, {2, 2}, data + 1, 16}).ok());
  BOOST_TEST(!state.add({"b", DType::f32, {2, 2}, nullptr, 16}).ok());
  BOOST_TEST(!state.add({"\xff", DType::f32, {2, 2}, data, 16}).ok());
  BOOST_TEST(state.add({"b", DType::f32, {0, 2}, nullptr, 0}).ok());
  BOOST_TEST(state.add({"", DType::u8, {}, data + 1, 1}).ok());
  BOOST_TEST(state.size() == 3U);
}

BOOST_AUTO_TEST_CASE(byte_sizes_notice_overflow_even_beside_a_zero) {
  const auto size = [](std::vector<std::int64_t> shape) { return byte_size(DType::f32, shape); };
  BOOST_TEST(size({}).value() == 4U);
  BOOST_TEST(size({3, 0, 4}).value() == 0U);
  BOOST_TEST(size({1 << 20, 1 << 20}).value() == std::size_t{1} << 42);
  BOOST_TEST(!size({std::int64_t{1} << 40, std::int64_t{1} << 40}).ok());
  BOOST_TEST(!size({std::int64_t{1} << 40, std::int64_t{1} << 40, 0}).ok());
  BOOST_TEST(!size({std::int64_t{1} << 61}).ok());
  BOOST_TEST(!size({(std::numeric_limits<std::int64_t>::max)()}).ok());
  BOOST_TEST(!size({-1, 0}).ok());
}

BOOST_AUTO_TEST_CASE(elements_are_read_only_as_what_they_are) {
  State state;
  const float numbers[] = {1.5F, -2.0F};
  BOOST_TEST_REQUIRE(state.add_copy("x", DType::f32, {2}, std::as_bytes(std::span(numbers))).ok());
  const StateTensor& x = state[0];
  BOOST_TEST(x.as<float>().value()[1] == -2.0F);
  BOOST_TEST(x.elements() == 2U);
  BOOST_TEST(!x.as<double>().ok());
  BOOST_TEST(!x.as<std::int32_t>().ok());
  const State all = test::every_type();
  BOOST_TEST(all.find("bf16")->as<std::uint16_t>().ok());
  BOOST_TEST(all.find("f16")->as<std::uint16_t>().ok());
  BOOST_TEST(!all.find("i16")->as<std::uint16_t>().ok());
  BOOST_TEST(all.find("bool")->as<std::uint8_t>().value().size() == 5U);
}

BOOST_AUTO_TEST_CASE(copies_are_aligned_for_any_kernel) {
  const State state = test::every_type();
  for (const StateTensor& tensor : state)
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(tensor.data) % Buffer::alignment == 0U);
}

BOOST_AUTO_TEST_CASE(memory_that_cannot_be_had_is_an_error) {
  BOOST_TEST((Buffer::allocate((std::numeric_limits<std::size_t>::max)()).error().code() == Code::out_of_memory));
}
