// Python pickles, as far as state dicts need them: a closed machine that builds values and can call nothing.
//
// Opcodes: CPython's Lib/pickletools.py, protocols 1 to 5. A pickle is a program; this machine runs it over a fixed
// list of names (below), each of which stands for a value made here. Any other name, and any opcode that would call
// or construct something else, ends the reading with an error that names it: os.system is not even looked up.
// Values live in one flat list and refer to each other by number. Nesting, cycles and sharing therefore cost nothing
// here: no recursion, and memory proportional to the pickle. Who walks the values has to mind cycles (torch.hpp does).
// Arrays of NumPy are read as the bytes they are, and the objects of two classes (vocabulary and corpus of
// Transformer-XL's own programs) as the dicts of their attributes: nothing of these libraries runs.
// Not a general unpickler: no sets of anything but numbers and texts to ignore, no other classes, no text protocol 0.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tessera/base/bit_cast.hpp"
#include "tessera/base/dtype.hpp"
#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/utf8.hpp"

namespace tessera::inline TESSERA_ISA::io {

enum class PickleKind : std::uint8_t {
  none,
  boolean,  // integer: 0 or 1
  integer,  // integer
  big,      // text: the bytes of an integer that 64 bits do not hold, little-endian two's complement
  real,     // real
  text,     // text
  bytes,    // text
  list,     // items
  tuple,    // items
  set,      // items
  dict,     // items: key, value, key, value, ...
  global,   // name: one of the known names
  storage,  // items: the tuple of its persistent id
  tensor,   // items: storage, offset, size, stride
  array,    // of NumPy, in C order: type, text: its bytes, items: the tuple of its sizes (none before it is filled)
  dtype,    // of NumPy: type
  object,   // of a known class; name in text; items: the dict of its attributes, once they are set
};

/// "a list", "a tensor", ... for sentences.
constexpr const char* name(PickleKind kind) noexcept {
  switch (kind) {
    case PickleKind::none: return "None";
    case PickleKind::boolean: return "a boolean";
    case PickleKind::integer:
    case PickleKind::big: return "an integer";
    case PickleKind::real: return "a float";
    case PickleKind::text: return "a text";
    case PickleKind::bytes: return "bytes";
    case PickleKind::list: return "a list";
    case PickleKind::tuple: return "a tuple";
    case PickleKind::set: return "a set";
    case PickleKind::dict: return "a dict";
    case PickleKind::global: return "a name";
    case PickleKind::storage: return "a storage";
    case PickleKind::tensor: return "a tensor";
    case PickleKind::array: return "an array";
    case PickleKind::dtype: return "an element type";
    case PickleKind::object: return "an object";
  }
  return "a value";
}

/// What a known name stands for.
enum class PickleName : std::uint8_t {
  ordered_dict,
  counter,
  rebuild_tensor,
  rebuild_parameter,
  size,
  encode,
  storage_class,  // with an element type
  dtype,          // torch.float32 and its like, as a value
  array_class,    // numpy.ndarray
  array_make,     // an empty array, filled later
  array_type,     // numpy.dtype
  array_number,   // a number of NumPy
  object_class,   // a class whose objects are dicts of attributes
};

struct PickleValue {
  PickleKind kind = PickleKind::none;
  PickleName global = PickleName::ordered_dict;
  DType type = DType::f32;  // of a storage class
  union {
    std::int64_t integer = 0;
    double real;
  };
  std::string_view text;             // in the pickle's memory
  std::vector<std::uint32_t> items;  // numbers of other values
};

/// The values of one pickle. Texts point into the bytes it was read from, or into `decoded`.
struct Pickle {
  std::vector<PickleValue> values;
  std::uint32_t root = 0;
  std::size_t length = 0;  ///< bytes up to and with STOP; more may follow in a stream
  /// Bytes that the pickle spells as a text, decoded.
  std::vector<std::unique_ptr<const std::string>> decoded;

  const PickleValue& operator[](std::uint32_t number) const noexcept { return values[number]; }
  const PickleValue& top() const noexcept { return values[root]; }
};

struct PickleLimits {
  /// Values of a pickle; a checkpoint of a thousand tensors has thirty thousand.
  std::size_t most_values = std::size_t{1} << 22;
};

namespace detail {

struct KnownName {
  std::string_view module;
  std::string_view name;
  PickleName meaning;
  DType type = DType::f32;
};

inline constexpr KnownName known_names[] = {
    {"collections", "OrderedDict", PickleName::ordered_dict},
    {"collections", "Counter", PickleName::counter},
    {"torch._utils", "_rebuild_tensor_v2", PickleName::rebuild_tensor},
    {"torch._utils", "_rebuild_tensor", PickleName::rebuild_tensor},
    {"torch._utils", "_rebuild_parameter", PickleName::rebuild_parameter},
    {"torch._utils", "_rebuild_parameter_with_state", PickleName::rebuild_parameter},
    {"torch", "Size", PickleName::size},
    {"_codecs", "encode", PickleName::encode},
    {"numpy", "ndarray", PickleName::array_class},
    {"numpy", "dtype", PickleName::array_type},
    {"numpy.core.multiarray", "_reconstruct", PickleName::array_make},
    {"numpy._core.multiarray", "_reconstruct", PickleName::array_make},
    {"numpy.core.multiarray", "scalar", PickleName::array_number},
    {"numpy._core.multiarray", "scalar", PickleName::array_number},
    {"data_utils", "Corpus", PickleName::object_class},
    {"data_utils", "Vocab", PickleName::object_class},
    {"vocabulary", "Vocab", PickleName::object_class},
    {"torch", "DoubleStorage", PickleName::storage_class, DType::f64},
    {"torch", "FloatStorage", PickleName::storage_class, DType::f32},
    {"torch", "HalfStorage", PickleName::storage_class, DType::f16},
    {"torch", "BFloat16Storage", PickleName::storage_class, DType::bf16},
    {"torch", "LongStorage", PickleName::storage_class, DType::i64},
    {"torch", "IntStorage", PickleName::storage_class, DType::i32},
    {"torch", "ShortStorage", PickleName::storage_class, DType::i16},
    {"torch", "CharStorage", PickleName::storage_class, DType::i8},
    {"torch", "ByteStorage", PickleName::storage_class, DType::u8},
    {"torch", "BoolStorage", PickleName::storage_class, DType::boolean},
    {"torch", "float64", PickleName::dtype},
    {"torch", "float32", PickleName::dtype},
    {"torch", "float16", PickleName::dtype},
    {"torch", "bfloat16", PickleName::dtype},
    {"torch", "int64", PickleName::dtype},
    {"torch", "int32", PickleName::dtype},
    {"torch", "int16", PickleName::dtype},
    {"torch", "int8", PickleName::dtype},
    {"torch", "uint8", PickleName::dtype},
    {"torch", "bool", PickleName::dtype},
};

/// Known here and refused: the sentence can say more than "not on the list".
inline constexpr std::string_view storages_without_type[] = {
    "ComplexFloatStorage", "ComplexDoubleStorage", "QInt8Storage", "QUInt8Storage", "QInt32Storage", "UntypedStorage"};

class PickleMachine {
 public:
  PickleMachine(Bytes data, const PickleLimits& limits) : data_(data), limits_(limits) {}

  Result<Pickle> run() {
    while (!stopped_)
      if (!step()) return error_;
    pickle_.length = at_;
    return std::move(pickle_);
  }

 private:
  static constexpr std::uint32_t nothing = (std::numeric_limits<std::uint32_t>::max)();

  // Every function below that returns bool has set error_ when it returns false.

  TESSERA_PRINTF(3, 4) bool refuse(Code code, const char* pattern, ...) noexcept {
    char why[400];
    std::va_list arguments;
    va_start(arguments, pattern);
    std::vsnprintf(why, sizeof why, pattern, arguments);
    va_end(arguments);
    error_ = Error::format(code, "pickle: byte %zu: %s", opcode_at_, why);
    return false;
  }
  bool refuse_opcode(const char* opcode) noexcept {
    return refuse(Code::unsupported, "opcode %s is refused: no state dict needs it", opcode);
  }

  // --- reading the program ---

  bool take(std::uint64_t count, Bytes& out) {
    if (count > data_.size() - at_)
      return refuse(Code::bad_format, "%llu bytes expected, %zu found: the pickle is cut off or lies about a length",
                    static_cast<unsigned long long>(count), data_.size() - at_);
    out = data_.subspan(at_, static_cast<std::size_t>(count));
    at_ += static_cast<std::size_t>(count);
    return true;
  }
  template <class T>
  bool read(T& out) {
    Bytes bytes;
    if (!take(sizeof(T), bytes)) return false;
    out = load_le<T>(bytes.data());
    return true;
  }
  /// A length of type T and then that many bytes.
  template <class T>
  bool read_counted(std::string_view& out) {
    T length = 0;
    Bytes bytes;
    if (!read(length)) return false;
    if (!take(length, bytes)) return false;
    out = text_of(bytes);
    return true;
  }
  bool read_line(std::string_view& out) {
    const std::string_view rest = text_of(data_.subspan(at_));
    const std::size_t length = rest.find('\n');
    if (length == std::string_view::npos) return refuse(Code::bad_format, "a line without end");
    out = rest.substr(0, length);
    at_ += length + 1;
    return true;
  }

  // --- the stack ---

  bool push(std::uint32_t number) {
    stack_.push_back(number);
    return true;
  }
  bool push(PickleValue value) {
    if (pickle_.values.size() >= limits_.most_values)
      return refuse(Code::bad_format, "more than %zu values", limits_.most_values);
    pickle_.values.push_back(std::move(value));
    return push(static_cast<std::uint32_t>(pickle_.values.size() - 1));
  }
  bool push_integer(std::int64_t integer, PickleKind kind = PickleKind::integer) {
    PickleValue value;
    value.kind = kind;
    value.integer = integer;
    return push(std::move(value));
  }
  bool push_text(PickleKind kind, std::string_view text) {
    PickleValue value;
    value.kind = kind;
    value.text = text;
    return push(std::move(value));
  }
  bool push_items(PickleKind kind, std::vector<std::uint32_t> items) {
    PickleValue value;
    value.kind = kind;
    value.items = std::move(items);
    return push(std::move(value));
  }
  /// The values above the last mark, which they must not reach below.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  bool pop(std::uint32_t& out) {
    if (stack_.size() <= floor()) return refuse(Code::bad_format, "the stack is empty");
    out = stack_.back();
    stack_.pop_back();
    return true;
  }
  bool pop_to_mark(std::vector<std::uint32_t>& out) {
    if (marks_.empty()) return refuse(Code::bad_format, "no mark on the stack");
    const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    out.assign(from, stack_.end());
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return true;
  }
  bool peek(std::uint32_t& out) {
    if (stack_.size() <= floor()) return refuse(Code::bad_format, "the stack is empty");
    out = stack_.back();
    return true;
  }
  PickleValue& value(std::uint32_t number) { return pickle_.values[number]; }

  bool put(std::uint32_t place) {
    std::uint32_t top = nothing;
    if (!peek(top)) return false;
    memo_.insert_or_assign(place, top);
    return true;
  }
  bool get(std::uint32_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) return refuse(Code::bad_format, "memo entry %u was never put", place);
    return push(found->second);
  }

  // --- containers ---

  bool make_tuple(std::size_t count) {
    std::vector<std::uint32_t> items(count);
    for (std::size_t i = count; i-- > 0;)
      if (!pop(items[i])) return false;
    return push_items(PickleKind::tuple, std::move(items));
  }
  /// Adds to the container on top of the stack.
  bool extend(PickleKind kind, std::span<const std::uint32_t> items) {
    std::uint32_t container = nothing;
    if (!peek(container)) return false;
    if (value(container).kind != kind)
      return refuse(Code::bad_format, "items are added to %s, %s expected", name(value(container).kind), name(kind));
    if (kind == PickleKind::dict && items.size() % 2 != 0) return refuse(Code::bad_format, "a key without value");
    auto& all = value(container).items;
    all.insert(all.end(), items.begin(), items.end());
    return true;
  }

  // --- names and what may be done with them ---

  bool push_global(std::string_view module, std::string_view wanted) {
    // Storages saved on a GPU may say so in their module.
    const std::string_view plain = module == "torch.cuda" && wanted.ends_with("Storage") ? "torch" : module;
    for (const KnownName& known : known_names) {
      if (known.module != plain || known.name != wanted) continue;
      PickleValue value;
      value.kind = PickleKind::global;
      value.global = known.meaning;
      value.type = known.type;
      value.text = wanted;
      return push(std::move(value));
    }
    const std::string full =
        in_quotes(std::string(module.substr(0, 80)) + "." + std::string(wanted.substr(0, 80)), 160);
    if (std::find(std::begin(storages_without_type), std::end(storages_without_type), wanted) !=
        std::end(storages_without_type))
      return refuse(Code::unsupported, "%s: no tensor here has that element type", full.c_str());
    return refuse(Code::unsupported, "the name %s is refused: only what state dicts are made of can be read",
                  full.c_str());
  }

  bool reduce() {
    std::uint32_t arguments = nothing;
    std::uint32_t callee = nothing;
    if (!pop(arguments) || !pop(callee)) return false;
    if (value(callee).kind != PickleKind::global || value(arguments).kind != PickleKind::tuple)
      return refuse(Code::bad_format, "a call of %s with %s", name(value(callee).kind), name(value(arguments).kind));
    const std::string_view called = value(callee).text;
    if (value(arguments).items.size() > 8)
      return refuse(Code::bad_format, "a call with %zu arguments", value(arguments).items.size());
    // A copy: push() may move the values.
    const std::vector<std::uint32_t> items = value(arguments).items;
    const auto wrong = [&] {
      return refuse(Code::bad_format, "%.*s is called with arguments it does not take",
                    static_cast<int>(std::min<std::size_t>(called.size(), 60)), called.data());
    };
    const auto kind_of_item = [&](std::size_t i) { return value(items[i]).kind; };
    switch (value(callee).global) {
      case PickleName::ordered_dict: return make_ordered_dict(items) || (!error_ ? wrong() : false);
      case PickleName::counter:
        // Counter() and Counter({...}): a dict of numbers.
        if (items.empty()) return push_items(PickleKind::dict, {});
        if (items.size() != 1 || kind_of_item(0) != PickleKind::dict) return wrong();
        return push(items[0]);
      case PickleName::rebuild_tensor: {
        // storage, offset, size, stride; then requires_grad, hooks, metadata, none of which changes the numbers
        if (items.size() < 4 || items.size() > 7 || kind_of_item(0) != PickleKind::storage ||
            kind_of_item(1) != PickleKind::integer || kind_of_item(2) != PickleKind::tuple ||
            kind_of_item(3) != PickleKind::tuple)
          return wrong();
        return push_items(PickleKind::tensor, {items[0], items[1], items[2], items[3]});
      }
      case PickleName::rebuild_parameter:
        if (items.empty() || items.size() > 4 || kind_of_item(0) != PickleKind::tensor) return wrong();
        return push(items[0]);
      case PickleName::size:
        if (items.size() != 1 || kind_of_item(0) != PickleKind::tuple) return wrong();
        return push(items[0]);
      case PickleName::encode:
        // How protocol 2 writes bytes: a text to be encoded as Latin-1.
        if (items.size() != 2 || kind_of_item(0) != PickleKind::text || kind_of_item(1) != PickleKind::text)
          return wrong();
        return push_latin1(value(items[0]).text);
      case PickleName::array_make: {
        // ndarray, (0,), b"b": the array is filled by BUILD
        if (items.size() != 3 || kind_of_item(0) != PickleKind::global ||
            value(items[0]).global != PickleName::array_class)
          return wrong();
        return push_items(PickleKind::array, {});
      }
      case PickleName::array_type: {
        // "f4", and whether to align and to copy; the byte order comes by BUILD
        if (items.empty() || kind_of_item(0) != PickleKind::text) return wrong();
        PickleValue type;
        type.kind = PickleKind::dtype;
        if (!array_type_named(value(items[0]).text, type.type))
          return refuse(Code::unsupported, "an array of elements %s, which is not read",
                        in_quotes(value(items[0]).text, 40).c_str());
        return push(std::move(type));
      }
      case PickleName::array_number:
        if (items.size() != 2 || kind_of_item(0) != PickleKind::dtype ||
            (kind_of_item(1) != PickleKind::bytes && kind_of_item(1) != PickleKind::text))
          return wrong();
        return push_array_number(value(items[0]).type, value(items[1]).text);
      case PickleName::storage_class:
      case PickleName::dtype:
      case PickleName::array_class:
      case PickleName::object_class: break;
    }
    return wrong();
  }

  // --- arrays of NumPy, and objects ---

  static bool array_type_named(std::string_view name, DType& type) noexcept {
    constexpr std::pair<std::string_view, DType> types[] = {
        {"f4", DType::f32}, {"f8", DType::f64}, {"f2", DType::f16}, {"i8", DType::i64},    {"i4", DType::i32},
        {"i2", DType::i16}, {"i1", DType::i8},  {"u1", DType::u8},  {"b1", DType::boolean}};
    for (const auto& [known, meaning] : types) {
      if (known != name) continue;
      type = meaning;
      return true;
    }
    return false;
  }

  /// A text that stands for bytes, each a character below 256.
  bool push_latin1(std::string_view text) {
    if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
      return push_text(PickleKind::bytes, text);
    std::string bytes;
    bytes.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if (c < 0x80) {
        bytes += text[i];
      } else if ((c == 0xC2 || c == 0xC3) && i + 1 < text.size()) {
        bytes += static_cast<char>((c & 3U) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3FU));
      } else {
        return refuse(Code::bad_format, "bytes with a character beyond 255");
      }
    }
    // Each call may decode one text again: no more than the pickle could hold.
    copied_ += bytes.size();
    if (copied_ > data_.size() + limits_.most_values) return refuse(Code::bad_format, "the same bytes too often");
    pickle_.decoded.push_back(std::make_unique<const std::string>(std::move(bytes)));
    return push_text(PickleKind::bytes, *pickle_.decoded.back());
  }

  bool push_array_number(DType type, std::string_view bytes) {
    if (bytes.size() != size_of(type))
      return refuse(Code::bad_format, "a number of NumPy with %zu bytes", bytes.size());
    std::uint64_t bits = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
    PickleValue number;
    switch (type) {
      case DType::f32: number.real = static_cast<double>(bit_cast<float>(static_cast<std::uint32_t>(bits))); break;
      case DType::f64: number.real = bit_cast<double>(bits); break;
      case DType::f16: number.real = static_cast<double>(from_f16(static_cast<std::uint16_t>(bits))); break;
      case DType::boolean: return push_integer(bits != 0 ? 1 : 0, PickleKind::boolean);
      case DType::u8: return push_integer(static_cast<std::int64_t>(bits));
      default: {
        const std::size_t unused = 64 - 8 * bytes.size();
        return push_integer(static_cast<std::int64_t>(bits << unused) >> unused);
      }
    }
    number.kind = PickleKind::real;
    return push(std::move(number));
  }

  bool make_object() {
    std::uint32_t arguments = nothing;
    std::uint32_t cls = nothing;
    if (!pop(arguments) || !pop(cls)) return false;
    if (value(cls).kind != PickleKind::global || value(cls).global != PickleName::object_class ||
        value(arguments).kind != PickleKind::tuple || !value(arguments).items.empty())
      return refuse_opcode("NEWOBJ");
    return push_text(PickleKind::object, value(cls).text);
  }

  /// (version, sizes, element type, order, bytes)
  bool fill_array(std::uint32_t array, const std::vector<std::uint32_t>& state) {
    const auto kind = [&](std::size_t i) { return value(state[i]).kind; };
    if (!value(array).items.empty() || state.size() != 5 || kind(1) != PickleKind::tuple ||
        kind(2) != PickleKind::dtype || kind(3) != PickleKind::boolean)
      return refuse(Code::unsupported, "an array that is filled in an unknown way");
    if (kind(4) != PickleKind::bytes && kind(4) != PickleKind::text)
      return refuse(Code::unsupported, "an array of %s, numbers expected", name(kind(4)));
    const PickleValue& type = value(state[2]);
    std::uint64_t bytes = size_of(type.type);
    for (const std::uint32_t item : value(state[1]).items) {
      const PickleValue& size = value(item);
      if (size.kind != PickleKind::integer || size.integer < 0 ||
          !checked_mul(bytes, static_cast<std::uint64_t>(size.integer), bytes))
        return refuse(Code::bad_format, "an array of impossible sizes");
    }
    if (bytes != value(state[4]).text.size())
      return refuse(Code::bad_format, "an array whose sizes ask for %llu bytes and which has %zu",
                    static_cast<unsigned long long>(bytes), value(state[4]).text.size());
    if (value(state[3]).integer != 0 && value(state[1]).items.size() > 1)
      return refuse(Code::unsupported, "an array in Fortran's order");
    value(array).type = type.type;
    value(array).text = value(state[4]).text;
    value(array).items = {state[1]};
    return true;
  }

  /// OrderedDict() or, as Python 2 wrote it, OrderedDict([[key, value], ...]). False without an error_ when the
  /// arguments are neither.
  bool make_ordered_dict(const std::vector<std::uint32_t>& arguments) {
    if (arguments.empty()) return push_items(PickleKind::dict, {});
    if (arguments.size() != 1 || value(arguments[0]).kind != PickleKind::list) return false;
    // The one place that copies items: without a bound, a long list and many short calls would take memory out of
    // proportion to the pickle.
    std::vector<std::uint32_t> entries;
    copied_ += value(arguments[0]).items.size();
    if (copied_ > limits_.most_values) return refuse(Code::bad_format, "more than %zu values", limits_.most_values);
    for (const std::uint32_t pair : value(arguments[0]).items) {
      const PickleValue& both = value(pair);
      if ((both.kind != PickleKind::list && both.kind != PickleKind::tuple) || both.items.size() != 2) return false;
      entries.insert(entries.end(), both.items.begin(), both.items.end());
    }
    return push_items(PickleKind::dict, std::move(entries));
  }

  /// Attributes of an object: of an OrderedDict, torch sets _metadata. They hold no tensors and are passed over.
  bool build() {
    std::uint32_t state = nothing;
    std::uint32_t object = nothing;
    if (!pop(state) || !peek(object)) return false;
    if (value(object).kind == PickleKind::array && value(state).kind == PickleKind::tuple)
      return fill_array(object, std::vector<std::uint32_t>(value(state).items));
    if (value(object).kind == PickleKind::dtype && value(state).kind == PickleKind::tuple) {
      // (version, byte order, ...): "<", or "|" for single bytes
      const std::vector<std::uint32_t>& items = value(state).items;
      const std::string_view order = items.size() > 1 ? value(items[1]).text : std::string_view();
      return order == "<" || order == "|" || refuse(Code::unsupported, "an array that is not little-endian");
    }
    if (value(object).kind == PickleKind::object && value(object).items.empty() &&
        value(state).kind == PickleKind::dict) {
      value(object).items = {state};
      return true;
    }
    if (value(object).kind != PickleKind::dict || value(state).kind != PickleKind::dict)
      return refuse(Code::unsupported, "attributes are set on %s by %s", name(value(object).kind),
                    name(value(state).kind));
    return true;
  }

  bool persistent_id() {
    std::uint32_t id = nothing;
    if (!pop(id)) return false;
    const PickleValue& tuple = value(id);
    const bool is_storage =
        tuple.kind == PickleKind::tuple && tuple.items.size() >= 5 && tuple.items.size() <= 6 &&
        value(tuple.items[0]).kind == PickleKind::text && value(tuple.items[0]).text == "storage" &&
        value(tuple.items[1]).kind == PickleKind::global && value(tuple.items[1]).global == PickleName::storage_class &&
        value(tuple.items[2]).kind == PickleKind::text && value(tuple.items[4]).kind == PickleKind::integer;
    if (!is_storage)
      return refuse(Code::unsupported, "a persistent id that is not ('storage', class, key, place, count)");
    PickleValue storage;
    storage.kind = PickleKind::storage;
    storage.type = value(tuple.items[1]).type;
    storage.items = tuple.items;
    return push(std::move(storage));
  }

  // --- numbers ---

  bool push_long(std::string_view bytes) {
    if (bytes.size() > 8) return push_text(PickleKind::big, bytes);
    std::uint64_t bits = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) bits = (bits << 8) | static_cast<unsigned char>(bytes[i]);
    if (!bytes.empty() && bytes.size() < 8 && (static_cast<unsigned char>(bytes.back()) & 0x80U) != 0)
      bits |= ~std::uint64_t{0} << (8 * bytes.size());
    return push_integer(static_cast<std::int64_t>(bits));
  }
  bool push_decimal(std::string_view digits) {
    std::int64_t integer = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), integer);
    if (code != std::errc() || end != digits.data() + digits.size())
      return refuse(Code::bad_format, "%s is no integer", in_quotes(digits, 40).c_str());
    return push_integer(integer);
  }

  // --- one opcode ---

  bool step() {
    opcode_at_ = at_;
    std::uint8_t opcode = 0;
    if (at_ >= data_.size()) return refuse(Code::bad_format, "the pickle ends without STOP");
    if (!read(opcode)) return false;
    std::vector<std::uint32_t> items;
    std::uint32_t a = nothing;
    std::uint32_t b = nothing;
    std::string_view text;
    std::string_view more;
    switch (opcode) {
      case 0x80: {  // PROTO
        std::uint8_t protocol = 0;
        if (!read(protocol)) return false;
        return protocol <= 5 || refuse(Code::unsupported, "protocol %u, at most 5 is known", unsigned{protocol});
      }
      case 0x95: {  // FRAME: a hint how much to read ahead
        std::uint64_t length = 0;
        if (!read(length)) return false;
        return length <= data_.size() - at_ || refuse(Code::bad_format, "a frame longer than the pickle");
      }
      case '.':  // STOP
        if (!pop(pickle_.root)) return false;
        if (!stack_.empty() || !marks_.empty()) return refuse(Code::bad_format, "STOP with values left over");
        stopped_ = true;
        return true;

      case '(':  // MARK
        marks_.push_back(stack_.size());
        return true;
      case '0':  // POP, of a mark if nothing is above it
        if (!marks_.empty() && stack_.size() == marks_.back()) {
          marks_.pop_back();
          return true;
        }
        return pop(a);
      case '1': return pop_to_mark(items);  // POP_MARK
      case '2': return peek(a) && push(a);  // DUP

      case 'N': return push(PickleValue());                    // NONE
      case 0x88: return push_integer(1, PickleKind::boolean);  // NEWTRUE
      case 0x89: return push_integer(0, PickleKind::boolean);  // NEWFALSE
      case 'K': {                                              // BININT1
        std::uint8_t n = 0;
        return read(n) && push_integer(n);
      }
      case 'M': {  // BININT2
        std::uint16_t n = 0;
        return read(n) && push_integer(n);
      }
      case 'J': {  // BININT
        std::int32_t n = 0;
        return read(n) && push_integer(n);
      }
      case 'I':  // INT; protocol 1 writes booleans so
        if (!read_line(text)) return false;
        if (text == "00" || text == "01") return push_integer(text == "01" ? 1 : 0, PickleKind::boolean);
        return push_decimal(text);
      case 'L':  // LONG
        if (!read_line(text)) return false;
        if (text.ends_with('L')) text.remove_suffix(1);
        return push_decimal(text);
      case 0x8a: return read_counted<std::uint8_t>(text) && push_long(text);   // LONG1
      case 0x8b: return read_counted<std::uint32_t>(text) && push_long(text);  // LONG4; its sign bit must be clear
      case 'G': {                                                              // BINFLOAT, big-endian
        Bytes bytes;
        if (!take(8, bytes)) return false;
        std::uint64_t bits = 0;
        for (const std::byte byte : bytes) bits = (bits << 8) | std::to_integer<std::uint64_t>(byte);
        PickleValue value;
        value.kind = PickleKind::real;
        value.real = tessera::bit_cast<double>(bits);
        return push(std::move(value));
      }

      case 0x8c: return read_counted<std::uint8_t>(text) && push_text(PickleKind::text, text);    // SHORT_BINUNICODE
      case 'X': return read_counted<std::uint32_t>(text) && push_text(PickleKind::text, text);    // BINUNICODE
      case 0x8d: return read_counted<std::uint64_t>(text) && push_text(PickleKind::text, text);   // BINUNICODE8
      case 'U': return read_counted<std::uint8_t>(text) && push_text(PickleKind::text, text);     // SHORT_BINSTRING
      case 'T': return read_counted<std::uint32_t>(text) && push_text(PickleKind::text, text);    // BINSTRING
      case 'C': return read_counted<std::uint8_t>(text) && push_text(PickleKind::bytes, text);    // SHORT_BINBYTES
      case 'B': return read_counted<std::uint32_t>(text) && push_text(PickleKind::bytes, text);   // BINBYTES
      case 0x8e:                                                                                  // BINBYTES8
      case 0x96: return read_counted<std::uint64_t>(text) && push_text(PickleKind::bytes, text);  // BYTEARRAY8

      case ']': return push_items(PickleKind::list, {});                                       // EMPTY_LIST
      case 'l': return pop_to_mark(items) && push_items(PickleKind::list, std::move(items));   // LIST
      case 'a': return pop(a) && extend(PickleKind::list, std::array{a});                      // APPEND
      case 'e': return pop_to_mark(items) && extend(PickleKind::list, items);                  // APPENDS
      case ')': return push_items(PickleKind::tuple, {});                                      // EMPTY_TUPLE
      case 't': return pop_to_mark(items) && push_items(PickleKind::tuple, std::move(items));  // TUPLE
      case 0x85: return make_tuple(1);                                                         // TUPLE1
      case 0x86: return make_tuple(2);                                                         // TUPLE2
      case 0x87: return make_tuple(3);                                                         // TUPLE3
      case '}': return push_items(PickleKind::dict, {});                                       // EMPTY_DICT
      case 'd':                                                                                // DICT
        if (!pop_to_mark(items)) return false;
        return push_items(PickleKind::dict, {}) && extend(PickleKind::dict, items);
      case 's': return pop(b) && pop(a) && extend(PickleKind::dict, std::array{a, b});        // SETITEM
      case 'u': return pop_to_mark(items) && extend(PickleKind::dict, items);                 // SETITEMS
      case 0x8f: return push_items(PickleKind::set, {});                                      // EMPTY_SET
      case 0x90: return pop_to_mark(items) && extend(PickleKind::set, items);                 // ADDITEMS
      case 0x91: return pop_to_mark(items) && push_items(PickleKind::set, std::move(items));  // FROZENSET

      case 'q': {  // BINPUT
        std::uint8_t place = 0;
        return read(place) && put(place);
      }
      case 'r': return read(a) && put(a);                               // LONG_BINPUT
      case 0x94: return put(static_cast<std::uint32_t>(memo_.size()));  // MEMOIZE
      case 'h': {                                                       // BINGET
        std::uint8_t place = 0;
        return read(place) && get(place);
      }
      case 'j': return read(a) && get(a);  // LONG_BINGET

      case 'c': return read_line(text) && read_line(more) && push_global(text, more);  // GLOBAL
      case 0x93:                                                                       // STACK_GLOBAL
        if (!pop(b) || !pop(a)) return false;
        if (value(a).kind != PickleKind::text || value(b).kind != PickleKind::text)
          return refuse(Code::bad_format, "a name made of %s and %s", name(value(a).kind), name(value(b).kind));
        return push_global(value(a).text, value(b).text);
      case 'R': return reduce();         // REDUCE
      case 'b': return build();          // BUILD
      case 'Q': return persistent_id();  // BINPERSID

      case 'i':  // INST
        if (!read_line(text) || !read_line(more)) return false;
        return refuse(Code::unsupported, "opcode INST is refused: it would construct %s",
                      in_quotes(std::string(text.substr(0, 80)) + "." + std::string(more.substr(0, 80))).c_str());
      case 'o': return refuse_opcode("OBJ");
      case 0x81: return make_object();  // NEWOBJ
      case 0x92: return refuse_opcode("NEWOBJ_EX");
      case 0x82:
      case 0x83:
      case 0x84: return refuse_opcode("EXT");
      case 0x97: return refuse_opcode("NEXT_BUFFER");
      case 0x98: return refuse_opcode("READONLY_BUFFER");
      case 'P': return refuse_opcode("PERSID");
      case 'F': return refuse_opcode("FLOAT (protocol 0)");
      case 'S': return refuse_opcode("STRING (protocol 0)");
      case 'V': return refuse_opcode("UNICODE (protocol 0)");
      case 'p': return refuse_opcode("PUT (protocol 0)");
      case 'g': return refuse_opcode("GET (protocol 0)");
      default: return refuse(Code::bad_format, "0x%02x is no opcode", unsigned{opcode});
    }
  }

  Bytes data_;
  PickleLimits limits_;
  std::size_t at_ = 0;
  std::size_t opcode_at_ = 0;
  std::size_t copied_ = 0;
  bool stopped_ = false;
  Pickle pickle_;
  std::vector<std::uint32_t> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, std::uint32_t> memo_;
  Error error_;
};

}  // namespace detail

/// Reads the pickle that begins at the first byte. Its texts point into `data`.
inline Result<Pickle> read_pickle(Bytes data, const PickleLimits& limits = {}) noexcept {
  return guarded([&]() -> Result<Pickle> { return detail::PickleMachine(data, limits).run(); });
}

}  // namespace tessera::io
