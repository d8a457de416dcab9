#define BOOST_TEST_MODULE torch
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support.hpp"
#include "tessera/io/torch.hpp"

using namespace tessera;
using namespace tessera::io;
using tessera::io::test::golden;
using tessera::io::test::ScratchFolder;
using namespace std::string_literals;

namespace {

std::string text(std::string_view text) {
  std::string out = "X";
  for (int i = 0; i < 4; ++i) out += static_cast<char>((text.size() >> (8 * i)) & 0xff);
  return out.append(text);
}

/// A tensor of float32 in opcodes; `part` is the sixth entry of old persistent ids.
std::string tensor(int offset, const std::string& sizes, const std::string& strides, const std::string& part = "") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text("0") +
         text("cpu") + "K\x06" + part + "tQK" + static_cast<char>(offset) + "(" + sizes + "t(" + strides + "t\x89NtR";
}

std::string dict(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out = "\x80\x02}(";
  for (const auto& [key, value] : entries) out += text(key) + value;
  return out + "u.";
}

const std::array<float, 6> six = {0, 1, 2, 3, 4, 5};

/// An archive with this program, one storage of six floats, and what it says about the byte order.
std::vector<std::byte> archive(const std::string& program, Bytes storage = std::as_bytes(std::span(six)),
                               std::string_view order = "little") {
  MemorySink sink;
  ZipWriter<MemorySink> writer(sink);
  BOOST_TEST_REQUIRE(writer.add("a/data.pkl", program).ok());
  BOOST_TEST_REQUIRE(writer.add("a/byteorder", order).ok());
  BOOST_TEST_REQUIRE(writer.add("a/data/0", storage).ok());
  BOOST_TEST_REQUIRE(writer.finish().ok());
  return sink.take();
}

/// The stream of 2019 with this program and the storage of six floats.
std::vector<std::byte> stream(const std::string& program) {
  const std::string start = "\x80\x02\x8a\x0a" + std::string(tessera::io::detail::torch_magic) +
                            ".\x80\x02M\xe9\x03.\x80\x02}" + text("little_endian") + "\x88s.";
  auto out = test::bytes(start + program + "\x80\x02]" + text("0") + "a." + "\x06\0\0\0\0\0\0\0"s);
  const auto data = std::as_bytes(std::span(six));
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

std::vector<float> floats(const StateTensor* tensor) {
  BOOST_TEST_REQUIRE(tensor != nullptr);
  const auto numbers = tensor->as<float>().value();
  return {numbers.begin(), numbers.end()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_type_comes_back_bit_for_bit_and_in_order) {
  const ScratchFolder folder;
  const State state = test::every_type();
  const auto memory = write_torch(state).value();
  const State back = read_torch(Bytes(memory)).value();
  BOOST_TEST(test::difference(state, back).empty());
  for (std::size_t i = 0; i < state.size(); ++i) BOOST_TEST(back[i].name == state[i].name);
  BOOST_TEST_REQUIRE(write_torch(state, folder / "pytorch_model.bin").ok());
  BOOST_TEST(test::difference(state, read_torch(folder / "pytorch_model.bin").value()).empty());
  BOOST_TEST(read_torch(Bytes(write_torch(State()).value())).value().empty());
}

BOOST_AUTO_TEST_CASE(aligned_storages_of_an_archive_are_not_copied) {
  const auto memory = write_torch(test::every_type()).value();
  const State back = read_torch(Bytes(memory)).value();
  for (const StateTensor& tensor : back) {
    if (tensor.bytes == 0) continue;
    const auto* const at = static_cast<const std::byte*>(tensor.data);
    BOOST_TEST((at >= memory.data() && at + tensor.bytes <= memory.data() + memory.size()), tensor.name);
  }
}

BOOST_AUTO_TEST_CASE(names_of_one_storage_keep_one_data_pointer_in_both_formats) {
  for (const char* const name : {"files/zip_tied.bin", "files/legacy_tied.bin"}) {
    const State state = read_torch(golden(name)).value();
    BOOST_TEST(state.find("emb.weight")->data == state.find("decoder.weight")->data);
    BOOST_TEST(state.find("emb.weight")->data != state.find("bias")->data);
  }
}

BOOST_AUTO_TEST_CASE(ties_are_written_as_one_storage_and_read_back_as_ties) {
  State state = test::every_type();
  const StateTensor first = *state.find("f32");
  BOOST_TEST_REQUIRE(state.add({"tied", first.type, {6}, first.data, first.bytes}).ok());
  BOOST_TEST_REQUIRE(state.add({"longer use of less", first.type, {3}, first.data, 12}).ok());
  const auto memory = write_torch(state).value();
  const State back = read_torch(Bytes(memory)).value();
  BOOST_TEST(test::difference(state, back).empty());
  BOOST_TEST(back.find("tied")->data == back.find("f32")->data);
  BOOST_TEST(back.find("longer use of less")->data == back.find("f32")->data);
}

BOOST_AUTO_TEST_CASE(views_are_put_in_order) {
  const auto file = archive(dict({{"rows", tensor(0, "K\x02K\x03", "K\x03K\x01")},
                                  {"turned", tensor(0, "K\x03K\x02", "K\x01K\x03")},
                                  {"turned again", tensor(0, "K\x03K\x02", "K\x01K\x03")},
                                  {"repeated", tensor(5, "K\x02K\x02", "K\x00K\x00"s)},
                                  {"every other", tensor(1, "K\x03", "K\x02")},
                                  {"one", tensor(3, "", "")},
                                  {"any stride", tensor(3, "K\x01K\x03", "K\x63K\x01")},
                                  {"none", tensor(200, "K\x00"s, "K\x01")}}));
  const State state = read_torch(Bytes(file)).value();
  BOOST_TEST((floats(state.find("rows")) == std::vector<float>{0, 1, 2, 3, 4, 5}));
  BOOST_TEST((floats(state.find("turned")) == std::vector<float>{0, 3, 1, 4, 2, 5}));
  BOOST_TEST((floats(state.find("repeated")) == std::vector<float>{5, 5, 5, 5}));
  BOOST_TEST((floats(state.find("every other")) == std::vector<float>{1, 3, 5}));
  BOOST_TEST((floats(state.find("one")) == std::vector<float>{3}));
  BOOST_TEST((floats(state.find("any stride")) == std::vector<float>{3, 4, 5}));
  BOOST_TEST(state.find("none")->bytes == 0U);
  BOOST_TEST(state.find("turned")->data == state.find("turned again")->data);
}

BOOST_AUTO_TEST_CASE(a_repeated_element_cannot_ask_for_all_memory) {
  const auto file = archive(dict({{"x", tensor(0, "J\xff\xff\xff\x7fK\x10", "K\x00K\x00"s)}}));
  const auto state = read_torch(Bytes(file));
  BOOST_TEST(!state.ok());
  BOOST_TEST(std::string_view(state.error().message()).find("out of proportion") != std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(parts_of_storages_in_old_streams_are_read) {
  const auto part = [](const std::string& numbers) { return "(" + text("7") + numbers + "t"; };
  const auto whole =
      stream(dict({{"x", tensor(1, "K\x02", "K\x01", part("K\x02K\x03"))}, {"y", tensor(0, "K\x06", "K\x01", "N")}}));
  const State state = read_torch(Bytes(whole)).value();
  BOOST_TEST((floats(state.find("x")) == std::vector<float>{3, 4}));
  BOOST_TEST(floats(state.find("y")).size() == 6U);
  for (const char* const numbers :
       {"K\x02K\x05", "K\x07K\x01", "J\xff\xff\xff\xffK\x01", "K\x02J\xff\xff\xff\xff", "N", "NN"})
    BOOST_TEST(!read_torch(Bytes(stream(dict({{"x", tensor(1, "K\x02", "K\x01", part(numbers))}})))).ok());
  // Inside the storage, but outside the part.
  BOOST_TEST(!read_torch(Bytes(stream(dict({{"x", tensor(2, "K\x02", "K\x01", part("K\x02K\x03"))}})))).ok());
}

BOOST_AUTO_TEST_CASE(a_big_endian_archive_is_turned_around) {
  auto swapped = test::bytes(text_of(std::as_bytes(std::span(six))));
  for (std::size_t i = 0; i < swapped.size(); i += 4)
    std::reverse(swapped.begin() + static_cast<std::ptrdiff_t>(i),
                 swapped.begin() + static_cast<std::ptrdiff_t>(i) + 4);
  const std::string program = dict({{"x", tensor(2, "K\x03", "K\x01")}});
  BOOST_TEST(
      (floats(read_torch(Bytes(archive(program, swapped, "big"))).value().find("x")) == std::vector<float>{2, 3, 4}));
  BOOST_TEST(!read_torch(Bytes(archive(program, swapped, "middle"))).ok());
}

BOOST_AUTO_TEST_CASE(what_is_no_tensor_is_reported) {
  const auto file = archive(
      dict({{"epoch", "K\x03"}, {"model", "}" + text("w") + tensor(0, "K\x06", "K\x01") + "s"}, {"args", "]Na"}}));
  const State state = read_torch(Bytes(file)).value();
  BOOST_TEST_REQUIRE(state.size() == 1U);
  BOOST_TEST(state[0].name == "model.w");
  BOOST_TEST((state.ignored == std::vector<std::string>{"epoch (an integer)", "args.0 (None)"}));
}

BOOST_AUTO_TEST_CASE(exponentially_many_paths_to_one_value_are_refused) {
  // Each list holds the one before twice; thirty of them have a billion leaves.
  std::string program = "\x80\x02}" + text("x") + "]";
  for (int i = 0; i < 30; ++i)
    program +=
        "q\x01]h\x01"
        "ah\x01"
        "a";
  const auto state = read_torch(Bytes(archive(program + "s.")));
  BOOST_TEST(!state.ok());
}

BOOST_AUTO_TEST_CASE(names_that_come_twice_and_keys_that_are_no_text_are_refused) {
  const std::string value = tensor(0, "K\x06", "K\x01");
  BOOST_TEST(!read_torch(Bytes(archive(dict({{"x", value}, {"x", value}})))).ok());
  BOOST_TEST(!read_torch(Bytes(archive(dict({{"a.b", value}, {"a", "}" + text("b") + value + "s"}})))).ok());
  BOOST_TEST(!read_torch(Bytes(archive("\x80\x02}(]" + value + "u."))).ok());
  BOOST_TEST(!read_torch(Bytes(archive(dict({{"\xff", value}})))).ok());
  BOOST_TEST(read_torch(Bytes(archive("\x80\x02}(K\x03" + value + "u."))).value()[0].name == "3");
}

BOOST_AUTO_TEST_CASE(bytes_after_the_last_storage_of_a_stream_are_refused) {
  auto file = stream(dict({{"x", tensor(0, "K\x06", "K\x01", "N")}}));
  BOOST_TEST(read_torch(Bytes(file)).ok());
  file.push_back(std::byte{0});
  BOOST_TEST(!read_torch(Bytes(file)).ok());
}

BOOST_AUTO_TEST_CASE(a_wrong_checksum_is_found_when_asked_for) {
  TorchOptions options;
  options.checksums = true;
  BOOST_TEST(!read_torch(golden("files/zip_bad_crc.bin"), options).ok());
  BOOST_TEST(read_torch(golden("files/zip_plaindict.bin"), options).ok());
}

BOOST_AUTO_TEST_CASE(a_file_cut_anywhere_is_refused) {
  for (const char* const name : {"files/zip_parameters.bin", "files/zip_deflated.bin", "files/legacy_parameters.bin",
                                 "files/legacy_protocol4.bin"}) {
    const auto whole = test::slurp(golden(name));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      BOOST_TEST(!read_torch(Bytes(cut)).ok(), std::string(name) + " at " + std::to_string(length));
    }
  }
}

BOOST_AUTO_TEST_CASE(any_changed_byte_is_read_or_refused_without_harm) {
  for (const char* const name : {"files/zip_transposed.bin", "files/zip_deflated.bin", "files/legacy_transposed.bin"}) {
    const auto whole = test::slurp(golden(name));
    std::size_t read = 0;
    for (std::size_t at = 0; at < whole.size(); ++at)
      for (const unsigned flip : {0x01U, 0x02U, 0x04U, 0x08U, 0x10U, 0x20U, 0x40U, 0x80U, 0xffU}) {
        auto changed = whole;
        changed[at] ^= static_cast<std::byte>(flip);
        const auto state = read_torch(Bytes(changed));
        if (!state) continue;
        ++read;
        BOOST_TEST(write_torch(*state).ok());  // touches every byte of what was read
      }
    BOOST_TEST(read > 0U);
  }
}
