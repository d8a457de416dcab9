// ZIP archives, as far as torch.save and numpy.savez use them.
//
// Format: PKWARE APPNOTE 6.3. Read: stored and deflated entries, zip64, found through the central directory, which is
// checked in full before anything is read: ranges inside the file, no overlaps, local names equal to central ones.
// Whatever two readers could understand differently (bytes before the archive, two end records that disagree, names
// that come twice) is refused. Written: stored entries with data on 64-byte borders, as torch does, so that they can
// be used in place after mapping. Not here: encryption, several disks, other methods of compression.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#ifndef TESSERA_WITHOUT_ZLIB
#include <zlib.h>
#endif

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/crc32.hpp"
#include "tessera/io/state.hpp"
#include "tessera/io/utf8.hpp"

namespace tessera::inline TESSERA_ISA::io {

namespace detail {

namespace zip {
inline constexpr std::uint32_t local_signature = 0x04034b50;
inline constexpr std::uint32_t central_signature = 0x02014b50;
inline constexpr std::uint32_t end_signature = 0x06054b50;
inline constexpr std::uint32_t end64_signature = 0x06064b50;
inline constexpr std::uint32_t locator64_signature = 0x07064b50;
inline constexpr std::size_t local_size = 30;
inline constexpr std::size_t central_size = 46;
inline constexpr std::size_t end_size = 22;
inline constexpr std::size_t end64_size = 56;
inline constexpr std::size_t locator64_size = 20;
inline constexpr std::uint32_t in_zip64 = 0xffffffff;
inline constexpr std::uint16_t zip64_field = 0x0001;
// Stored and deflated, the two methods there are in practice.
inline constexpr std::uint16_t stored = 0;
inline constexpr std::uint16_t deflated = 8;
// No deflate stream grows by more than this: 258 bytes need at least two bits.
inline constexpr std::uint64_t most_growth = 1032;
}  // namespace zip

#ifndef TESSERA_WITHOUT_ZLIB
/// Whether the raw deflate stream `packed` gives exactly the bytes of `content`.
inline Result<bool> inflates_to(Bytes packed, std::span<std::byte> content) noexcept {
  z_stream stream = {};
  // Negative window bits: a raw stream without zlib's own header.
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) return Error::format(Code::out_of_memory, "zlib could not start");
  std::byte beyond;  // where zlib writes when there is more than the directory says
  std::size_t read = 0, written = 0;
  int code = Z_OK;
  while (code == Z_OK) {
    constexpr std::size_t step = std::size_t{1} << 30;
    const std::size_t room = (std::min)(content.size() - written, step);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + read));
    stream.avail_in = static_cast<uInt>((std::min)(packed.size() - read, step));
    stream.next_out = reinterpret_cast<Bytef*>(room != 0 ? content.data() + written : &beyond);
    stream.avail_out = static_cast<uInt>(room != 0 ? room : 1);
    const uInt in_before = stream.avail_in;
    const uInt out_before = stream.avail_out;
    code = ::inflate(&stream, Z_NO_FLUSH);
    read += in_before - stream.avail_in;
    const std::size_t got = out_before - stream.avail_out;
    if (room == 0 && got != 0) code = Z_DATA_ERROR;
    if (room != 0) written += got;
  }
  ::inflateEnd(&stream);
  return code == Z_STREAM_END && written == content.size() && read == packed.size();
}
#else
inline Result<bool> inflates_to(Bytes, std::span<std::byte>) noexcept {
  return Error::format(Code::unsupported, "it is deflated, and this build has no zlib");
}
#endif

}  // namespace detail

struct ZipEntry {
  std::string_view name;  ///< in the archive's memory
  Bytes stored;           ///< the bytes as they lie in the archive
  std::size_t size = 0;   ///< of the content: stored.size() unless deflated
  std::uint32_t crc = 0;
  bool deflated = false;
  std::size_t local_offset = 0;
};

/// The checked directory of an archive in memory, which must outlive it.
class ZipArchive {
 public:
  static bool looks_like(Bytes data) noexcept {
    if (data.size() < 4) return false;
    const auto signature = load_le<std::uint32_t>(data.data());
    return signature == detail::zip::local_signature || signature == detail::zip::end_signature;
  }

  static Result<ZipArchive> open(Bytes data) noexcept {
    return guarded([&]() -> Result<ZipArchive> {
      ZipArchive archive;
      archive.data_ = data;
      TESSERA_TRY(archive.read_directory());
      return archive;
    });
  }

  const std::vector<ZipEntry>& entries() const noexcept { return entries_; }

  const ZipEntry* find(std::string_view name) const noexcept {
    const auto entry =
        std::lower_bound(by_name_.begin(), by_name_.end(), name,
                         [&](std::uint32_t i, std::string_view wanted) { return entries_[i].name < wanted; });
    return entry == by_name_.end() || entries_[*entry].name != name ? nullptr : &entries_[*entry];
  }

  /// Whether the bytes of the entry are those it was written with.
  Result<void> check_crc(const ZipEntry& entry, Bytes content) const noexcept {
    if (crc32(content) == entry.crc) return {};
    return guarded([&]() -> Result<void> {
      return Error::format(Code::bad_format, "zip: the checksum of entry %s is wrong: the file is damaged",
                           in_quotes(entry.name).c_str());
    });
  }

  /// Unpacks a deflated entry and checks its length and checksum. `allowance` bounds what an archive can ask for.
  Result<Buffer> inflate(const ZipEntry& entry, detail::Allowance& allowance) const noexcept {
    return guarded([&]() -> Result<Buffer> {
      const std::string what = "zip: entry " + in_quotes(entry.name);
      TESSERA_TRY(allowance.charge(entry.size, what.c_str()));
      auto buffer = Buffer::allocate(entry.size);
      if (!buffer) return buffer.error();
      const auto whole = detail::inflates_to(entry.stored, {buffer->data(), entry.size});
      if (!whole) return whole.error().in(what.c_str());
      if (!*whole)
        return Error::format(Code::bad_format, "%s: the deflated stream does not give the %zu bytes of the directory",
                             what.c_str(), entry.size);
      TESSERA_TRY(check_crc(entry, {buffer->data(), buffer->size()}));
      return buffer;
    });
  }

 private:
  ZipArchive() = default;

  struct Directory {
    std::uint64_t entries = 0;
    std::uint64_t size = 0;
    std::uint64_t offset = 0;
    std::size_t end = 0;  // where the end records begin
  };

  static Error bad(const char* why) noexcept { return Error::format(Code::bad_format, "zip: %s", why); }

  Result<Directory> find_directory() const {
    namespace zip = detail::zip;
    // The end record is last, but for a comment of up to 64 KiB whose length it states.
    if (data_.size() < zip::end_size) return bad("too short for an archive");
    const std::size_t furthest = (std::min)(data_.size(), zip::end_size + 0xffff);
    std::size_t at = 0;
    bool found = false;
    for (std::size_t back = zip::end_size; back <= furthest && !found; ++back) {
      at = data_.size() - back;
      const std::byte* const p = data_.data() + at;
      found = load_le<std::uint32_t>(p) == zip::end_signature && load_le<std::uint16_t>(p + 20) == back - zip::end_size;
    }
    if (!found) return bad("no end record: the file is cut off or is no archive");
    const std::byte* const p = data_.data() + at;
    Directory directory;
    directory.entries = load_le<std::uint16_t>(p + 10);
    directory.size = load_le<std::uint32_t>(p + 12);
    directory.offset = load_le<std::uint32_t>(p + 16);
    directory.end = at;
    const auto disk = load_le<std::uint16_t>(p + 4);
    const auto directory_disk = load_le<std::uint16_t>(p + 6);
    const auto disk_entries = load_le<std::uint16_t>(p + 8);
    const bool has_locator = at >= zip::locator64_size + zip::end64_size &&
                             load_le<std::uint32_t>(p - zip::locator64_size) == zip::locator64_signature;
    if (!has_locator) {
      if (disk != 0 || directory_disk != 0 || disk_entries != directory.entries)
        return bad("spread over several disks");
      return directory;
    }
    const std::byte* const locator = p - zip::locator64_size;
    const auto end64 = load_le<std::uint64_t>(locator + 8);
    const std::size_t last = at - zip::locator64_size - zip::end64_size;
    if (load_le<std::uint32_t>(locator + 4) != 0 || load_le<std::uint32_t>(locator + 16) > 1)
      return bad("spread over several disks");
    if (end64 > last) return bad("the zip64 end record lies outside the file");
    const std::byte* const q = data_.data() + static_cast<std::size_t>(end64);
    if (load_le<std::uint32_t>(q) != zip::end64_signature)
      return bad("the zip64 locator does not lead to an end record");
    if (load_le<std::uint32_t>(q + 16) != 0 || load_le<std::uint32_t>(q + 20) != 0)
      return bad("spread over several disks");
    Directory wide;
    wide.entries = load_le<std::uint64_t>(q + 32);
    wide.size = load_le<std::uint64_t>(q + 40);
    wide.offset = load_le<std::uint64_t>(q + 48);
    wide.end = static_cast<std::size_t>(end64);
    // A reader may take either record, so they must say the same, or the narrow one must say "see the wide one".
    if ((directory.entries != 0xffff && directory.entries != wide.entries) ||
        (directory.size != zip::in_zip64 && directory.size != wide.size) ||
        (directory.offset != zip::in_zip64 && directory.offset != wide.offset))
      return bad("the two end records disagree");
    return wide;
  }

  Result<void> read_directory() {
    namespace zip = detail::zip;
    TESSERA_TRY_ASSIGN(const Directory directory, find_directory());
    std::uint64_t directory_end = 0;
    if (!checked_add(directory.offset, directory.size, directory_end) || directory_end > directory.end)
      return bad("the central directory lies outside the file");
    if (directory.entries > directory.size / zip::central_size)
      return bad("the central directory is too small for its entries");
    if (directory.entries > (std::numeric_limits<std::uint32_t>::max)() / 2) return bad("too many entries");
    entries_.reserve(static_cast<std::size_t>(directory.entries));
    ByteReader reader(
        data_.subspan(static_cast<std::size_t>(directory.offset), static_cast<std::size_t>(directory.size)),
        "zip: central directory");
    for (std::uint64_t i = 0; i < directory.entries; ++i) TESSERA_TRY(read_entry(reader, directory));
    if (!reader.at_end()) return bad("the central directory is longer than its entries");
    return check_names_and_ranges();
  }

  Result<void> read_entry(ByteReader& reader, const Directory& directory) {
    namespace zip = detail::zip;
    TESSERA_TRY_ASSIGN(const Bytes record, reader.take(zip::central_size));
    const std::byte* const p = record.data();
    if (load_le<std::uint32_t>(p) != zip::central_signature) return bad("a central directory entry has no signature");
    const auto flags = load_le<std::uint16_t>(p + 8);
    const auto method = load_le<std::uint16_t>(p + 10);
    std::uint64_t packed = load_le<std::uint32_t>(p + 20);
    std::uint64_t size = load_le<std::uint32_t>(p + 24);
    std::uint64_t offset = load_le<std::uint32_t>(p + 42);
    TESSERA_TRY_ASSIGN(const Bytes name, reader.take(load_le<std::uint16_t>(p + 28)));
    TESSERA_TRY_ASSIGN(const Bytes extra, reader.take(load_le<std::uint16_t>(p + 30)));
    TESSERA_TRY(reader.skip(load_le<std::uint16_t>(p + 32)));
    TESSERA_TRY(widen(extra, size, packed, offset));

    ZipEntry entry;
    entry.name = text_of(name);
    entry.crc = load_le<std::uint32_t>(p + 16);
    const auto refuse = [&](Code code, const char* why) {
      return Error::format(code, "zip: entry %s %s", in_quotes(entry.name).c_str(), why);
    };
    if ((flags & 0x0001U) != 0) return refuse(Code::unsupported, "is encrypted");
    if (method != zip::stored && method != zip::deflated)
      return refuse(Code::unsupported, "is compressed by a method that is neither stored nor deflate");
    if (method == zip::stored && packed != size) return refuse(Code::bad_format, "is stored with two different sizes");
    if (method == zip::deflated && size / zip::most_growth > packed)
      return refuse(Code::bad_format, "claims more bytes than its deflated data can give");
    // The local header repeats the entry right before its data. Its sizes may be left to the directory.
    if (offset > directory.offset || directory.offset - offset < zip::local_size)
      return refuse(Code::bad_format, "lies outside the file");
    const std::byte* const local = data_.data() + static_cast<std::size_t>(offset);
    if (load_le<std::uint32_t>(local) != zip::local_signature) return refuse(Code::bad_format, "has no local header");
    const std::uint64_t before =
        zip::local_size + std::uint64_t{load_le<std::uint16_t>(local + 26)} + load_le<std::uint16_t>(local + 28);
    const std::uint64_t room = directory.offset - offset;
    if (before > room || packed > room - before) return refuse(Code::bad_format, "ends outside the file");
    if (load_le<std::uint16_t>(local + 8) != method || load_le<std::uint16_t>(local + 26) != entry.name.size() ||
        text_of({local + zip::local_size, entry.name.size()}) != entry.name)
      return refuse(Code::bad_format, "has a local header that differs from the directory");
    entry.stored = data_.subspan(static_cast<std::size_t>(offset + before), static_cast<std::size_t>(packed));
    entry.size = static_cast<std::size_t>(size);
    entry.deflated = method == zip::deflated;
    entry.local_offset = static_cast<std::size_t>(offset);
    entries_.push_back(entry);
    return {};
  }

  /// Takes the 64-bit values of the zip64 field for those that say 0xffffffff, in the order of the format.
  static Result<void> widen(Bytes extra, std::uint64_t& size, std::uint64_t& packed, std::uint64_t& offset) {
    namespace zip = detail::zip;
    if (size != zip::in_zip64 && packed != zip::in_zip64 && offset != zip::in_zip64) return {};
    ByteReader fields(extra, "zip: extra field");
    while (fields.remaining() >= 4) {
      TESSERA_TRY_ASSIGN(const auto tag, fields.read<std::uint16_t>());
      TESSERA_TRY_ASSIGN(const auto length, fields.read<std::uint16_t>());
      TESSERA_TRY_ASSIGN(const Bytes field, fields.take(length));
      if (tag != zip::zip64_field) continue;
      ByteReader values(field, "zip: zip64 field");
      for (std::uint64_t* const value : {&size, &packed, &offset}) {
        if (*value != zip::in_zip64) continue;
        TESSERA_TRY_ASSIGN(*value, values.read<std::uint64_t>());
      }
      return {};
    }
    return {};  // no such field: the values are meant as they stand, and are checked as such
  }

  Result<void> check_names_and_ranges() {
    by_name_.resize(entries_.size());
    for (std::size_t i = 0; i < by_name_.size(); ++i) by_name_[i] = static_cast<std::uint32_t>(i);
    auto by_place = by_name_;
    std::sort(by_name_.begin(), by_name_.end(),
              [&](std::uint32_t a, std::uint32_t b) { return entries_[a].name < entries_[b].name; });
    std::sort(by_place.begin(), by_place.end(),
              [&](std::uint32_t a, std::uint32_t b) { return entries_[a].local_offset < entries_[b].local_offset; });
    for (std::size_t i = 1; i < entries_.size(); ++i) {
      const ZipEntry& a = entries_[by_name_[i - 1]];
      if (a.name == entries_[by_name_[i]].name)
        return Error::format(Code::bad_format, "zip: the name %s comes twice", in_quotes(a.name).c_str());
      const ZipEntry& before = entries_[by_place[i - 1]];
      const ZipEntry& after = entries_[by_place[i]];
      const auto end = static_cast<std::size_t>(before.stored.data() - data_.data()) + before.stored.size();
      if (end > after.local_offset)
        return Error::format(Code::bad_format, "zip: entries %s and %s overlap", in_quotes(before.name).c_str(),
                             in_quotes(after.name).c_str());
    }
    return {};
  }

  Bytes data_;
  std::vector<ZipEntry> entries_;
  std::vector<std::uint32_t> by_name_;
};

/// Writes an archive of stored entries to a sink (AtomicFile, MemorySink), front to back.
template <class Sink>
class ZipWriter {
 public:
  static constexpr std::size_t alignment = 64;

  explicit ZipWriter(Sink& sink) noexcept : sink_(sink) {}

  /// Appends an entry; its data begins on a 64-byte border of the file.
  Result<void> add(std::string_view name, Bytes content) noexcept {
    return guarded([&]() -> Result<void> {
      namespace zip = detail::zip;
      if (name.empty() || name.size() > 0xff00)
        return Error::format(Code::invalid_argument, "zip: an entry name of %zu bytes", name.size());
      if (!names_.insert(std::string(name)).second)
        return Error::format(Code::invalid_argument, "zip: the name %s comes twice", in_quotes(name).c_str());
      Record record;
      record.name = name;
      record.crc = crc32(content);
      record.size = content.size();
      record.offset = at_;
      const bool wide = record.size >= zip::in_zip64;
      std::string extra;
      if (wide) {
        put(extra, zip::zip64_field);
        put(extra, std::uint16_t{16});
        put(extra, record.size);
        put(extra, record.size);
      }
      // Padding goes into an extra field of its own, whose tag torch uses for the same purpose.
      const std::uint64_t unpadded = at_ + zip::local_size + name.size() + extra.size() + 4;
      const auto padding = static_cast<std::size_t>((alignment - unpadded % alignment) % alignment);
      put(extra, std::uint16_t{0x4246});
      put(extra, static_cast<std::uint16_t>(padding));
      extra.append(padding, 'Z');

      std::string header;
      put(header, zip::local_signature);
      put_common(header, record, wide);
      put(header, static_cast<std::uint16_t>(name.size()));
      put(header, static_cast<std::uint16_t>(extra.size()));
      header.append(name).append(extra);
      TESSERA_TRY(write(bytes_of(header)));
      TESSERA_TRY(write(content));
      records_.push_back(std::move(record));
      return {};
    });
  }
  Result<void> add(std::string_view name, std::string_view content) noexcept { return add(name, bytes_of(content)); }

  /// Writes the directory. Nothing can be added afterwards.
  Result<void> finish() noexcept {
    return guarded([&]() -> Result<void> {
      namespace zip = detail::zip;
      const std::uint64_t start = at_;
      for (const Record& record : records_) {
        const bool wide_size = record.size >= zip::in_zip64;
        const bool wide_offset = record.offset >= zip::in_zip64;
        std::string extra;
        if (wide_size || wide_offset) {
          put(extra, zip::zip64_field);
          put(extra, static_cast<std::uint16_t>((wide_size ? 16 : 0) + (wide_offset ? 8 : 0)));
          if (wide_size) {
            put(extra, record.size);
            put(extra, record.size);
          }
          if (wide_offset) put(extra, record.offset);
        }
        std::string entry;
        put(entry, zip::central_signature);
        put(entry, std::uint16_t{45});  // made by version 4.5, on no particular system
        put_common(entry, record, wide_size);
        put(entry, static_cast<std::uint16_t>(record.name.size()));
        put(entry, static_cast<std::uint16_t>(extra.size()));
        put(entry, std::uint16_t{0});  // comment
        put(entry, std::uint16_t{0});  // disk
        put(entry, std::uint16_t{0});  // internal attributes
        put(entry, std::uint32_t{0});  // external attributes
        put(entry, narrow(record.offset));
        entry.append(record.name).append(extra);
        TESSERA_TRY(write(bytes_of(entry)));
      }
      const std::uint64_t size = at_ - start;
      const std::uint64_t count = records_.size();
      std::string end;
      if (count >= 0xffff || start >= zip::in_zip64 || size >= zip::in_zip64) {
        const std::uint64_t end64 = at_;
        put(end, zip::end64_signature);
        put(end, std::uint64_t{zip::end64_size - 12});
        put(end, std::uint16_t{45});
        put(end, std::uint16_t{45});
        put(end, std::uint32_t{0});
        put(end, std::uint32_t{0});
        put(end, count);
        put(end, count);
        put(end, size);
        put(end, start);
        put(end, zip::locator64_signature);
        put(end, std::uint32_t{0});
        put(end, end64);
        put(end, std::uint32_t{1});
      }
      const auto short_count = static_cast<std::uint16_t>(std::min<std::uint64_t>(count, 0xffff));
      put(end, zip::end_signature);
      put(end, std::uint16_t{0});
      put(end, std::uint16_t{0});
      put(end, short_count);
      put(end, short_count);
      put(end, narrow(size));
      put(end, narrow(start));
      put(end, std::uint16_t{0});
      return write(bytes_of(end));
    });
  }

 private:
  struct Record {
    std::string name;
    std::uint32_t crc = 0;
    std::uint64_t size = 0;
    std::uint64_t offset = 0;
  };

  template <class T>
  static void put(std::string& out, T value) {
    std::array<char, sizeof(T)> bytes;
    std::memcpy(bytes.data(), &value, sizeof(T));
    out.append(bytes.data(), bytes.size());
  }
  static std::uint32_t narrow(std::uint64_t value) noexcept {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, detail::zip::in_zip64));
  }
  /// What local and central headers share, from "version needed" to the sizes.
  static void put_common(std::string& out, const Record& record, bool wide) {
    put(out, static_cast<std::uint16_t>(wide ? 45 : 20));
    put(out, std::uint16_t{0x0800});  // names are UTF-8
    put(out, detail::zip::stored);
    put(out, std::uint16_t{0});       // midnight
    put(out, std::uint16_t{0x0021});  // 1 January 1980: equal states give equal files
    put(out, record.crc);
    put(out, narrow(record.size));
    put(out, narrow(record.size));
  }
  Result<void> write(Bytes bytes) noexcept {
    TESSERA_TRY(sink_.write(bytes));
    at_ += bytes.size();
    return {};
  }

  Sink& sink_;
  std::uint64_t at_ = 0;
  std::vector<Record> records_;
  std::unordered_set<std::string> names_;
};

}  // namespace tessera::io
