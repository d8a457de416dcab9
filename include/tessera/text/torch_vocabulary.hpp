// vocab.bin of Transformer-XL, written: a dict of symbols and ids as torch.save writes one that holds no tensor.
//
// A stream of five pickles (protocol 2): magic number, version, facts about the machine, the dict, an empty list of
// storages. torch.load opens it, with weights_only too. Reading is the business of io.
// Source: torch/serialization.py (the format of before release 1.6), Python's pickletools.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

namespace detail {

/// Appends the opcodes of Python values.
class PickleText {
 public:
  PickleText& raw(std::string_view opcodes) {
    out_ += opcodes;
    return *this;
  }
  PickleText& string(std::string_view text) {
    out_ += 'X';
    little_endian(text.size(), 4);
    out_ += text;
    return *this;
  }
  PickleText& integer(std::uint32_t value) {
    if (value < 0x100) {
      out_ += 'K';
      little_endian(value, 1);
    } else if (value < 0x10000) {
      out_ += 'M';
      little_endian(value, 2);
    } else {
      out_ += 'J';
      little_endian(value, 4);
    }
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  void little_endian(std::size_t value, int bytes) {
    for (; bytes > 0; --bytes, value >>= 8) out_ += static_cast<char>(value & 0xFFU);
  }
  std::string out_;
};

}  // namespace detail

/// {"idx2sym": [...], "sym2idx": OrderedDict(...)}, and "unk_idx" unless it is no_id.
inline std::string torch_vocabulary(const Vocabulary& vocabulary, Id unknown) {
  using namespace std::string_view_literals;
  detail::PickleText out;
  out.raw("\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19."sv);
  out.raw("\x80\x02M\xE9\x03."sv);
  out.raw("\x80\x02}("sv).string("protocol_version").raw("M\xE9\x03"sv).string("little_endian").raw("\x88"sv);
  out.string("type_sizes").raw("}("sv).string("short").integer(2).string("int").integer(4).string("long").integer(4);
  out.raw("uu."sv);
  out.raw("\x80\x02}("sv).string("idx2sym").raw("]("sv);
  for (std::size_t id = 0; id < vocabulary.id_bound(); ++id) out.string(vocabulary.token(static_cast<Id>(id)));
  out.raw("e"sv).string("sym2idx").raw("ccollections\nOrderedDict\n)R("sv);
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    out.string(vocabulary.nth_token(i)).integer(static_cast<std::uint32_t>(vocabulary.nth_id(i)));
  }
  out.raw("u"sv);
  if (unknown != no_id) out.string("unk_idx").integer(static_cast<std::uint32_t>(unknown));
  out.raw("u."sv).raw("\x80\x02]."sv);
  return out.take();
}

}  // namespace tessera::text
