// pytorch_model.bin: what torch.save writes, in both of its formats.
//
// Since torch 1.6 a file is a ZIP archive: <folder>/data.pkl holds the dict, <folder>/data/<key> the bytes of each
// storage. Before, it was a stream of pickles (a magic number, a protocol, facts about the machine, the dict, the list
// of storage keys) and then the storages, each after its count. Reference: torch/serialization.py of torch 1.2 and 2.x.
// Tensors are views of storages; contiguous ones are given as they lie in the file, so that two names of one storage
// keep one data pointer, and others are copied into order. Nested dicts and lists give names joined with dots.
// Written is the ZIP format, in a form that torch.load(weights_only=True) opens, one storage for tensors that share
// their data pointer.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tessera/base/dtype.hpp"
#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/pickle.hpp"
#include "tessera/io/state.hpp"
#include "tessera/io/utf8.hpp"
#include "tessera/io/zip.hpp"

namespace tessera::inline TESSERA_ISA::io {

struct TorchOptions {
  /// Check the checksum of every storage in an archive: reads all of the file once. A compressed dict is checked
  /// always.
  bool checksums = false;
  PickleLimits pickle;
};

namespace detail {

// torch.serialization.MAGIC_NUMBER, 0x1950a86a20f9469cfc6c, and PROTOCOL_VERSION.
inline constexpr std::string_view torch_magic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
inline constexpr std::int64_t torch_protocol = 1001;
// torch has no tensors of more dimensions.
inline constexpr std::size_t torch_most_dimensions = 64;
// Dicts and lists inside each other; checkpoints with an optimizer have about five.
inline constexpr std::size_t torch_most_depth = 64;

/// Finds the tensors in the dict of a checkpoint, and says what else was there.
class TorchWalk {
 public:
  struct Found {
    std::string name;
    std::uint32_t tensor = 0;
  };

  TorchWalk(const Pickle& pickle, std::size_t pickle_size)
      : pickle_(pickle), on_path_(pickle.values.size(), false), allowance_(pickle_size) {}

  Result<void> run() {
    if (pickle_.top().kind != PickleKind::dict)
      return Error::format(Code::bad_format, "torch: the file holds %s, a dict of tensors expected",
                           name(pickle_.top().kind));
    return visit(pickle_.root, 0);
  }

  std::vector<Found> found;
  std::vector<std::string> ignored;

 private:
  Result<void> visit(std::uint32_t number, std::size_t depth) {
    const PickleValue& value = pickle_[number];
    // A value can be reached on many paths, exponentially many if a file wants it so.
    TESSERA_TRY(allowance_.charge(64 + path_.size(), "torch: the names of all values"));
    switch (value.kind) {
      case PickleKind::tensor: found.push_back({path_, number}); return {};
      case PickleKind::array:
        if (value.items.empty()) break;  // never filled
        found.push_back({path_, number});
        return {};
      case PickleKind::dict:
      case PickleKind::list:
      case PickleKind::tuple: break;
      default: ignored.push_back(path_ + " (" + name(value.kind) + ")"); return {};
    }
    if (value.kind == PickleKind::array) return {};
    if (on_path_[number])
      return Error::format(Code::bad_format, "torch: the dict contains itself, at %s", in_quotes(path_).c_str());
    if (depth >= torch_most_depth)
      return Error::format(Code::bad_format, "torch: dicts and lists are nested deeper than %zu levels",
                           torch_most_depth);
    on_path_[number] = true;
    const std::size_t step = value.kind == PickleKind::dict ? 2 : 1;
    const std::size_t length = path_.size();
    for (std::size_t i = 0; i + step <= value.items.size(); i += step) {
      if (depth != 0) path_ += '.';
      if (step == 1)
        path_ += std::to_string(i);
      else
        TESSERA_TRY(append_key(pickle_[value.items[i]]));
      TESSERA_TRY(visit(value.items[i + step - 1], depth + 1));
      path_.resize(length);
    }
    on_path_[number] = false;
    return {};
  }

  Result<void> append_key(const PickleValue& key) {
    switch (key.kind) {
      case PickleKind::text:
        if (!is_utf8(key.text))
          return Error::format(Code::bad_format, "torch: the key %s is not UTF-8", in_quotes(key.text).c_str());
        path_ += key.text;
        return {};
      case PickleKind::integer: path_ += std::to_string(key.integer); return {};
      case PickleKind::boolean: path_ += key.integer != 0 ? "True" : "False"; return {};
      case PickleKind::none: path_ += "None"; return {};
      default:
        return Error::format(Code::unsupported, "torch: %s is the key of a value at %s, a text expected",
                             name(key.kind), in_quotes(path_).c_str());
    }
  }

  const Pickle& pickle_;
  std::vector<bool> on_path_;
  std::string path_;
  Allowance allowance_;
};

/// The bytes of one key. `data` is set by the format; `base` on first use.
struct TorchStorage {
  std::string_view key;
  DType type = DType::f32;
  std::size_t count = 0;
  std::size_t bytes = 0;
  Bytes data;
  const ZipEntry* packed = nullptr;  // deflated and not unpacked yet
  const std::byte* base = nullptr;
};

/// The part of a storage that a persistent id names: all of it, but for views in old streams.
struct TorchStorageView {
  std::size_t storage = 0;
  std::size_t first = 0;
  std::size_t count = 0;
};

class TorchReader {
 public:
  TorchReader(Bytes file, const TorchOptions& options) : file_(file), options_(options), allowance_(file.size()) {}

  Result<State> read() {
    state_.format = "torch";
    return ZipArchive::looks_like(file_) ? read_archive() : read_stream();
  }

 private:
  static Error bad(const char* why) noexcept { return Error::format(Code::bad_format, "torch: %s", why); }

  // --- the two formats ---

  Result<State> read_archive() {
    auto opened = ZipArchive::open(file_);
    if (!opened) return opened.error();
    const ZipArchive& archive = *opened;
    const ZipEntry* dict = nullptr;
    for (const ZipEntry& entry : archive.entries()) {
      const std::size_t slash = entry.name.find('/');
      if (slash == std::string_view::npos || entry.name.substr(slash) != "/data.pkl") continue;
      if (dict != nullptr) return bad("the archive has two data.pkl");
      dict = &entry;
    }
    if (dict == nullptr) return bad("the archive has no data.pkl: it is no checkpoint of torch");
    const std::string folder(dict->name.substr(0, dict->name.size() - std::string_view("data.pkl").size()));
    TESSERA_TRY_ASSIGN(const Bytes program, content(archive, *dict, true));
    bool swapped = false;
    if (const ZipEntry* const order = archive.find(folder + "byteorder"); order != nullptr) {
      TESSERA_TRY_ASSIGN(const Bytes word, content(archive, *order, true));
      swapped = text_of(word) == "big";
      if (!swapped && text_of(word) != "little") return bad("the record byteorder says neither little nor big");
    }
    auto pickle = read_pickle(program, options_.pickle);
    if (!pickle) return pickle.error();
    TESSERA_TRY(list_storages(*pickle));
    for (TorchStorage& storage : storages_) {
      const std::string name = folder + "data/" + std::string(storage.key);
      const ZipEntry* const entry = archive.find(name);
      if (entry == nullptr)
        return Error::format(Code::bad_format, "torch: the archive has no record %s", in_quotes(name).c_str());
      if (entry->size != storage.bytes)
        return Error::format(Code::bad_format, "torch: record %s has %zu bytes, its storage of %zu %s takes %zu",
                             in_quotes(name).c_str(), entry->size, storage.count, tessera::name(storage.type),
                             storage.bytes);
      if (entry->deflated) {
        storage.packed = entry;
      } else {
        TESSERA_TRY_ASSIGN(storage.data, content(archive, *entry, options_.checksums));
      }
    }
    return take_tensors(*pickle, program.size(), &archive, swapped);
  }

  Result<State> read_stream() {
    if (file_.size() > 262 && text_of(file_.subspan(257, 5)) == "ustar")
      return Error::format(Code::unsupported, "torch: the tar format of before torch 0.1.10 is not read; save it anew");
    std::size_t at = 0;
    const auto next = [&]() -> Result<Pickle> {
      auto pickle = read_pickle(file_.subspan(at), options_.pickle);
      if (pickle) at += pickle->length;
      return pickle;
    };
    auto magic = next();
    if (!magic) return magic.error();
    if (magic->top().kind != PickleKind::big || magic->top().text != torch_magic) return bad("wrong magic number");
    auto protocol = next();
    if (!protocol) return protocol.error();
    if (protocol->top().kind != PickleKind::integer || protocol->top().integer != torch_protocol)
      return bad("wrong protocol version, 1001 expected");
    auto machine = next();
    if (!machine) return machine.error();
    TESSERA_TRY(check_machine(*machine));
    const std::size_t dict_at = at;
    auto dict = next();
    if (!dict) return dict.error();
    const std::size_t dict_size = at - dict_at;
    TESSERA_TRY(list_storages(*dict));
    auto keys = next();
    if (!keys) return keys.error();
    if (keys->top().kind != PickleKind::list) return bad("no list of storages after the dict");

    ByteReader reader(file_, "torch: storages");
    TESSERA_TRY(reader.seek(at));
    std::size_t read = 0;
    for (const std::uint32_t number : keys->top().items) {
      const PickleValue& key = (*keys)[number];
      const auto known = key.kind == PickleKind::text ? by_key_.find(key.text) : by_key_.end();
      if (known == by_key_.end()) return bad("the list of storages names one that the dict does not");
      TorchStorage& storage = storages_[known->second];
      if (storage.data.data() != nullptr) return bad("the list of storages names one twice");
      TESSERA_TRY_ASSIGN(const std::int64_t count, reader.read<std::int64_t>());
      if (count < 0 || static_cast<std::uint64_t>(count) != storage.count)
        return Error::format(Code::bad_format, "torch: storage %s is announced with %lld elements, the dict says %zu",
                             in_quotes(storage.key).c_str(), static_cast<long long>(count), storage.count);
      TESSERA_TRY_ASSIGN(storage.data, reader.take(storage.bytes));
      ++read;
    }
    if (read != storages_.size()) return bad("the dict names a storage that the file does not have");
    if (!reader.at_end())
      return Error::format(Code::bad_format, "torch: %zu bytes follow the last storage", reader.remaining());
    return take_tensors(*dict, dict_size, nullptr, false);
  }

  /// {"protocol_version": 1001, "little_endian": True, "type_sizes": {...}}
  Result<void> check_machine(const Pickle& machine) const {
    if (machine.top().kind != PickleKind::dict) return bad("no facts about the machine after the protocol version");
    const auto& items = machine.top().items;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      const PickleValue& key = machine[items[i]];
      const PickleValue& value = machine[items[i + 1]];
      if (key.kind != PickleKind::text || key.text != "little_endian") continue;
      if (value.kind != PickleKind::boolean || value.integer != 1)
        return Error::format(Code::unsupported, "torch: a stream written on a big-endian machine");
    }
    return {};
  }

  Result<Bytes> content(const ZipArchive& archive, const ZipEntry& entry, bool checksum) {
    if (entry.deflated) {
      TESSERA_TRY_ASSIGN(const Buffer buffer, archive.inflate(entry, allowance_));
      TESSERA_TRY(state_.keep(buffer.owner()));
      return Bytes(buffer.data(), buffer.size());
    }
    if (checksum) TESSERA_TRY(archive.check_crc(entry, entry.stored));
    return entry.stored;
  }

  // --- storages ---

  /// Reads every persistent id of the pickle into storages_ and views_.
  Result<void> list_storages(const Pickle& pickle) {
    for (std::size_t number = 0; number < pickle.values.size(); ++number) {
      const PickleValue& value = pickle.values[number];
      if (value.kind != PickleKind::storage) continue;
      TorchStorage storage;
      storage.key = pickle[value.items[2]].text;
      storage.type = value.type;
      const std::int64_t count = pickle[value.items[4]].integer;
      const auto bytes = byte_size(storage.type, std::array{count});
      if (!bytes) return bytes.error().in(("torch: storage " + in_quotes(storage.key)).c_str());
      storage.count = static_cast<std::size_t>(count);
      storage.bytes = *bytes;
      const auto [place, is_new] = by_key_.emplace(storage.key, storages_.size());
      if (is_new)
        storages_.push_back(storage);
      else if (storages_[place->second].type != storage.type || storages_[place->second].count != storage.count)
        return Error::format(Code::bad_format, "torch: storage %s has two types or two sizes",
                             in_quotes(storage.key).c_str());
      TorchStorageView view{place->second, 0, storage.count};
      if (value.items.size() == 6) TESSERA_TRY(narrow(pickle, pickle[value.items[5]], view));
      views_.emplace(static_cast<std::uint32_t>(number), view);
    }
    return {};
  }

  /// Old streams may name a part of a storage: (key of the view, first element, count).
  static Result<void> narrow(const Pickle& pickle, const PickleValue& part, TorchStorageView& view) {
    if (part.kind == PickleKind::none) return {};
    if (part.kind != PickleKind::tuple || part.items.size() != 3 || pickle[part.items[1]].kind != PickleKind::integer ||
        pickle[part.items[2]].kind != PickleKind::integer)
      return bad("a storage with a sixth entry that is no view");
    const std::int64_t first = pickle[part.items[1]].integer;
    const std::int64_t count = pickle[part.items[2]].integer;
    if (first < 0 || count < 0 || static_cast<std::uint64_t>(first) > view.count ||
        static_cast<std::uint64_t>(count) > view.count - static_cast<std::uint64_t>(first))
      return bad("a view leads outside its storage");
    view.first = static_cast<std::size_t>(first);
    view.count = static_cast<std::size_t>(count);
    return {};
  }

  /// The aligned bytes of a storage, made on first use.
  Result<const std::byte*> base_of(TorchStorage& storage, const ZipArchive* archive, bool swapped) {
    if (storage.base != nullptr || storage.bytes == 0) return storage.base;
    if (storage.packed != nullptr) {
      TESSERA_TRY_ASSIGN(storage.data, content(*archive, *storage.packed, true));
    }
    if (swapped && size_of(storage.type) > 1) {
      TESSERA_TRY(allowance_.charge(storage.bytes, "torch: a storage in big-endian order"));
      TESSERA_TRY_ASSIGN(const Buffer buffer, Buffer::allocate(storage.bytes));
      const std::size_t width = size_of(storage.type);
      for (std::size_t i = 0; i < storage.bytes; i += width)
        for (std::size_t k = 0; k < width; ++k) buffer.data()[i + k] = storage.data[i + width - 1 - k];
      TESSERA_TRY(state_.keep(buffer.owner()));
      storage.base = buffer.data();
    } else {
      TESSERA_TRY_ASSIGN(storage.base, aligned_or_copied(state_, storage.data, storage.type));
    }
    return storage.base;
  }

  // --- tensors ---

  Result<State> take_tensors(const Pickle& pickle, std::size_t pickle_size, const ZipArchive* archive, bool swapped) {
    TorchWalk walk(pickle, pickle_size);
    TESSERA_TRY(walk.run());
    state_.ignored = std::move(walk.ignored);
    for (TorchWalk::Found& found : walk.found) {
      if (pickle[found.tensor].kind == PickleKind::array) {
        TESSERA_TRY(take_array(pickle, pickle[found.tensor], std::move(found.name)));
        continue;
      }
      auto tensor = make_tensor(pickle, found.tensor, archive, swapped);
      if (!tensor) return tensor.error().in(("torch: tensor " + in_quotes(found.name)).c_str());
      tensor->name = std::move(found.name);
      TESSERA_TRY(state_.add(std::move(*tensor)));
    }
    return std::move(state_);
  }

  /// An array of NumPy, whose numbers lie in the pickle itself.
  Result<void> take_array(const Pickle& pickle, const PickleValue& array, std::string name) {
    TESSERA_TRY_ASSIGN(std::vector<std::int64_t> shape, numbers(pickle, array.items[0], "sizes"));
    TESSERA_TRY(allowance_.charge(array.text.size(), "an array of NumPy"));
    return state_.add_copy(std::move(name), array.type, std::move(shape), bytes_of(array.text));
  }

  static Result<std::vector<std::int64_t>> numbers(const Pickle& pickle, std::uint32_t tuple, const char* what) {
    const auto& items = pickle[tuple].items;
    if (items.size() > torch_most_dimensions)
      return Error::format(Code::bad_format, "%zu dimensions, at most %zu expected", items.size(),
                           torch_most_dimensions);
    std::vector<std::int64_t> out;
    out.reserve(items.size());
    for (const std::uint32_t item : items) {
      if (pickle[item].kind != PickleKind::integer || pickle[item].integer < 0)
        return Error::format(Code::bad_format, "the %s must be integers of at least 0", what);
      out.push_back(pickle[item].integer);
    }
    return out;
  }

  Result<StateTensor> make_tensor(const Pickle& pickle, std::uint32_t number, const ZipArchive* archive, bool swapped) {
    const PickleValue& value = pickle[number];
    const TorchStorageView& view = views_.find(value.items[0])->second;
    TorchStorage& storage = storages_[view.storage];
    const std::int64_t offset = pickle[value.items[1]].integer;
    StateTensor tensor;
    tensor.type = storage.type;
    TESSERA_TRY_ASSIGN(tensor.shape, numbers(pickle, value.items[2], "sizes"));
    TESSERA_TRY_ASSIGN(const std::vector<std::int64_t> strides, numbers(pickle, value.items[3], "strides"));
    if (strides.size() != tensor.shape.size())
      return Error::format(Code::bad_format, "%zu sizes and %zu strides", tensor.shape.size(), strides.size());
    TESSERA_TRY_ASSIGN(tensor.bytes, byte_size(tensor.type, tensor.shape));
    if (offset < 0)
      return Error::format(Code::bad_format, "the storage offset %lld is negative", static_cast<long long>(offset));
    if (tensor.bytes == 0) return tensor;

    // The element furthest out must lie in the storage.
    std::uint64_t last = static_cast<std::uint64_t>(offset);
    bool contiguous = true;
    std::uint64_t packed_stride = 1;
    for (std::size_t d = tensor.shape.size(); d-- > 0;) {
      const auto size = static_cast<std::uint64_t>(tensor.shape[d]);
      const auto stride = static_cast<std::uint64_t>(strides[d]);
      std::uint64_t reach = 0;
      if (!checked_mul(size - 1, stride, reach) || !checked_add(last, reach, last))
        return Error::format(Code::bad_format, "its strides overflow");
      if (size != 1 && stride != packed_stride) contiguous = false;
      packed_stride *= size;
    }
    if (last >= view.count)
      return Error::format(Code::bad_format, "shape %s from element %lld reaches element %llu of a storage of %zu",
                           format_shape(tensor.shape).c_str(), static_cast<long long>(offset),
                           static_cast<unsigned long long>(last), view.count);
    TESSERA_TRY_ASSIGN(const std::byte* const base, base_of(storage, archive, swapped));
    const std::size_t first = view.first + static_cast<std::size_t>(offset);
    if (contiguous) {
      tensor.data = base + first * size_of(tensor.type);
      return tensor;
    }
    TESSERA_TRY_ASSIGN(tensor.data, gather(tensor, base, view.storage, first, strides));
    return tensor;
  }

  /// A copy of a strided view in order. Equal views share one copy, so that ties of views stay ties.
  Result<const std::byte*> gather(const StateTensor& tensor, const std::byte* base, std::size_t storage,
                                  std::size_t first, const std::vector<std::int64_t>& strides) {
    std::vector<std::int64_t> key = {static_cast<std::int64_t>(storage), static_cast<std::int64_t>(first)};
    key.insert(key.end(), tensor.shape.begin(), tensor.shape.end());
    key.insert(key.end(), strides.begin(), strides.end());
    if (const auto known = gathered_.find(key); known != gathered_.end()) return known->second;

    TESSERA_TRY(allowance_.charge(tensor.bytes, "a view of repeated elements"));
    TESSERA_TRY_ASSIGN(const Buffer buffer, Buffer::allocate(tensor.bytes));
    const std::size_t width = size_of(tensor.type);
    const std::size_t rank = tensor.shape.size();  // at least 1: a single number is contiguous
    const auto row = static_cast<std::size_t>(tensor.shape[rank - 1]);
    const auto row_stride = static_cast<std::size_t>(strides[rank - 1]) * width;
    std::vector<std::size_t> index(rank, 0);
    std::size_t from = first * width;
    for (std::size_t to = 0; to < tensor.bytes;) {
      for (std::size_t i = 0; i < row; ++i, to += width)
        std::memcpy(buffer.data() + to, base + from + i * row_stride, width);
      // The next row: count up the outer dimensions like an odometer.
      for (std::size_t d = rank - 1; d-- > 0;) {
        const auto stride = static_cast<std::size_t>(strides[d]) * width;
        from += stride;
        if (++index[d] < static_cast<std::size_t>(tensor.shape[d])) break;
        from -= stride * index[d];
        index[d] = 0;
      }
    }
    TESSERA_TRY(state_.keep(buffer.owner()));
    gathered_.emplace(std::move(key), buffer.data());
    return static_cast<const std::byte*>(buffer.data());
  }

  Bytes file_;
  TorchOptions options_;
  Allowance allowance_;
  State state_;
  std::vector<TorchStorage> storages_;
  std::unordered_map<std::string_view, std::size_t> by_key_;
  std::unordered_map<std::uint32_t, TorchStorageView> views_;
  std::map<std::vector<std::int64_t>, const std::byte*> gathered_;
};

/// Dicts, texts, numbers and tensors as a pickle of protocol 2, in the opcodes that torch's restricted unpickler knows.
class TorchPickler {
 public:
  TorchPickler() { out_ = "\x80\x02"; }

  /// A value of another pickle, in `most` bytes at most: shared values are written once for each place. Arrays become
  /// tensors: `storages` gets their bytes. What stands for code is refused.
  Result<void> value(const Pickle& pickle, std::uint32_t number, std::vector<Bytes>& storages, std::size_t most,
                     std::size_t depth = 0) {
    const PickleValue& v = pickle[number];
    if (out_.size() > most) return Error::format(Code::bad_format, "torch: values out of proportion to their pickle");
    if (depth > torch_most_depth)
      return Error::format(Code::bad_format, "torch: values are nested deeper than %zu levels", torch_most_depth);
    switch (v.kind) {
      case PickleKind::none: out_ += 'N'; return {};
      case PickleKind::boolean: out_ += v.integer != 0 ? '\x88' : '\x89'; return {};
      case PickleKind::integer: signed_integer(v.integer); return {};
      case PickleKind::real: {
        const auto bits = bit_cast<std::uint64_t>(v.real);
        out_ += 'G';
        for (int shift = 56; shift >= 0; shift -= 8) out_ += static_cast<char>(bits >> shift & 0xFFU);
        return {};
      }
      case PickleKind::text:
      case PickleKind::bytes:
        if (!is_utf8(v.text)) return Error::format(Code::unsupported, "torch: a text that is not UTF-8");
        text(v.text);
        return {};
      case PickleKind::list:
      case PickleKind::tuple:
        out_ += v.kind == PickleKind::list ? "](" : "(";
        for (const std::uint32_t item : v.items) TESSERA_TRY(value(pickle, item, storages, most, depth + 1));
        out_ += v.kind == PickleKind::list ? 'e' : 't';
        return {};
      case PickleKind::dict:
        out_ += "}(";
        for (const std::uint32_t item : v.items) TESSERA_TRY(value(pickle, item, storages, most, depth + 1));
        out_ += 'u';
        return {};
      case PickleKind::array: {
        std::vector<std::int64_t> shape;
        for (const std::uint32_t item : pickle[v.items.at(0)].items) shape.push_back(pickle[item].integer);
        storages.push_back(bytes_of(v.text));
        tensor_value(v.type, shape, storages.size() - 1, v.text.size() / size_of(v.type));
        return {};
      }
      default: return Error::format(Code::unsupported, "torch: %s cannot be written", name(v.kind));
    }
  }
  std::string end() {
    out_ += '.';
    return std::move(out_);
  }

  void begin_dict(bool empty) {
    remembered("collections\nOrderedDict\n", true);
    out_ += ")R";
    if (!empty) out_ += '(';
  }
  void tensor(const StateTensor& tensor, std::size_t storage, std::uint64_t count) {
    text(tensor.name);
    tensor_value(tensor.type, tensor.shape, storage, count);
  }
  std::string end_dict(bool empty) {
    if (!empty) out_ += 'u';
    return end();
  }

 private:
  void tensor_value(DType type, const std::vector<std::int64_t>& shape, std::size_t storage, std::uint64_t count) {
    remembered("torch._utils\n_rebuild_tensor_v2\n", true);
    out_ += "((";
    remembered("storage", false);
    remembered(std::string("torch\n") + storage_class(type) + "\n", true);
    text(std::to_string(storage));
    remembered("cpu", false);
    integer(count);
    out_ += "tQK";
    out_ += '\0';
    tuple(shape);
    std::vector<std::int64_t> strides(shape.size(), 1);
    for (std::size_t d = strides.size(); d-- > 1;) strides[d - 1] = strides[d] * std::max<std::int64_t>(shape[d], 1);
    tuple(strides);
    out_ += '\x89';
    remembered("collections\nOrderedDict\n", true);
    out_ += ")RtR";
  }
  static const char* storage_class(DType type) {
    for (const KnownName& known : known_names)
      if (known.meaning == PickleName::storage_class && known.type == type) return known.name.data();
    return "FloatStorage";
  }
  void put32(std::uint32_t value) {
    std::array<char, 4> bytes;
    std::memcpy(bytes.data(), &value, 4);
    out_.append(bytes.data(), 4);
  }
  void text(std::string_view text) {
    out_ += 'X';
    put32(static_cast<std::uint32_t>(text.size()));
    out_ += text;
  }
  void integer(std::uint64_t value) {
    if (value < 0x100) {
      out_ += 'K';
      out_ += static_cast<char>(value);
    } else if (value < 0x80000000U) {
      out_ += 'J';
      put32(static_cast<std::uint32_t>(value));
    } else {
      out_ += "\x8a\x08";  // sizes stay below 2^63, so the ninth byte of a sign is not needed
      put32(static_cast<std::uint32_t>(value));
      put32(static_cast<std::uint32_t>(value >> 32));
    }
  }
  void signed_integer(std::int64_t value) {
    if (value >= 0) return integer(static_cast<std::uint64_t>(value));
    out_ += "\x8a\x08";
    put32(static_cast<std::uint32_t>(static_cast<std::uint64_t>(value)));
    put32(static_cast<std::uint32_t>(static_cast<std::uint64_t>(value) >> 32));
  }
  void tuple(const std::vector<std::int64_t>& numbers) {
    out_ += '(';
    for (const std::int64_t number : numbers) integer(static_cast<std::uint64_t>(number));
    out_ += 't';
  }
  /// A name or text that comes often: written once, then taken from the memo.
  void remembered(const std::string& what, bool is_name) {
    const auto [place, is_new] = memo_.emplace(what, memo_.size());
    const char number = static_cast<char>(place->second);  // a dozen at most
    if (!is_new) {
      out_ += 'h';
    } else {
      if (is_name)
        out_.append("c").append(what);
      else
        text(what);
      out_ += 'q';
    }
    out_ += number;
  }

  std::string out_;
  std::map<std::string, std::size_t> memo_;
};

/// The archive of a pickle and its storages.
template <class Sink>
Result<void> write_torch_archive(const std::string& program, const std::vector<Bytes>& storages, Sink& sink) {
  ZipWriter<Sink> archive(sink);
  TESSERA_TRY(archive.add("archive/data.pkl", program));
  TESSERA_TRY(archive.add("archive/byteorder", std::string_view("little")));
  for (std::size_t i = 0; i < storages.size(); ++i)
    TESSERA_TRY(archive.add("archive/data/" + std::to_string(i), storages[i]));
  TESSERA_TRY(archive.add("archive/version", std::string_view("3\n")));
  return archive.finish();
}

template <class Sink>
Result<void> write_torch_to(const State& state, Sink& sink) {
  // Tensors of one data pointer and type are one storage, as long as its longest.
  std::map<std::pair<const void*, DType>, std::size_t> places;
  std::vector<std::size_t> storage_of(state.size());
  std::vector<Bytes> storages;
  for (std::size_t i = 0; i < state.size(); ++i) {
    const StateTensor& tensor = state[i];
    if (tensor.name.size() > (std::numeric_limits<std::uint32_t>::max)())
      return Error::format(Code::invalid_argument, "torch: a name of %zu bytes", tensor.name.size());
    std::size_t place = storages.size();
    if (tensor.bytes != 0) place = places.emplace(std::pair{tensor.data, tensor.type}, place).first->second;
    if (place == storages.size())
      storages.push_back(tensor.view());
    else if (storages[place].size() < tensor.bytes)
      storages[place] = tensor.view();
    storage_of[i] = place;
  }
  TorchPickler pickler;
  pickler.begin_dict(state.empty());
  for (std::size_t i = 0; i < state.size(); ++i)
    pickler.tensor(state[i], storage_of[i], storages[storage_of[i]].size() / size_of(state[i].type));
  return write_torch_archive(pickler.end_dict(state.empty()), storages, sink);
}

}  // namespace detail

/// Whether bytes begin as a stream of torch before 1.6 does: a pickle of the magic number.
inline bool looks_like_torch_stream(Bytes data) noexcept {
  return text_of(data.subspan(0, std::min<std::size_t>(data.size(), 64))).find(detail::torch_magic) !=
         std::string_view::npos;
}

/// Reads a file in memory. The tensors point into `data`, which `owner` keeps alive; without an owner the caller does.
inline Result<State> read_torch(Bytes data, std::shared_ptr<const void> owner = nullptr,
                                const TorchOptions& options = {}) noexcept {
  return guarded([&]() -> Result<State> {
    auto state = detail::TorchReader(data, options).read();
    if (state) TESSERA_TRY(state->keep(std::move(owner)));
    return state;
  });
}

/// Reads a file; what is aligned and contiguous in it is not copied.
inline Result<State> read_torch(const std::string& path, const TorchOptions& options = {}) noexcept {
  return guarded([&]() -> Result<State> {
    auto mapped = MappedFile::open(path);
    if (!mapped) return mapped.error();
    const auto file = std::make_shared<const MappedFile>(std::move(*mapped));
    auto state = detail::TorchReader(file->bytes(), options).read();
    if (!state) return state.error().in(path.c_str());
    TESSERA_TRY(state->keep(file));
    return state;
  });
}

/// Writes a state dict. Metadata of the state has no place in it and is left out.
inline Result<void> write_torch(const State& state, const std::string& path) noexcept {
  return guarded([&]() -> Result<void> {
    auto file = AtomicFile::create(path);
    if (!file) return file.error();
    TESSERA_TRY(detail::write_torch_to(state, *file));
    return file->commit();
  });
}
/// Writes a value of a pickle as torch.save writes such; arrays of NumPy become tensors, which torch.load opens without
/// trusting the file. `pickle_size`: of the bytes that the pickle was read from.
template <ByteSink Sink>
Result<void> write_torch_value(const Pickle& pickle, std::uint32_t number, std::size_t pickle_size,
                               Sink& sink) noexcept {
  return guarded([&]() -> Result<void> {
    detail::TorchPickler pickler;
    std::vector<Bytes> storages;
    TESSERA_TRY(pickler.value(pickle, number, storages, (std::size_t{64} << 20) + 32 * pickle_size));
    return detail::write_torch_archive(pickler.end(), storages, sink);
  });
}
template <ByteSink Sink>
Result<void> write_torch(const State& state, Sink& sink) noexcept {
  return guarded([&] { return detail::write_torch_to(state, sink); });
}
inline Result<std::vector<std::byte>> write_torch(const State& state) noexcept {
  return guarded([&]() -> Result<std::vector<std::byte>> {
    MemorySink sink;
    TESSERA_TRY(detail::write_torch_to(state, sink));
    return sink.take();
  });
}

}  // namespace tessera::io
