#define BOOST_TEST_MODULE zip
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

#include "support.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/zip.hpp"

using namespace tessera;
using namespace tessera::io;
using tessera::io::test::golden;

namespace {

std::vector<std::byte> two_entries() {
  MemorySink sink;
  ZipWriter<MemorySink> writer(sink);
  BOOST_TEST_REQUIRE(writer.add("one", std::string_view("content of one")).ok());
  BOOST_TEST_REQUIRE(writer.add("two", std::string_view("2")).ok());
  BOOST_TEST_REQUIRE(writer.finish().ok());
  return sink.take();
}

/// Where a four-byte signature is, from the end.
std::size_t last(const std::vector<std::byte>& file, std::uint32_t signature) {
  for (std::size_t at = file.size() - 4; at > 0; --at)
    if (load_le<std::uint32_t>(file.data() + at) == signature) return at;
  return 0;
}

std::string deflate_raw(const std::string& content) {
  std::string out(content.size() + 100, '\0');
  z_stream stream = {};
  BOOST_TEST_REQUIRE(::deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  BOOST_TEST_REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  ::deflateEnd(&stream);
  return out;
}

/// An archive of one deflated entry "x", which claims to unpack to `claimed` bytes.
std::vector<std::byte> deflated(const std::string& packed, std::uint32_t claimed, std::uint32_t crc) {
  MemorySink sink;
  ZipWriter<MemorySink> writer(sink);
  BOOST_TEST_REQUIRE(writer.add("x", packed).ok());
  BOOST_TEST_REQUIRE(writer.finish().ok());
  auto file = sink.take();
  const std::size_t central = last(file, 0x02014b50);
  store_le(file.data() + 8, std::uint16_t{8});
  store_le(file.data() + central + 10, std::uint16_t{8});
  store_le(file.data() + central + 16, crc);
  store_le(file.data() + central + 24, claimed);
  return file;
}

}  // namespace

BOOST_AUTO_TEST_CASE(stored_entries_come_back_on_borders_of_64_bytes) {
  const auto file = two_entries();
  const auto archive = ZipArchive::open(file);
  BOOST_TEST_REQUIRE(archive.ok());
  BOOST_TEST(archive->entries().size() == 2U);
  const ZipEntry* const one = archive->find("one");
  BOOST_TEST_REQUIRE(one != nullptr);
  BOOST_TEST(text_of(one->stored) == "content of one");
  BOOST_TEST(archive->check_crc(*one, one->stored).ok());
  BOOST_TEST(archive->find("three") == nullptr);
  for (const ZipEntry& entry : archive->entries()) BOOST_TEST((entry.stored.data() - file.data()) % 64 == 0);
}

BOOST_AUTO_TEST_CASE(an_archive_without_entries_is_an_archive) {
  MemorySink sink;
  BOOST_TEST_REQUIRE(ZipWriter<MemorySink>(sink).finish().ok());
  BOOST_TEST(ZipArchive::open(sink.content()).value().entries().empty());
}

BOOST_AUTO_TEST_CASE(a_name_is_written_once) {
  MemorySink sink;
  ZipWriter<MemorySink> writer(sink);
  BOOST_TEST(writer.add("a", std::string_view("1")).ok());
  BOOST_TEST(!writer.add("a", std::string_view("2")).ok());
}

BOOST_AUTO_TEST_CASE(more_entries_than_16_bits_count_need_zip64_and_read_back) {
  MemorySink sink;
  ZipWriter<MemorySink> writer(sink);
  for (int i = 0; i < 70'000; ++i) BOOST_TEST_REQUIRE(writer.add(std::to_string(i), std::string_view()).ok());
  BOOST_TEST_REQUIRE(writer.finish().ok());
  BOOST_TEST(ZipArchive::open(sink.content()).value().entries().size() == 70'000U);
}

BOOST_AUTO_TEST_CASE(a_deflated_entry_is_unpacked_and_checked) {
  const std::string content(100'000, 'a');
  const std::string packed = deflate_raw(content);
  const auto size = static_cast<std::uint32_t>(content.size());
  const std::uint32_t crc = io::crc32(bytes_of(content));
  const auto unpacks = [&](const std::vector<std::byte>& file) {
    const auto archive = ZipArchive::open(file);
    if (!archive) return false;
    tessera::io::detail::Allowance allowance(file.size());
    const auto buffer = archive->inflate(archive->entries()[0], allowance);
    return buffer.ok() && text_of({buffer->data(), buffer->size()}) == content;
  };
  BOOST_TEST(unpacks(deflated(packed, size, crc)));
  BOOST_TEST(!unpacks(deflated(packed, size, crc + 1)));
  BOOST_TEST(!unpacks(deflated(packed, size - 1, crc)));
  BOOST_TEST(!unpacks(deflated(packed, size + 1, crc)));
  BOOST_TEST(!unpacks(deflated(packed + "x", size, crc)));
  BOOST_TEST(!unpacks(deflated(packed.substr(0, packed.size() - 1), size, crc)));
  BOOST_TEST(!unpacks(deflated("noise that is no stream", 100, crc)));
}

BOOST_AUTO_TEST_CASE(a_claim_beyond_what_deflate_can_give_is_refused_before_anything_is_allocated) {
  BOOST_TEST(!ZipArchive::open(deflated(deflate_raw("abc"), 0x7fffffff, 0)).ok());
}

BOOST_AUTO_TEST_CASE(a_bomb_exceeds_its_allowance) {
  const auto file = deflated(deflate_raw(std::string(90'000'000, 'a')), 90'000'000, 0);
  const ZipArchive archive = ZipArchive::open(file).value();
  tessera::io::detail::Allowance allowance(file.size());
  const auto buffer = archive.inflate(archive.entries()[0], allowance);
  BOOST_TEST(!buffer.ok());
  BOOST_TEST(std::string_view(buffer.error().message()).find("out of proportion") != std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(what_two_readers_could_understand_differently_is_refused) {
  const auto good = two_entries();
  const std::size_t end = last(good, 0x06054b50);
  const std::size_t second = last(good, 0x02014b50);
  const auto changed = [&](std::size_t at, auto value) {
    auto file = good;
    store_le(file.data() + at, value);
    return ZipArchive::open(file).ok();
  };
  BOOST_TEST(changed(end + 8, std::uint16_t{2}));                // as it was
  BOOST_TEST(!changed(end + 10, std::uint16_t{1}));              // fewer entries
  BOOST_TEST(!changed(end + 10, std::uint16_t{3}));              // more entries
  BOOST_TEST(!changed(end + 4, std::uint16_t{1}));               // disks
  BOOST_TEST(!changed(end + 16, std::uint32_t{0}));              // directory elsewhere
  BOOST_TEST(!changed(end + 16, std::uint32_t{0xfffffff0}));     // directory outside
  BOOST_TEST(!changed(second + 42, std::uint32_t{0}));           // second entry at the place of the first
  BOOST_TEST(!changed(second + 42, std::uint32_t{0xfffffff0}));  // second entry outside
  BOOST_TEST(!changed(second + 46, std::uint8_t{'x'}));          // another name than the local one
  BOOST_TEST(!changed(second + 20, std::uint32_t{0}));           // stored with two sizes
  BOOST_TEST(!changed(second + 10, std::uint16_t{12}));          // bzip2
  BOOST_TEST(!changed(second + 8, std::uint16_t{1}));            // encrypted

  auto before = test::bytes("prefix");
  before.insert(before.end(), good.begin(), good.end());
  BOOST_TEST(!ZipArchive::open(before).ok());
}

BOOST_AUTO_TEST_CASE(the_same_name_twice_is_refused) {
  auto file = two_entries();
  const std::size_t second = last(file, 0x02014b50);
  const std::size_t local = load_le<std::uint32_t>(file.data() + second + 42);
  for (const std::size_t at : {second + 46, local + 30}) std::memcpy(file.data() + at, "one", 3);
  const auto archive = ZipArchive::open(file);
  BOOST_TEST(!archive.ok());
  BOOST_TEST(archive.error().message() == "zip: the name 'one' comes twice");
}

BOOST_AUTO_TEST_CASE(an_archive_cut_anywhere_is_refused) {
  for (const auto& whole : {two_entries(), test::slurp(golden("files/zip_parameters.bin"))})
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      BOOST_TEST(!ZipArchive::open(cut).ok(), length);
    }
}
