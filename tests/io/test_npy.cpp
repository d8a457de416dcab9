#define BOOST_TEST_MODULE npy
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support.hpp"
#include "tessera/io/npy.hpp"

using namespace tessera;
using namespace tessera::io;
using tessera::io::test::ScratchFolder;
using namespace std::string_literals;

namespace {

std::vector<std::byte> file_of(const std::string& header, const std::string& data, char major = 1) {
  std::string out = "\x93NUMPY"s + major + '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) out += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  return test::bytes(out + header + data);
}

bool reads(const std::string& header, const std::string& data) { return read_npy(Bytes(file_of(header, data))).ok(); }

}  // namespace

BOOST_AUTO_TEST_CASE(every_type_that_numpy_has_comes_back_bit_for_bit) {
  const ScratchFolder folder;
  for (const StateTensor& tensor : test::every_type()) {
    const auto memory = write_npy(tensor);
    if (tensor.type == DType::bf16) {
      BOOST_TEST((memory.error().code() == Code::unsupported));
      continue;
    }
    const State back = read_npy(Bytes(memory.value()), tensor.name).value();
    BOOST_TEST((back[0].shape == tensor.shape));
    BOOST_TEST((back[0].type == tensor.type));
    BOOST_TEST(text_of(back[0].view()) == text_of(tensor.view()));
    BOOST_TEST_REQUIRE(write_npy(tensor, folder / "x.npy").ok());
    BOOST_TEST(read_npy(folder / "x.npy").value()[0].name == "x");
  }
}

// As numpy 1.24 writes np.save(f, np.arange(6, dtype="<f4").reshape(2, 3)).
BOOST_AUTO_TEST_CASE(written_headers_are_those_of_numpy) {
  const float numbers[] = {0, 1, 2, 3, 4, 5};
  State state;
  BOOST_TEST_REQUIRE(state.add_copy("x", DType::f32, {2, 3}, std::as_bytes(std::span(numbers))).ok());
  const auto memory = write_npy(state[0]).value();
  const std::string start = "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"s;
  BOOST_TEST(text_of(Bytes(memory)).substr(0, 128) == start + std::string(127 - start.size(), ' ') + "\n");
  BOOST_TEST(memory.size() == 128U + 24U);
}

BOOST_AUTO_TEST_CASE(fortran_order_and_big_endian_are_put_in_order) {
  const State turned =
      read_npy(Bytes(file_of("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", "abcdef"))).value();
  BOOST_TEST(text_of(turned[0].view()) == "acebdf");
  const State swapped =
      read_npy(Bytes(file_of("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }\n", "\x01\x02\x03\x04")))
          .value();
  BOOST_TEST(text_of(swapped[0].view()) == "\x02\x01\x04\x03");
  const State both =
      read_npy(Bytes(file_of("{'shape': (2, 2), 'fortran_order': True, 'descr': '>i2'}", "12345678", 2))).value();
  BOOST_TEST(text_of(both[0].view()) == "21654387");
}

BOOST_AUTO_TEST_CASE(headers_must_say_each_thing_once_and_fit_the_data) {
  BOOST_TEST(reads("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", "abc"));
  BOOST_TEST(reads("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", "a"));
  BOOST_TEST(reads("{'descr': '|u1', 'fortran_order': False, 'shape': (3L, 1L)}", "abc"));
  for (const char* const header :
       {"", "{", "{}", "{'descr': '|u1', 'fortran_order': False}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), } x",
        "{'descr': '|u1', 'fortran_order': 0, 'shape': (3,), }",
        "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-3,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3",
        "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '|S3', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (3,), }",
        "{'descr': 'u1', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4611686018427387904, 4611686018427387904), }"})
    BOOST_TEST(!reads(header, "abc"), header);
  BOOST_TEST(!read_npy(Bytes(file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", "a", 4))).ok());
}

BOOST_AUTO_TEST_CASE(a_file_cut_or_changed_anywhere_does_no_harm) {
  const auto whole = write_npy(*test::every_type().find("f64")).value();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    BOOST_TEST(!read_npy(Bytes(cut)).ok(), length);
  }
  for (std::size_t at = 0; at < 128; ++at)
    for (unsigned flip = 1; flip < 256; ++flip) {
      auto changed = whole;
      changed[at] ^= static_cast<std::byte>(flip);
      if (const auto state = read_npy(Bytes(changed)); state) BOOST_TEST((*state)[0].bytes == 96U);
    }
}
