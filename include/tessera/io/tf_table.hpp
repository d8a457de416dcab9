// The sorted tables of TensorFlow checkpoints: keys and values in blocks, as LevelDB lays them out.
//
// Both checkpoint formats are such tables: V2 keeps names and places in one, V1 everything. A table is visited in
// order; nothing is looked up. Blocks are read where they lie. Compressed ones are refused: checkpoints have none.
// Source: LevelDB, doc/table_format.md; TensorFlow, tsl/lib/io/table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/protobuf.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/crc32c.hpp"

namespace tessera::inline TESSERA_ISA::io {

class TfTable {
 public:
  static bool looks_like(Bytes file) noexcept {
    return file.size() >= footer_size && load_le<std::uint64_t>(file.data() + file.size() - 8) == magic;
  }

  /// `file` must outlive the table. `checksums`: of the blocks, which costs reading all of them.
  explicit TfTable(Bytes file, bool checksums = true) noexcept : file_(file), checksums_(checksums) {}

  /// Calls f(key, value) for each entry; a key is valid until f returns, a value as long as the file. f returns a
  /// Result<void>, and an error ends the visit.
  template <class F>
  Result<void> visit(F&& f) const {
    if (!looks_like(file_)) return bad("no table: the last eight bytes are not its magic number");
    std::string_view footer = text_of(file_.subspan(file_.size() - footer_size));
    Handle unused;
    Handle index;
    if (!unused.take(footer) || !index.take(footer)) return bad("the footer has no readable handles");
    // Blocks do not overlap; a crafted index could name one over and over.
    std::uint64_t total = 0;
    return visit_block(index, [&](std::string_view, std::string_view value) -> Result<void> {
      Handle block;
      if (!block.take(value)) return bad("the index has an entry that is no handle");
      if (block.size > file_.size() || (total += block.size + 5) > file_.size()) {
        return bad("the index names more bytes than the file has");
      }
      return visit_block(block, f);
    });
  }

 private:
  static constexpr std::size_t footer_size = 48;
  static constexpr std::uint64_t magic = 0xDB4775248B80FB57U;

  /// Where a block lies.
  struct Handle {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    bool take(std::string_view& from) noexcept {
      return protobuf::take_varint(from, offset) && protobuf::take_varint(from, size);
    }
  };

  static Error bad(const char* why) noexcept { return Error::format(Code::bad_format, "TensorFlow table: %s", why); }

  /// A block is entries, then 32-bit offsets of restart points and their number; behind it a type and a checksum.
  template <class F>
  Result<void> visit_block(Handle handle, F&& f) const {
    if (handle.size > file_.size() || handle.offset > file_.size() - handle.size ||
        file_.size() - handle.size - handle.offset < 5) {
      return bad("a block lies past the end");
    }
    const Bytes with_type =
        file_.subspan(static_cast<std::size_t>(handle.offset), static_cast<std::size_t>(handle.size) + 1);
    const Bytes block = with_type.first(with_type.size() - 1);
    if (checksums_ && masked_crc(crc32c(with_type)) != load_le<std::uint32_t>(block.data() + block.size() + 1)) {
      return bad("the checksum of a block is wrong: the file is damaged");
    }
    if (with_type.back() != std::byte{0}) {
      return Error::format(Code::unsupported, "TensorFlow table: a block is compressed (type %u), which is not read",
                           static_cast<unsigned>(with_type.back()));
    }
    if (block.size() < 4) return bad("a block has no room for its restart points");
    const std::uint64_t restarts = load_le<std::uint32_t>(block.data() + block.size() - 4);
    if (4 * restarts + 4 > block.size()) return bad("a block has more restart points than room for them");
    std::string_view entries = text_of(block.first(block.size() - 4 - static_cast<std::size_t>(4 * restarts)));
    std::string key;
    while (!entries.empty()) {
      std::uint64_t shared = 0;
      std::uint64_t unshared = 0;
      std::uint64_t length = 0;
      if (!protobuf::take_varint(entries, shared) || !protobuf::take_varint(entries, unshared) ||
          !protobuf::take_varint(entries, length) || shared > key.size() || unshared > entries.size() ||
          length > entries.size() - unshared) {
        return bad("an entry is cut off");
      }
      key.resize(static_cast<std::size_t>(shared));
      key.append(entries.substr(0, static_cast<std::size_t>(unshared)));
      const std::string_view value =
          entries.substr(static_cast<std::size_t>(unshared), static_cast<std::size_t>(length));
      entries.remove_prefix(static_cast<std::size_t>(unshared + length));
      TESSERA_TRY(f(std::string_view(key), value));
    }
    return {};
  }

  Bytes file_;
  bool checksums_;
};

/// Writes a table into a sink; keys come in their order. Blocks end after about 4 kB, and no key is shortened.
template <class Sink>
class TfTableWriter {
 public:
  explicit TfTableWriter(Sink& sink) noexcept : sink_(sink) {}

  Result<void> add(std::string_view key, std::string_view value) {
    put(block_, key, value);
    last_ = key;
    if (block_.entries.size() < 4096) return {};
    return end_block();
  }

  Result<void> finish() {
    if (block_.count != 0) TESSERA_TRY(end_block());
    Block none;
    TESSERA_TRY_ASSIGN(std::string footer, write(none));
    TESSERA_TRY_ASSIGN(const std::string index, write(index_));
    footer += index;
    footer.resize(40, '\0');
    for (int i = 0; i < 8; ++i) footer += static_cast<char>(0xDB4775248B80FB57U >> (8 * i) & 0xFFU);
    return sink_.write(std::string_view(footer));
  }

 private:
  struct Block {
    std::string entries;
    std::vector<std::uint32_t> restarts;
    std::size_t count = 0;
  };

  static void put(Block& block, std::string_view key, std::string_view value) {
    if (block.count++ % 16 == 0) block.restarts.push_back(static_cast<std::uint32_t>(block.entries.size()));
    protobuf::put_varint(block.entries, 0);
    protobuf::put_varint(block.entries, key.size());
    protobuf::put_varint(block.entries, value.size());
    block.entries.append(key).append(value);
  }
  static void put32(std::string& out, std::uint32_t number) {
    for (int i = 0; i < 4; ++i) out += static_cast<char>(number >> (8 * i) & 0xFFU);
  }

  /// Writes a block and returns its handle.
  Result<std::string> write(Block& block) {
    if (block.restarts.empty()) block.restarts.push_back(0);
    std::string out = std::move(block.entries);
    for (const std::uint32_t restart : block.restarts) put32(out, restart);
    put32(out, static_cast<std::uint32_t>(block.restarts.size()));
    std::string handle;
    protobuf::put_varint(handle, written_);
    protobuf::put_varint(handle, out.size());
    out += '\0';  // not compressed
    put32(out, masked_crc(crc32c(bytes_of(out))));
    written_ += out.size();
    block = {};
    TESSERA_TRY(sink_.write(std::string_view(out)));
    return handle;
  }
  Result<void> end_block() {
    TESSERA_TRY_ASSIGN(const std::string handle, write(block_));
    put(index_, last_, handle);
    return {};
  }

  Sink& sink_;
  Block block_;
  Block index_;
  std::string last_;
  std::uint64_t written_ = 0;
};

}  // namespace tessera::io
