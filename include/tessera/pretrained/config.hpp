// config.json of any architecture, read and written through one list of its keys.
//
// A config header has visit_config(v, config), which calls for each key v.size, v.rate, v.flag, ... with the member
// that it stands for, and check_config(config) for what must hold between them. ConfigReader and ConfigWriter are such
// v.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "tessera/blocks/summary.hpp"
#include "tessera/io/json.hpp"
#include "tessera/ops/activation.hpp"
#include "tessera/tensor/extents.hpp"

namespace tessera::inline TESSERA_ISA {

/// Heads to prune, by layer, under their original numbers.
using PrunedHeads = std::map<std::int64_t, std::vector<std::int64_t>>;

/// A config.json: what the model is made from, the pruned heads, and every key as it was read (unknown ones are kept).
template <class Config>
struct ConfigFile {
  Config config;
  PrunedHeads pruned_heads;
  io::Json json = io::Json::object();
};

/// A value of an enum and its name in config.json; a null name stands for JSON's null.
template <class Enum>
struct Choice {
  const char* name;
  Enum value;
};

inline constexpr Choice<Activation> bert_activations[] = {
    {"gelu", Activation::gelu}, {"relu", Activation::relu}, {"swish", Activation::swish}};

/// Reads members from JSON; a key that is not there leaves the member as it is. Keeps the first error.
class ConfigReader {
 public:
  explicit ConfigReader(const io::Json& json) : json_(json) {}
  const Error& error() const noexcept { return error_; }
  bool has(const char* key) const { return io::find_key(json_, key) != nullptr; }

  /// An integer in [low, high].
  void integer(const char* key, Index& value, Index low, Index high) {
    if (error_) return;
    const auto read = io::get_int_or(json_, key, value);
    if (!read) return fail(read.error());
    if (*read < low || *read > high)
      return fail(Error::format(Code::out_of_range, "config: %s: expected %lld to %lld, found %lld", key,
                                static_cast<long long>(low), static_cast<long long>(high),
                                static_cast<long long>(*read)));
    value = *read;
  }
  /// An integer in [0, high], or null for none, which is -1.
  void optional(const char* key, Index& value, Index high) {
    if (error_) return;
    const io::Json* found = io::find_key(json_, key);
    if (found != nullptr && found->is_null())
      value = -1;
    else if (found != nullptr)
      integer(key, value, 0, high);
  }
  /// A size: an integer in [1, high].
  void size(const char* key, Index& value, Index high = largest_size) {
    if (error_) return;
    const auto read = io::get_int_or(json_, key, value);
    if (!read) return fail(read.error());
    if (*read < 1 || *read > high)
      return fail(Error::format(Code::out_of_range, "config: %s: expected a size from 1 to %lld, found %lld", key,
                                static_cast<long long>(high), static_cast<long long>(*read)));
    value = *read;
  }
  /// Layers: a size that memory is taken for.
  void layers(const char* key, Index& value) {
    if (error_) return;
    size(key, value);
    if (!error_ && value > 4096)
      fail(Error::format(Code::out_of_range, "config: %s: expected at most 4096, found %lld", key,
                         static_cast<long long>(value)));
  }
  /// A number in [0, high].
  void rate(const char* key, double& value, double high = 1) {
    if (error_) return;
    const auto read = io::get_double_or(json_, key, value);
    if (!read) return fail(read.error());
    if (!(*read >= 0 && *read <= high))
      return fail(
          Error::format(Code::out_of_range, "config: %s: expected a number from 0 to %g, found %g", key, high, *read));
    value = *read;
  }
  /// true or false; 0 and 1 are understood.
  void flag(const char* key, bool& value) {
    if (error_) return;
    const io::Json* found = io::find_key(json_, key);
    if (found == nullptr) return;
    if (found->is_number_integer()) {
      value = *found != 0;
      return;
    }
    const auto read = io::as_bool(*found, key);
    if (!read) return fail(read.error());
    value = *read;
  }
  /// One of `choices`.
  template <class Enum, std::size_t N>
  void choice(const char* key, Enum& value, const Choice<Enum> (&choices)[N]) {
    if (error_) return;
    const io::Json* found = io::find_key(json_, key);
    if (found == nullptr) return;
    if (!found->is_null() && !found->is_string()) return fail(io::as_string(*found, key).error());
    std::string known;
    for (const Choice<Enum>& c : choices) {
      if (c.name == nullptr ? found->is_null() : found->is_string() && found->get<std::string>() == c.name) {
        value = c.value;
        return;
      }
      known.append(known.empty()           ? ""
                   : &c == choices + N - 1 ? " or "
                                           : ", ")
          .append(c.name == nullptr ? "null" : c.name);
    }
    fail(Error::format(Code::unsupported, "config: %s: expected %s, found %.80s", key, known.c_str(),
                       found->is_null() ? "null" : found->get<std::string>().c_str()));
  }
  /// Whether the key has this value; any other string and null are false.
  void is(const char* key, bool& value, const char* name) {
    if (error_) return;
    const io::Json* found = io::find_key(json_, key);
    if (found == nullptr) return;
    if (!found->is_null() && !found->is_string()) return fail(io::as_string(*found, key).error());
    value = found->is_string() && found->get<std::string>() == name;
  }
  /// A key of later packages of which this architecture computes only one value; absent or null: that one.
  void only(const char* key, const io::Json& value) {
    if (error_) return;
    const io::Json* found = io::find_key(json_, key);
    if (found == nullptr || found->is_null() || *found == value) return;
    fail(Error::format(Code::unsupported, "config: %s: only %s is computed here, found %.80s", key,
                       value.dump().c_str(), found->dump(-1, ' ', true, io::Json::error_handler_t::replace).c_str()));
  }
  /// Integers in [low, high], at most `capacity` of them; false and true are 0 and 1.
  void integers(const char* key, Index* values, Index& count, Index capacity, Index low, Index high) {
    if (error_) return;
    const io::Json* found = io::find_key(json_, key);
    if (found == nullptr) return;
    if (!found->is_array())
      return fail(Error::format(Code::bad_format, "config: %s: expected a list, found %s", key, found->type_name()));
    if (static_cast<Index>(found->size()) > capacity)
      return fail(Error::format(Code::out_of_range, "config: %s: expected at most %lld entries, found %zu", key,
                                static_cast<long long>(capacity), found->size()));
    Index n = 0;
    for (const io::Json& element : *found) {
      Index value = 0;
      if (element.is_boolean()) {
        value = element.get<bool>() ? 1 : 0;
      } else {
        const auto read = io::as_int(element, key);
        if (!read) return fail(read.error());
        value = *read;
      }
      if (value < low || value > high)
        return fail(Error::format(Code::out_of_range, "config: %s: expected %lld to %lld, found %lld", key,
                                  static_cast<long long>(low), static_cast<long long>(high),
                                  static_cast<long long>(value)));
      values[n++] = value;
    }
    count = n;
  }

 private:
  static constexpr Index largest_size = Index{1} << 28;
  void fail(const Error& error) {
    if (!error_) error_ = error;
  }
  const io::Json& json_;
  Error error_;
};

/// Writes members to JSON under the same keys; other keys stay.
class ConfigWriter {
 public:
  explicit ConfigWriter(io::Json& json) : json_(json) {}
  bool has(const char* key) const { return io::find_key(json_, key) != nullptr; }

  void integer(const char* key, const Index& value, Index, Index) { json_[key] = value; }
  void optional(const char* key, const Index& value, Index) {
    json_[key] = value < 0 ? io::Json(nullptr) : io::Json(value);
  }
  void size(const char* key, const Index& value, Index = 0) { json_[key] = value; }
  void layers(const char* key, const Index& value) { json_[key] = value; }
  void rate(const char* key, const double& value, double = 1) { json_[key] = value; }
  void flag(const char* key, const bool& value) { json_[key] = value; }
  template <class Enum, std::size_t N>
  void choice(const char* key, const Enum& value, const Choice<Enum> (&choices)[N]) {
    for (const Choice<Enum>& c : choices) {
      if (c.value != value) continue;
      json_[key] = c.name == nullptr ? io::Json(nullptr) : io::Json(c.name);
      return;
    }
  }
  void is(const char* key, const bool& value, const char* name) {
    bool said = false;
    ConfigReader(json_).is(key, said, name);
    if (said != value || io::find_key(json_, key) == nullptr) json_[key] = value ? io::Json(name) : io::Json(nullptr);
  }
  void only(const char*, const io::Json&) {}  // stays as it was read
  void integers(const char* key, const Index* values, const Index& count, Index, Index, Index high) {
    io::Json list = io::Json::array();
    for (Index i = 0; i < count; ++i) list.push_back(high == 1 ? io::Json(values[i] != 0) : io::Json(values[i]));
    json_[key] = list;
  }

 private:
  io::Json& json_;
};

inline constexpr Choice<SummaryType> summary_types[] = {{"last", SummaryType::last},
                                                        {"first", SummaryType::first},
                                                        {"mean", SummaryType::mean},
                                                        {"cls_index", SummaryType::cls_index}};

/// The keys of a summary (blocks/summary.hpp).
void visit_summary(auto& v, SummaryConfig& c) {
  v.choice("summary_type", c.type, summary_types);
  v.flag("summary_use_proj", c.use_proj);
  v.is("summary_activation", c.tanh, "tanh");
  v.flag("summary_proj_to_labels", c.proj_to_labels);
  v.rate("summary_first_dropout", c.first_dropout);
  if (v.has("summary_last_dropout")) v.rate("summary_last_dropout", c.last_dropout);
}

namespace detail {
inline Result<PrunedHeads> parse_pruned_heads(const io::Json& json, Index layers) {
  PrunedHeads all;
  const io::Json* pruned = io::find_key(json, "pruned_heads");
  if (pruned == nullptr || pruned->is_null()) return all;
  if (!pruned->is_object()) return Error::format(Code::bad_format, "config: pruned_heads: expected an object of lists");
  for (const auto& [layer, heads] : pruned->items()) {
    char* end = nullptr;
    const long long number = std::strtoll(layer.c_str(), &end, 10);
    if (*end != '\0' || layer.empty() || number < 0 || number >= layers)
      return Error::format(Code::out_of_range, "config: pruned_heads: there is no layer %.40s", layer.c_str());
    TESSERA_TRY_ASSIGN(all[number], io::as_ints(heads, "pruned_heads"));
  }
  return all;
}
}  // namespace detail

/// What every attention asks of its sizes.
inline Result<void> check_heads(const char* width_key, Index width, const char* heads_key, Index heads) {
  if (width % heads == 0) return {};
  return Error::format(Code::shape_mismatch, "config: %s %lld is not a multiple of %s %lld", width_key,
                       static_cast<long long>(width), heads_key, static_cast<long long>(heads));
}

/// Reads the reference's keys; what is not there keeps the reference's default.
template <class Config>
Result<ConfigFile<Config>> parse_config(const io::Json& json) {
  if (!json.is_object()) return Error::format(Code::bad_format, "config: expected a JSON object");
  ConfigFile<Config> file;
  file.json = json;
  ConfigReader reader(json);
  visit_config(reader, file.config);
  if (reader.error()) return reader.error();
  TESSERA_TRY(check_config(file.config));
  TESSERA_TRY_ASSIGN(file.pruned_heads, detail::parse_pruned_heads(json, file.config.layers()));
  return file;
}

template <class Config>
Result<ConfigFile<Config>> read_config(const std::string& path) {
  TESSERA_TRY_ASSIGN(const io::Json json, io::read_json(path));
  auto file = parse_config<Config>(json);
  if (!file) return file.error().in(path.c_str());
  return file;
}

/// The JSON of a config, with the keys that it was read with.
template <class Config>
io::Json format_config(const ConfigFile<Config>& file) {
  io::Json json = file.json;
  Config config = file.config;
  ConfigWriter writer(json);
  visit_config(writer, config);
  json["pruned_heads"] = io::Json::object();
  for (const auto& [layer, heads] : file.pruned_heads) json["pruned_heads"][std::to_string(layer)] = heads;
  return json;
}

}  // namespace tessera
