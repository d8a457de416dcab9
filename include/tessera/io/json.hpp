// JSON without exceptions: a parser with limits, getters that name the key, and a writer that agrees with Python's.
//
// A thin front over nlohmann-json, which keeps keys in file order and keys nobody asked for. The tree is
// built here from nlohmann's parser events: its own builder knows no limit on depth, keeps silent about keys that come
// twice, and looks each key up linearly, which a hostile file of many keys turns into minutes.
// Not a validator of configs: what a key means is the model's business.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/shortest.hpp"
#include "tessera/io/utf8.hpp"

namespace tessera::inline TESSERA_ISA::io {

/// The standard allocator under a name of ours, which makes Json a type of ours.
template <class T>
struct JsonAllocator : std::allocator<T> {
  using value_type = T;
  JsonAllocator() = default;
  template <class U>
  JsonAllocator(const JsonAllocator<U>&) noexcept {}
  template <class U>
  struct rebind {
    using other = JsonAllocator<U>;
  };
};

/// nlohmann::ordered_json, but for the way in which values are destroyed.
using Json = nlohmann::basic_json<nlohmann::ordered_map, std::vector, std::string, bool, std::int64_t, std::uint64_t,
                                  double, JsonAllocator>;

}  // namespace tessera::io

/// nlohmann's own destructor takes memory for a list of the values inside, so that deep trees cannot exhaust the stack;
/// where there is no memory it throws, and the program ends. Trees here are at most JsonOptions::max_depth deep.
template <>
inline void tessera::io::Json::json_value::destroy(tessera::io::Json::value_t type) {
  using tessera::io::Json;
  const auto release = [](auto* value) {
    if (value == nullptr) return;
    std::destroy_at(value);
    tessera::io::JsonAllocator<std::remove_pointer_t<decltype(value)>>().deallocate(value, 1);
  };
  switch (type) {
    case Json::value_t::object: return release(object);
    case Json::value_t::array: return release(array);
    case Json::value_t::string: return release(string);
    case Json::value_t::binary: return release(binary);
    default: return;
  }
}

namespace tessera::inline TESSERA_ISA::io {

struct JsonOptions {
  std::size_t max_depth = 64;      ///< arrays and objects inside each other
  bool refuse_duplicates = false;  ///< false: the last of equal keys wins, as in Python
};

namespace detail {

/// Builds a Json from nlohmann's parser events.
class JsonBuilder {
 public:
  JsonBuilder(Json& root, const JsonOptions& options) : root_(root), options_(options) {}

  const Error& error() const { return error_; }

  // The names and signatures below are those of nlohmann's SAX interface. False stops the parser.
  bool null() { return add(Json(nullptr)); }
  bool boolean(bool value) { return add(Json(value)); }
  bool number_integer(Json::number_integer_t value) { return add(Json(value)); }
  bool number_unsigned(Json::number_unsigned_t value) { return add(Json(value)); }
  bool number_float(Json::number_float_t value, const std::string&) { return add(Json(value)); }
  bool string(std::string& value) { return add(Json(std::move(value))); }
  bool binary(Json::binary_t&) { return refuse(Error::format(Code::bad_format, "JSON: binary value")); }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    Level& level = levels_.back();
    Json::object_t& object = *level.node->get_ptr<Json::object_t*>();
    std::size_t found = object.size();
    // A handful of keys is compared one by one; more get a table.
    if (object.size() < few) {
      for (std::size_t i = 0; i < object.size(); ++i)
        if (static_cast<const Entries&>(object)[i].first == name) found = i;
    } else {
      if (object.size() == few && level.places.empty())
        for (std::size_t i = 0; i < object.size(); ++i) level.places.emplace(static_cast<Entries&>(object)[i].first, i);
      const auto [place, is_new] = level.places.emplace(name, object.size());
      if (!is_new) found = place->second;
    }
    if (found == object.size())
      static_cast<Entries&>(object).emplace_back(std::move(name), Json());
    else if (options_.refuse_duplicates)
      return refuse(
          Error::format(Code::bad_format, "JSON: the key %s comes twice in one object", in_quotes(name).c_str()));
    level.slot = found;
    return true;
  }

  template <class Exception>
  bool parse_error(std::size_t position, const std::string& token, const Exception& problem) {
    // nlohmann starts its sentences with "[json.exception.parse_error.101] ".
    std::string_view text = problem.what();
    if (const std::size_t bracket = text.find("] "); bracket != std::string_view::npos) text.remove_prefix(bracket + 2);
    // ... and go on with the place and what was read last, which are said here: "parse error at line 1, column 8:
    // syntax error while parsing value - invalid literal; last read: 'x'; expected ...".
    if (const std::size_t place = text.find(": "); text.starts_with("parse error") && place != std::string_view::npos)
      text.remove_prefix(place + 2);
    std::string why = in_quotes(text, 300);
    why = why.substr(1, why.size() - 2);
    if (const std::size_t last = why.find("; last read: '"); last != std::string::npos)
      why.erase(last, why.find('\'', last + 14) + 1 - last);
    return refuse(Error::format(Code::bad_format, "JSON: at byte %zu, near %s: %s", position,
                                in_quotes(token, 40).c_str(), why.c_str()));
  }

 private:
  using Entries = Json::object_t::Container;
  static constexpr std::size_t few = 16;

  struct Level {
    Json* node;
    std::size_t slot = 0;  // where the value of the last key goes
    std::unordered_map<std::string, std::size_t> places;
  };

  bool refuse(const Error& error) {
    error_ = error;
    return false;
  }

  Json* place(Json value) {
    if (levels_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Level& level = levels_.back();
    if (auto* const array = level.node->get_ptr<Json::array_t*>(); array != nullptr)
      return &array->emplace_back(std::move(value));
    Json& slot = static_cast<Entries&>(*level.node->get_ptr<Json::object_t*>())[level.slot].second;
    slot = std::move(value);
    return &slot;
  }

  bool add(Json value) {
    place(std::move(value));
    return true;
  }

  // Only the innermost container grows, so the pointers to the outer ones stay good.
  bool open(Json value) {
    if (levels_.size() >= options_.max_depth)
      return refuse(Error::format(Code::bad_format, "JSON: nested deeper than %zu levels", options_.max_depth));
    levels_.push_back(Level{place(std::move(value)), 0, {}});
    return true;
  }

  bool close() {
    levels_.pop_back();
    return true;
  }

  Json& root_;
  JsonOptions options_;
  std::vector<Level> levels_;
  Error error_;
};

inline void write_json_string(std::string& out, std::string_view text, bool ascii) {
  const auto escape = [&](unsigned unit) {
    char digits[16];
    std::snprintf(digits, sizeof digits, "\\u%04x", unit);
    out += digits;
  };
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    switch (byte) {
      case '"': out += "\\\""; continue;
      case '\\': out += "\\\\"; continue;
      case '\b': out += "\\b"; continue;
      case '\f': out += "\\f"; continue;
      case '\n': out += "\\n"; continue;
      case '\r': out += "\\r"; continue;
      case '\t': out += "\\t"; continue;
      default: break;
    }
    if (byte < 0x20 || (byte == 0x7F && ascii)) {
      escape(byte);
    } else if (byte < 0x80 || !ascii) {
      out += static_cast<char>(byte);
    } else {
      const std::size_t more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
      unsigned point = byte & (0x3FU >> more);
      for (std::size_t k = 0; k < more && i + 1 < text.size(); ++k)
        point = (point << 6) | (static_cast<unsigned char>(text[++i]) & 0x3FU);
      if (point >= 0x10000) {
        escape(0xD800U + ((point - 0x10000U) >> 10));
        escape(0xDC00U + ((point - 0x10000U) & 0x3FFU));
      } else {
        escape(point);
      }
    }
  }
  out += '"';
}

/// As repr(float) in Python: the shortest digits that read back to the same double, an exponent outside 1e-4 .. 1e16.
inline void write_json_double(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char text[shortest_room];
  const char* const end = shortest(text, value, true);
  std::string_view shown(text, static_cast<std::size_t>(end - text));
  if (shown.front() == '-') {
    out += '-';
    shown.remove_prefix(1);
  }
  const std::size_t e = shown.find('e');
  std::string digits(1, shown[0]);
  if (e > 1) digits.append(shown.substr(2, e - 2));
  int exponent = 0;
  const std::size_t from = e + (shown[e + 1] == '+' ? 2 : 1);
  std::from_chars(shown.data() + from, shown.data() + shown.size(), exponent);
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (digits.size() > 1) out.append(".").append(digits, 1);
    std::snprintf(text, sizeof text, "e%c%02d", exponent < 0 ? '-' : '+', exponent < 0 ? -exponent : exponent);
    out += text;
  } else if (exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
  } else {
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= whole)
      out.append(digits).append(whole - digits.size(), '0').append(".0");
    else
      out.append(digits, 0, whole).append(".").append(digits, whole);
  }
}

/// Recursive: a Json made by parse_json is no deeper than its limit, one made by hand no deeper than its maker made it.
inline void write_json_value(std::string& out, const Json& value, std::size_t indent, bool sort_keys) {
  const auto line = [&](std::size_t columns) { out.append("\n").append(columns, ' '); };
  if (const auto* const object = value.get_ptr<const Json::object_t*>(); object != nullptr) {
    if (object->empty()) {
      out += "{}";
      return;
    }
    std::vector<const Json::object_t::value_type*> entries;
    entries.reserve(object->size());
    for (const auto& entry : *object) entries.push_back(&entry);
    // Python compares code points; UTF-8 bytes have the same order.
    if (sort_keys)
      std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
    out += '{';
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i != 0) out += ',';
      line(indent + 2);
      write_json_string(out, entries[i]->first, true);
      out += ": ";
      write_json_value(out, entries[i]->second, indent + 2, sort_keys);
    }
    line(indent);
    out += '}';
  } else if (const auto* const array = value.get_ptr<const Json::array_t*>(); array != nullptr) {
    if (array->empty()) {
      out += "[]";
      return;
    }
    out += '[';
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (i != 0) out += ',';
      line(indent + 2);
      write_json_value(out, (*array)[i], indent + 2, sort_keys);
    }
    line(indent);
    out += ']';
  } else if (const auto* const text = value.get_ptr<const Json::string_t*>(); text != nullptr) {
    write_json_string(out, *text, true);
  } else if (const auto* const number = value.get_ptr<const Json::number_float_t*>(); number != nullptr) {
    write_json_double(out, *number);
  } else if (value.is_number_unsigned()) {
    out += std::to_string(*value.get_ptr<const Json::number_unsigned_t*>());
  } else if (value.is_number_integer()) {
    out += std::to_string(*value.get_ptr<const Json::number_integer_t*>());
  } else if (value.is_boolean()) {
    out += *value.get_ptr<const Json::boolean_t*>() ? "true" : "false";
  } else {
    out += "null";
  }
}

inline Error wrong_kind(const Json& value, std::string_view key, const char* expected) {
  return Error::format(Code::bad_format, "JSON: %s is of type %s, %s expected", in_quotes(key).c_str(),
                       value.type_name(), expected);
}

}  // namespace detail

/// Parses one JSON document. Refused: invalid UTF-8, anything but white space after the value, numbers out of double's
/// range, nesting beyond the limit.
inline Result<Json> parse_json(std::string_view text, const JsonOptions& options = {}) noexcept {
  return guarded([&]() -> Result<Json> {
    Json root;
    detail::JsonBuilder builder(root, options);
    if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
      if (builder.error()) return builder.error();
      return Error::format(Code::bad_format, "JSON: not readable");
    }
    return root;
  });
}

/// Parses a file; errors start with its path.
inline Result<Json> read_json(const std::string& path, const JsonOptions& options = {}) noexcept {
  auto text = read_text(path);
  if (!text) return text.error();
  auto json = parse_json(*text, options);
  if (!json) return json.error().in(path.c_str());
  return json;
}

/// The value of a key, or null when `object` has no such key or is no object.
inline const Json* find_key(const Json& object, std::string_view key) noexcept {
  if (const auto* const entries = object.get_ptr<const Json::object_t*>(); entries != nullptr)
    for (const auto& entry : *entries)
      if (entry.first == key) return &entry.second;
  return nullptr;
}

/// The value of a key that must be there.
inline Result<const Json*> get_key(const Json& object, std::string_view key) noexcept {
  return guarded([&]() -> Result<const Json*> {
    if (!object.is_object())
      return Error::format(Code::bad_format, "JSON: %s looked up in a value of type %s, object expected",
                           in_quotes(key).c_str(), object.type_name());
    if (const Json* const value = find_key(object, key); value != nullptr) return value;
    return Error::format(Code::not_found, "JSON: the key %s is missing", in_quotes(key).c_str());
  });
}

/// The value as a C++ type. `key` only names it in errors. 3.0 is no integer, and 3 is a double.
inline Result<std::int64_t> as_int(const Json& value, std::string_view key) noexcept {
  return guarded([&]() -> Result<std::int64_t> {
    if (const auto* const u = value.get_ptr<const Json::number_unsigned_t*>(); u != nullptr) {
      if (*u > static_cast<std::uint64_t>((std::numeric_limits<std::int64_t>::max)()))
        return Error::format(Code::out_of_range, "JSON: %s is %llu, larger than a 64-bit integer holds",
                             in_quotes(key).c_str(), static_cast<unsigned long long>(*u));
      return static_cast<std::int64_t>(*u);
    }
    if (const auto* const i = value.get_ptr<const Json::number_integer_t*>(); i != nullptr) return *i;
    return detail::wrong_kind(value, key, "integer");
  });
}
inline Result<double> as_double(const Json& value, std::string_view key) noexcept {
  return guarded([&]() -> Result<double> {
    if (const auto* const d = value.get_ptr<const Json::number_float_t*>(); d != nullptr) return *d;
    if (const auto* const u = value.get_ptr<const Json::number_unsigned_t*>(); u != nullptr)
      return static_cast<double>(*u);
    if (const auto* const i = value.get_ptr<const Json::number_integer_t*>(); i != nullptr)
      return static_cast<double>(*i);
    return detail::wrong_kind(value, key, "number");
  });
}
inline Result<bool> as_bool(const Json& value, std::string_view key) noexcept {
  return guarded([&]() -> Result<bool> {
    if (const auto* const b = value.get_ptr<const Json::boolean_t*>(); b != nullptr) return *b;
    return detail::wrong_kind(value, key, "boolean");
  });
}
inline Result<std::string> as_string(const Json& value, std::string_view key) noexcept {
  return guarded([&]() -> Result<std::string> {
    if (const auto* const s = value.get_ptr<const Json::string_t*>(); s != nullptr) return *s;
    return detail::wrong_kind(value, key, "string");
  });
}
inline Result<std::vector<std::int64_t>> as_ints(const Json& value, std::string_view key) noexcept {
  return guarded([&]() -> Result<std::vector<std::int64_t>> {
    const auto* const array = value.get_ptr<const Json::array_t*>();
    if (array == nullptr) return detail::wrong_kind(value, key, "array");
    std::vector<std::int64_t> numbers;
    numbers.reserve(array->size());
    for (const Json& element : *array) {
      TESSERA_TRY_ASSIGN(const std::int64_t number, as_int(element, key));
      numbers.push_back(number);
    }
    return numbers;
  });
}

/// The value of a key that must be there and have the type.
inline Result<std::int64_t> get_int(const Json& object, std::string_view key) noexcept {
  TESSERA_TRY_ASSIGN(const Json* const value, get_key(object, key));
  return as_int(*value, key);
}
inline Result<double> get_double(const Json& object, std::string_view key) noexcept {
  TESSERA_TRY_ASSIGN(const Json* const value, get_key(object, key));
  return as_double(*value, key);
}
inline Result<bool> get_bool(const Json& object, std::string_view key) noexcept {
  TESSERA_TRY_ASSIGN(const Json* const value, get_key(object, key));
  return as_bool(*value, key);
}
inline Result<std::string> get_string(const Json& object, std::string_view key) noexcept {
  TESSERA_TRY_ASSIGN(const Json* const value, get_key(object, key));
  return as_string(*value, key);
}
inline Result<std::vector<std::int64_t>> get_ints(const Json& object, std::string_view key) noexcept {
  TESSERA_TRY_ASSIGN(const Json* const value, get_key(object, key));
  return as_ints(*value, key);
}

/// The same with a default for a key that is missing or null; a key of the wrong type is still an error.
inline Result<std::int64_t> get_int_or(const Json& object, std::string_view key, std::int64_t otherwise) noexcept {
  const Json* const value = find_key(object, key);
  return value == nullptr || value->is_null() ? Result<std::int64_t>(otherwise) : as_int(*value, key);
}
inline Result<double> get_double_or(const Json& object, std::string_view key, double otherwise) noexcept {
  const Json* const value = find_key(object, key);
  return value == nullptr || value->is_null() ? Result<double>(otherwise) : as_double(*value, key);
}
inline Result<bool> get_bool_or(const Json& object, std::string_view key, bool otherwise) noexcept {
  const Json* const value = find_key(object, key);
  return value == nullptr || value->is_null() ? Result<bool>(otherwise) : as_bool(*value, key);
}
inline Result<std::string> get_string_or(const Json& object, std::string_view key, std::string otherwise) noexcept {
  const Json* const value = find_key(object, key);
  return value == nullptr || value->is_null() ? Result<std::string>(std::move(otherwise)) : as_string(*value, key);
}

/// The text of json.dumps(value, indent=2, sort_keys=True), byte for byte; strings must be UTF-8. `sort_keys` false
/// keeps the order of the keys.
inline Result<std::string> format_json(const Json& value, bool sort_keys = true) noexcept {
  return guarded([&]() -> Result<std::string> {
    std::string out;
    detail::write_json_value(out, value, 0, sort_keys);
    return out;
  });
}

/// Writes config.json as the reference's save_pretrained does: indent 2, keys sorted, one newline at the end.
inline Result<void> write_json(const std::string& path, const Json& value) noexcept {
  auto text = format_json(value);
  if (!text) return text.error();
  return guarded([&]() -> Result<void> { return write_text(path, *text + "\n"); });
}

}  // namespace tessera::io
