// NumPy's .npy: one array in a file.
//
// Format: numpy/lib/format.py, versions 1.0 to 3.0. A header that is a Python dict literal of three keys, then the
// elements. Arrays in Fortran order and big-endian ones are copied into order; the rest is used where it lies.
// bfloat16 has no name in NumPy and is not written. Not here: .npz archives, structured and object arrays.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/dtype.hpp"
#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/state.hpp"

namespace tessera::inline TESSERA_ISA::io {

namespace detail {

inline constexpr std::string_view npy_magic("\x93NUMPY", 6);

struct NpyType {
  std::string_view code;  // without the letter for the byte order
  DType type;
};
inline constexpr std::array<NpyType, 9> npy_types = {{{"f8", DType::f64},
                                                      {"f4", DType::f32},
                                                      {"f2", DType::f16},
                                                      {"i8", DType::i64},
                                                      {"i4", DType::i32},
                                                      {"i2", DType::i16},
                                                      {"i1", DType::i8},
                                                      {"u1", DType::u8},
                                                      {"b1", DType::boolean}}};

/// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
struct NpyHeader {
  std::string descr;
  bool fortran = false;
  std::vector<std::int64_t> shape;
};

class NpyHeaderParser {
 public:
  explicit NpyHeaderParser(std::string_view text) : rest_(text) {}

  Result<NpyHeader> parse() {
    NpyHeader header;
    bool has_descr = false;
    bool has_order = false;
    bool has_shape = false;
    if (!eat('{')) return wrong("'{'");
    while (!eat('}')) {
      std::string key;
      if (!quoted_text(key) || !eat(':')) return wrong("a key and ':'");
      bool* const seen = key == "descr"           ? &has_descr
                         : key == "fortran_order" ? &has_order
                         : key == "shape"         ? &has_shape
                                                  : nullptr;
      if (seen == nullptr || std::exchange(*seen, true)) return wrong("each of descr, fortran_order and shape, once");
      if (key == "descr" && !quoted_text(header.descr))
        return Error::format(Code::unsupported, "npy: an array of several fields");
      if (key == "fortran_order") {
        header.fortran = eat_word("True");
        if (!header.fortran && !eat_word("False")) return wrong("True or False");
      }
      if (key == "shape" && !shape(header.shape)) return wrong("a tuple of sizes");
      if (!eat(',') && peek() != '}') return wrong("',' or '}'");
    }
    skip_space();
    if (!rest_.empty() || !has_descr || !has_order || !has_shape)
      return wrong("each of descr, fortran_order and shape, and nothing else");
    return header;
  }

 private:
  Error wrong(const char* expected) const {
    return Error::format(Code::bad_format, "npy: header: %s expected before %s", expected,
                         in_quotes(rest_, 40).c_str());
  }
  void skip_space() { rest_.remove_prefix((std::min)(rest_.find_first_not_of(" \n\t"), rest_.size())); }
  char peek() {
    skip_space();
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool eat(char c) {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool eat_word(std::string_view word) {
    skip_space();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool quoted_text(std::string& out) {
    const char quote = peek();
    if (quote != '\'' && quote != '"') return false;
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) return false;
    out = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return true;
  }
  bool shape(std::vector<std::int64_t>& out) {
    if (!eat('(')) return false;
    while (!eat(')')) {
      skip_space();
      std::int64_t size = 0;
      const auto [end, code] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (code != std::errc() || out.size() >= 64) return false;
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      (void)eat_word("L");  // Python 2 wrote long integers so
      out.push_back(size);
      if (!eat(',') && peek() != ')') return false;
    }
    return true;
  }

  std::string_view rest_;
};

inline Result<State> parse_npy(Bytes data, const std::string& name) {
  ByteReader reader(data, "npy");
  TESSERA_TRY_ASSIGN(const Bytes magic, reader.take(npy_magic.size()));
  if (text_of(magic) != npy_magic) return Error::format(Code::bad_format, "npy: the magic bytes are missing");
  TESSERA_TRY_ASSIGN(const auto major, reader.read<std::uint8_t>());
  TESSERA_TRY(reader.skip(1));
  if (major < 1 || major > 3)
    return Error::format(Code::unsupported, "npy: version %u, 1 to 3 expected", unsigned{major});
  std::uint32_t length = 0;
  if (major == 1) {
    TESSERA_TRY_ASSIGN(length, reader.read<std::uint16_t>());
  } else {
    TESSERA_TRY_ASSIGN(length, reader.read<std::uint32_t>());
  }
  TESSERA_TRY_ASSIGN(const Bytes text, reader.take(length));
  auto header = NpyHeaderParser(text_of(text)).parse();
  if (!header) return header.error();

  const std::string_view descr = header->descr;
  const char order = descr.empty() ? '\0' : descr.front();
  const auto known = std::find_if(npy_types.begin(), npy_types.end(),
                                  [&](const NpyType& t) { return descr.size() == 3 && descr.substr(1) == t.code; });
  if (known == npy_types.end() || (order != '<' && order != '>' && order != '|' && order != '='))
    return Error::format(Code::unsupported, "npy: elements of type %s", in_quotes(descr, 40).c_str());
  StateTensor tensor;
  tensor.name = name;
  tensor.type = known->type;
  tensor.shape = header->shape;
  const std::size_t width = size_of(tensor.type);
  const auto bytes = byte_size(tensor.type, tensor.shape);
  if (!bytes) return bytes.error().in("npy");
  if (*bytes != reader.remaining())
    return Error::format(Code::bad_format, "npy: shape %s of %s takes %zu bytes, the file has %zu",
                         format_shape(tensor.shape).c_str(), tessera::name(tensor.type), *bytes, reader.remaining());
  tensor.bytes = *bytes;
  const Bytes elements = data.subspan(reader.position());

  State state;
  state.format = "npy";
  const bool swapped = order == '>' && width > 1;
  const bool turned = header->fortran && tensor.shape.size() > 1;
  if (tensor.bytes == 0) {
    tensor.data = nullptr;
  } else if (!swapped && !turned) {
    TESSERA_TRY_ASSIGN(tensor.data, aligned_or_copied(state, elements, tensor.type));
  } else {
    TESSERA_TRY_ASSIGN(const Buffer buffer, Buffer::allocate(tensor.bytes));
    const std::size_t rank = tensor.shape.size();
    std::vector<std::size_t> index(rank, 0);
    for (std::size_t to = 0; to < tensor.bytes; to += width) {
      // Fortran order: the first index runs fastest.
      std::size_t from = to;
      if (turned) {
        from = 0;
        for (std::size_t d = rank; d-- > 0;) from = from * static_cast<std::size_t>(tensor.shape[d]) + index[d];
        from *= width;
        for (std::size_t d = rank; d-- > 0;) {
          if (++index[d] < static_cast<std::size_t>(tensor.shape[d])) break;
          index[d] = 0;
        }
      }
      for (std::size_t k = 0; k < width; ++k) buffer.data()[to + k] = elements[from + (swapped ? width - 1 - k : k)];
    }
    TESSERA_TRY(state.keep(buffer.owner()));
    tensor.data = buffer.data();
  }
  TESSERA_TRY(state.add(std::move(tensor)));
  return state;
}

template <class Sink>
Result<void> write_npy_to(DType type, std::span<const std::int64_t> shape, Bytes data, Sink& sink) {
  const auto bytes = byte_size(type, shape);
  if (!bytes) return bytes.error().in("npy");
  if (*bytes != data.size())
    return Error::format(Code::invalid_argument, "npy: shape %s takes %zu bytes, %zu given",
                         format_shape(shape).c_str(), *bytes, data.size());
  const auto known = std::find_if(npy_types.begin(), npy_types.end(), [&](const NpyType& t) { return t.type == type; });
  if (known == npy_types.end()) return Error::format(Code::unsupported, "npy: NumPy has no type %s", name(type));
  std::string header = "{'descr': '";
  header.append(size_of(type) == 1 ? "|" : "<").append(known->code).append("', 'fortran_order': False, 'shape': (");
  for (std::size_t i = 0; i < shape.size(); ++i) header.append(i != 0 ? ", " : "").append(std::to_string(shape[i]));
  header.append(shape.size() == 1 ? ",), }" : "), }");
  // Magic, version, length, header and a newline fill whole blocks of 64 bytes.
  const bool wide = header.size() + 1 + 10 + 63 > 0xffff;
  const std::size_t before = wide ? 12 : 10;
  header.append((64 - (before + header.size() + 1) % 64) % 64, ' ').append("\n");
  std::string start(npy_magic);
  start += static_cast<char>(wide ? 2 : 1);
  start += '\0';
  for (std::size_t i = 0; i < before - 8; ++i) start += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  TESSERA_TRY(sink.write(std::string_view(start)));
  TESSERA_TRY(sink.write(std::string_view(header)));
  return sink.write(data);
}

}  // namespace detail

/// Reads an array in memory as a state of one tensor called `name`; `data` is kept alive by `owner` or by the caller.
inline Result<State> read_npy(Bytes data, const std::string& name = "array",
                              std::shared_ptr<const void> owner = nullptr) noexcept {
  return guarded([&]() -> Result<State> {
    auto state = detail::parse_npy(data, name);
    if (state) TESSERA_TRY(state->keep(std::move(owner)));
    return state;
  });
}

/// Reads a file; the tensor is called as the file without its folder and ".npy".
inline Result<State> read_npy(const std::string& path) noexcept {
  return guarded([&]() -> Result<State> {
    auto mapped = MappedFile::open(path);
    if (!mapped) return mapped.error();
    const auto file = std::make_shared<const MappedFile>(std::move(*mapped));
    std::string name = name_of(path);
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    auto state = detail::parse_npy(file->bytes(), name);
    if (!state) return state.error().in(path.c_str());
    TESSERA_TRY(state->keep(file));
    return state;
  });
}

/// Writes one array in C order, version 1.0, as numpy.save does.
inline Result<void> write_npy(DType type, std::span<const std::int64_t> shape, Bytes data,
                              const std::string& path) noexcept {
  return guarded([&]() -> Result<void> {
    auto file = AtomicFile::create(path);
    if (!file) return file.error();
    TESSERA_TRY(detail::write_npy_to(type, shape, data, *file));
    return file->commit();
  });
}
inline Result<void> write_npy(const StateTensor& tensor, const std::string& path) noexcept {
  return write_npy(tensor.type, tensor.shape, tensor.view(), path);
}
inline Result<std::vector<std::byte>> write_npy(const StateTensor& tensor) noexcept {
  return guarded([&]() -> Result<std::vector<std::byte>> {
    MemorySink sink;
    TESSERA_TRY(detail::write_npy_to(tensor.type, tensor.shape, tensor.view(), sink));
    return sink.take();
  });
}

}  // namespace tessera::io
