#define BOOST_TEST_MODULE safetensors
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"
#include "tessera/io/safetensors.hpp"

using namespace tessera;
using namespace tessera::io;
using tessera::io::test::golden;
using tessera::io::test::ScratchFolder;

namespace {

std::vector<std::byte> file_of(const std::string& header, std::size_t data) {
  std::array<std::byte, 8> length;
  store_le(length.data(), static_cast<std::uint64_t>(header.size()));
  std::vector<std::byte> file(length.begin(), length.end());
  const auto text = test::bytes(header);
  file.insert(file.end(), text.begin(), text.end());
  file.resize(file.size() + data);
  return file;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_type_comes_back_bit_for_bit_from_memory_and_from_a_file) {
  const ScratchFolder folder;
  const State state = test::every_type();
  const auto memory = write_safetensors(state).value();
  BOOST_TEST(test::difference(state, read_safetensors(Bytes(memory)).value()).empty());
  BOOST_TEST_REQUIRE(write_safetensors(state, folder / "a.safetensors").ok());
  const State back = read_safetensors(folder / "a.safetensors").value();
  BOOST_TEST(test::difference(state, back).empty());
  BOOST_TEST((test::slurp(folder / "a.safetensors") == memory));
  BOOST_TEST(back.metadata.at("format") == "pt");
}

BOOST_AUTO_TEST_CASE(written_files_are_padded_and_their_tensors_need_no_copy) {
  const auto memory = write_safetensors(test::every_type()).value();
  BOOST_TEST(load_le<std::uint64_t>(memory.data()) % 8 == 0U);
  const State back = read_safetensors(Bytes(memory)).value();
  for (const StateTensor& tensor : back) {
    if (tensor.bytes == 0) continue;
    const auto* const at = static_cast<const std::byte*>(tensor.data);
    BOOST_TEST((at >= memory.data() && at + tensor.bytes <= memory.data() + memory.size()), tensor.name);
  }
}

BOOST_AUTO_TEST_CASE(metadata_is_kept) {
  State state;
  state.metadata = {{"format", "other"}, {"note", "a \"b\"\n\xc3\xa9"}};
  const auto memory = write_safetensors(state).value();
  BOOST_TEST((read_safetensors(Bytes(memory)).value().metadata == state.metadata));
  state.metadata = {{"bad", "\xff"}};
  BOOST_TEST(!write_safetensors(state).ok());
}

BOOST_AUTO_TEST_CASE(unaligned_tensors_are_copied_into_alignment) {
  const auto file = file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                            R"("b":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}})",
                            9);
  const State state = read_safetensors(Bytes(file)).value();
  BOOST_TEST(reinterpret_cast<std::uintptr_t>(state.find("b")->data) % 8 == 0U);
}

BOOST_AUTO_TEST_CASE(ranges_must_tile_the_data) {
  const auto reads = [](const std::string& a, const std::string& b, std::size_t data) {
    return read_safetensors(
               Bytes(file_of("{\"a\":{\"dtype\":\"U8\"," + a + "},\"b\":{\"dtype\":\"U8\"," + b + "}}", data)))
        .ok();
  };
  BOOST_TEST(reads(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[2],"data_offsets":[4,6])", 6));
  BOOST_TEST(reads(R"("shape":[4],"data_offsets":[2,6])", R"("shape":[2],"data_offsets":[0,2])", 6));
  BOOST_TEST(reads(R"("shape":[0],"data_offsets":[4,4])", R"("shape":[4],"data_offsets":[0,4])", 4));
  BOOST_TEST(!reads(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[4],"data_offsets":[0,4])", 4));
  BOOST_TEST(!reads(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[2],"data_offsets":[3,5])", 6));
  BOOST_TEST(!reads(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[1],"data_offsets":[5,6])", 6));
  BOOST_TEST(!reads(R"("shape":[4],"data_offsets":[1,5])", R"("shape":[1],"data_offsets":[5,6])", 6));
  BOOST_TEST(!reads(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[0],"data_offsets":[2,2])", 4));
  BOOST_TEST(!reads(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[2],"data_offsets":[4,6])", 5));
  BOOST_TEST(!reads(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[2],"data_offsets":[4,6])", 7));
}

BOOST_AUTO_TEST_CASE(the_owner_lives_as_long_as_the_state) {
  auto memory = std::make_shared<const std::vector<std::byte>>(write_safetensors(test::every_type()).value());
  const std::weak_ptr<const void> watch = memory;
  {
    const Bytes bytes(*memory);
    const State state = read_safetensors(bytes, std::move(memory)).value();
    BOOST_TEST(!watch.expired());
    BOOST_TEST(test::difference(state, test::every_type()).empty());
  }
  BOOST_TEST(watch.expired());
}

BOOST_AUTO_TEST_CASE(a_tensor_cannot_take_the_name_of_the_metadata) {
  State state;
  BOOST_TEST_REQUIRE(state.add_copy("__metadata__", DType::u8, {1}, bytes_of("x")).ok());
  BOOST_TEST(!write_safetensors(state).ok());
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_leaves_nothing) {
  const ScratchFolder folder;
  State state;
  BOOST_TEST_REQUIRE(state.add_copy("__metadata__", DType::u8, {1}, bytes_of("x")).ok());
  BOOST_TEST(!write_safetensors(state, folder / "a.safetensors").ok());
  BOOST_TEST(folder.files() == 0U);
}

BOOST_AUTO_TEST_CASE(a_file_cut_anywhere_is_refused) {
  const auto whole = test::slurp(golden("files/ok_metadata.safetensors"));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    // A heap copy of exactly this length, so that the address sanitizer sees a read past it.
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    BOOST_TEST(!read_safetensors(Bytes(cut)).ok(), length);
  }
}

BOOST_AUTO_TEST_CASE(any_changed_byte_of_a_header_is_read_or_refused_without_harm) {
  for (const char* const name : {"ok_dtypes.safetensors", "ok_escapes.safetensors", "ok_metadata.safetensors"}) {
    const auto whole = test::slurp(golden(std::string("files/") + name));
    const std::size_t header = 8 + static_cast<std::size_t>(load_le<std::uint64_t>(whole.data()));
    std::size_t read = 0;
    for (std::size_t at = 0; at < header; ++at)
      for (const unsigned flip : {0x01U, 0x02U, 0x04U, 0x08U, 0x10U, 0x20U, 0x40U, 0x80U, 0xffU}) {
        auto changed = whole;
        changed[at] ^= static_cast<std::byte>(flip);
        const auto state = read_safetensors(Bytes(changed));
        if (!state) continue;
        ++read;
        BOOST_TEST(write_safetensors(*state).ok());
      }
    BOOST_TEST(read > 0U);  // a changed letter of a name is another name
  }
}
