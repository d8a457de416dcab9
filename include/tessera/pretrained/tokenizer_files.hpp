// Tokenizers in folders: from_pretrained and save_pretrained for what tessera/text keeps in memory.
//
// A folder holds the vocabulary and up to three JSON files: tokenizer_config.json (constructor arguments),
// special_tokens_map.json and added_tokens.json. Arguments of the call win over the config, the config wins over the
// map, and added tokens come last. Nothing is fetched from a network here.
// Source: PreTrainedTokenizer of pytorch-transformers 1.2.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/json.hpp"
#include "tessera/pretrained/tokenizer_classes.hpp"
#include "tessera/text/tokenizer.hpp"

namespace tessera::inline TESSERA_ISA::pretrained {

/// A tokenizer and what save_tokenizer must write beside its state.
struct LoadedTokenizer {
  std::unique_ptr<text::Tokenizer> tokenizer;
  std::string class_name;
  /// The constructor arguments in the order in which they came, files left out.
  io::Json arguments = io::Json::object();
};

namespace detail {

/// json.dumps(value, ensure_ascii=False): one line, ", " and ": " between.
inline void write_json_line(std::string& out, const io::Json& value) {
  bool first = true;
  if (value.is_object()) {
    out += '{';
    for (const auto& [key, element] : value.items()) {
      if (!std::exchange(first, false)) out += ", ";
      io::detail::write_json_string(out, key, false);
      out += ": ";
      write_json_line(out, element);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (const io::Json& element : value) {
      if (!std::exchange(first, false)) out += ", ";
      write_json_line(out, element);
    }
    out += ']';
  } else if (const auto* const text = value.get_ptr<const io::Json::string_t*>(); text != nullptr) {
    io::detail::write_json_string(out, *text, false);
  } else {
    io::detail::write_json_value(out, value, 0, false);
  }
}

inline std::string json_line(const io::Json& value) {
  std::string out;
  write_json_line(out, value);
  return out;
}

/// The class of exactly this name or model type; a name may end in "Fast".
inline const TokenizerClass* class_named(std::string_view name) noexcept {
  if (name.size() > 4 && name.substr(name.size() - 4) == "Fast") name.remove_suffix(4);
  for (const TokenizerClass& c : tokenizer_classes) {
    if (c.name == name || c.model_type == name) return &c;
  }
  return nullptr;
}

/// The class whose models' names begin like this one: "BertForMaskedLM".
inline const TokenizerClass* class_of_model(std::string_view name) noexcept {
  for (const TokenizerClass& c : tokenizer_classes) {
    if (name.substr(0, c.prefix.size()) == c.prefix) return &c;
  }
  return nullptr;
}

/// The class whose model type is a part of a folder's name; "-" and "_" are the same here.
inline const TokenizerClass* class_in_path(std::string path) {
  for (char& c : path) c = c == '_' ? '-' : c;
  for (const TokenizerClass& c : tokenizer_classes) {
    if (path.find(c.model_type) != std::string::npos) return &c;
  }
  return nullptr;
}

inline Result<Place> place_of(const std::string& path) {
  switch (io::kind_of(path)) {
    case io::PathKind::missing:
      return Error::format(Code::not_found, "%s: no such file or folder, a tokenizer's folder expected", path.c_str());
    case io::PathKind::folder: return Place{path, {}};
    case io::PathKind::file:
    case io::PathKind::other: break;
  }
  return Place{io::folder_of(path), path};
}

/// The object in a JSON file of a folder; an empty one if there is no such file.
inline Result<io::Json> optional_object(const std::string& folder, std::string_view name) {
  const std::string path = io::join_path(folder, name);
  if (io::kind_of(path) == io::PathKind::missing) return io::Json(io::Json::object());
  TESSERA_TRY_ASSIGN(io::Json json, io::read_json(path));
  if (!json.is_object()) {
    return Error::format(Code::bad_format, "%s: an object expected, found %s", path.c_str(), json.type_name());
  }
  return json;
}

/// Sets the keys of `from` that `to` does not have. Python's rule of dict order: a key keeps its first place.
inline void fill_in(io::Json& to, const io::Json& from) {
  for (const auto& [key, value] : from.items()) {
    if (io::find_key(to, key) == nullptr) to[key] = value;
  }
}

}  // namespace detail

/// The name of the tokenizer class of a folder: from info.json ("class"), tokenizer_config.json ("tokenizer_class"),
/// config.json ("model_type" or "architectures"), else from a part of the folder's name, as AutoTokenizer does.
inline Result<std::string> tokenizer_class(const std::string& path) noexcept {
  return guarded([&]() -> Result<std::string> {
    TESSERA_TRY_ASSIGN(const detail::Place place, detail::place_of(path));
    constexpr std::pair<std::string_view, std::string_view> entries[] = {
        {"info.json", "class"}, {"tokenizer_config.json", "tokenizer_class"}, {"config.json", "model_type"}};
    for (const auto& [file, key] : entries) {
      TESSERA_TRY_ASSIGN(const io::Json json, detail::optional_object(place.folder, file));
      const io::Json* const value = io::find_key(json, key);
      if (value == nullptr || !value->is_string()) continue;
      TESSERA_TRY_ASSIGN(const std::string name, io::as_string(*value, key));
      const auto* const found = detail::class_named(name);
      return found != nullptr ? std::string(found->name) : name;
    }
    TESSERA_TRY_ASSIGN(const io::Json config, detail::optional_object(place.folder, "config.json"));
    if (const io::Json* const list = io::find_key(config, "architectures"); list != nullptr && list->is_array()) {
      for (const io::Json& element : *list) {
        if (!element.is_string()) continue;
        TESSERA_TRY_ASSIGN(const std::string name, io::as_string(element, "architectures"));
        if (const auto* const found = detail::class_of_model(name)) return std::string(found->name);
      }
    }
    std::string folder = place.folder;
    // "." and ".." have names of their own.
    std::error_code unknown;
    if (const auto whole = std::filesystem::canonical(folder, unknown); !unknown) folder = whole.string();
    while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
    if (const auto* const found = detail::class_in_path(io::name_of(folder))) return std::string(found->name);
    if (const auto* const found = detail::class_in_path(io::name_of(path))) return std::string(found->name);
    return Error::format(Code::not_found,
                         "%s: no tokenizer class is named in info.json, tokenizer_config.json or config.json, nor is a "
                         "model type (such as \"bert\") part of the folder's name",
                         path.c_str());
  });
}

/// Refuses constructor arguments that a class does not have. The reference's constructors pass over them, and so does
/// load_tokenizer, as files of later packages have many; who types one by hand wants to know.
inline Result<void> check_arguments(std::string_view class_name, const io::Json& arguments) noexcept {
  return guarded([&]() -> Result<void> {
    const detail::TokenizerClass* const found = detail::class_named(class_name);
    if (found == nullptr) return {};  // load_tokenizer says so
    const std::string known = " " + std::string(found->arguments) + " max_len ";
    for (const auto& [key, value] : arguments.items()) {
      if (text::role_named(key) || (!key.empty() && known.find(" " + key + " ") != std::string::npos)) continue;
      return Error::format(Code::invalid_argument,
                           "%s has no argument %s; it has max_len, special tokens (such as unk_token)%s%s",
                           std::string(found->name).c_str(), io::in_quotes(key).c_str(),
                           found->arguments.empty() ? "" : " and ", std::string(found->arguments).c_str());
    }
    return {};
  });
}

namespace detail {
/// The tokenizer of a folder by one class: what calls this alone does not carry the code of the others.
inline Result<LoadedTokenizer> load_tokenizer_by(const TokenizerClass& made_by, const std::string& path,
                                                 const io::Json& arguments) noexcept {
  return guarded([&]() -> Result<LoadedTokenizer> {
    TESSERA_TRY_ASSIGN(const Place place, place_of(path));
    LoadedTokenizer loaded;
    loaded.class_name = made_by.name;
    if (!arguments.is_object()) {
      return Error::format(Code::invalid_argument, "constructor arguments: an object expected, found %s",
                           arguments.type_name());
    }

    TESSERA_TRY_ASSIGN(loaded.arguments, optional_object(place.folder, "tokenizer_config.json"));
    if (const io::Json* const inputs = io::find_key(loaded.arguments, "init_inputs"); inputs != nullptr) {
      if (!inputs->empty()) {
        return Error::format(Code::unsupported,
                             "%s/tokenizer_config.json: init_inputs holds positional arguments, "
                             "an empty list expected",
                             place.folder.c_str());
      }
      loaded.arguments.erase("init_inputs");
    }
    for (const auto& [key, value] : arguments.items()) loaded.arguments[key] = value;
    TESSERA_TRY_ASSIGN(const io::Json map, optional_object(place.folder, "special_tokens_map.json"));
    fill_in(loaded.arguments, map);

    auto made = made_by.make(place, loaded.arguments);
    if (!made.ok()) return made.error();
    loaded.tokenizer = std::move(made).value();

    TESSERA_TRY_ASSIGN(const io::Json added, optional_object(place.folder, "added_tokens.json"));
    std::vector<std::pair<std::string, text::Id>> tokens;
    for (const auto& [token, id] : added.items()) {
      TESSERA_TRY_ASSIGN(const std::int64_t number, io::as_int(id, token));
      if (number < 0 || number > text::Vocabulary::max_id) {
        return Error::format(Code::out_of_range, "%s/added_tokens.json: the id of %s is %lld, expected 0 to %d",
                             place.folder.c_str(), io::in_quotes(token).c_str(), static_cast<long long>(number),
                             text::Vocabulary::max_id);
      }
      tokens.emplace_back(token, static_cast<text::Id>(number));
    }
    TESSERA_TRY(loaded.tokenizer->restore_added_tokens(tokens));
    return loaded;
  });
}
}  // namespace detail

/// from_pretrained of a tokenizer class. `path` is a folder, or the vocabulary file of a class that has only one.
/// `arguments` are constructor arguments that win over all files. An empty `class_name` is found by tokenizer_class.
inline Result<LoadedTokenizer> load_tokenizer(const std::string& path, const std::string& class_name = {},
                                              const io::Json& arguments = io::Json::object()) noexcept {
  return guarded([&]() -> Result<LoadedTokenizer> {
    TESSERA_TRY(detail::place_of(path));
    std::string name = class_name;
    if (class_name.empty()) {
      TESSERA_TRY_ASSIGN(name, tokenizer_class(path));
    }
    const detail::TokenizerClass* const found = detail::class_named(name);
    if (found == nullptr) {
      std::string known;
      for (const detail::TokenizerClass& c : detail::tokenizer_classes) {
        known.append(known.empty() ? "" : ", ").append(c.name);
      }
      return Error::format(Code::unsupported, "%s: tokenizer class %s is unsupported, one of %s expected", path.c_str(),
                           io::in_quotes(name).c_str(), known.c_str());
    }
    return detail::load_tokenizer_by(*found, path, arguments);
  });
}

/// The same of BertTokenizer, for programs that need no other: they do not carry the code of seven more.
inline Result<LoadedTokenizer> load_bert_tokenizer(const std::string& path,
                                                   const io::Json& arguments = io::Json::object()) noexcept {
  constexpr detail::TokenizerClass bert = detail::tokenizer_classes[2];
  static_assert(bert.name == "BertTokenizer");
  return detail::load_tokenizer_by(bert, path, arguments);
}

/// The special tokens that are set, as special_tokens_map.json has them.
inline io::Json special_tokens_map(const text::Tokenizer& tokenizer) {
  io::Json map = io::Json::object();
  const text::SpecialTokens& special = tokenizer.special_tokens();
  for (std::size_t i = 0; i < text::single_roles; ++i) {
    const auto role = static_cast<text::Role>(i);
    if (special.has(role)) map[std::string(text::name(role))] = special[role];
  }
  if (special.has(text::Role::additional)) {
    map[std::string(text::name(text::Role::additional))] = special.additional();
  }
  return map;
}

/// save_pretrained of a tokenizer into a folder that is there. Returns the paths that the reference returns, which
/// leaves out tokenizer_config.json. What the tokenizer was told after it was made is not saved, save for its tokens.
inline Result<std::vector<std::string>> save_tokenizer(const LoadedTokenizer& loaded, const std::string& folder,
                                                       std::vector<std::string>* warnings = nullptr) noexcept {
  return guarded([&]() -> Result<std::vector<std::string>> {
    if (io::kind_of(folder) != io::PathKind::folder) {
      return Error::format(Code::not_found, "%s: a folder to save in expected", folder.c_str());
    }
    io::Json config = loaded.arguments;
    config["init_inputs"] = io::Json::array();
    TESSERA_TRY(io::write_text(io::join_path(folder, "tokenizer_config.json"), detail::json_line(config)));

    const std::string map_path = io::join_path(folder, "special_tokens_map.json");
    TESSERA_TRY(io::write_text(map_path, detail::json_line(special_tokens_map(*loaded.tokenizer))));

    io::Json added = io::Json::object();
    for (const auto& [token, id] : loaded.tokenizer->added_tokens()) added[token] = id;
    const std::string added_path = io::join_path(folder, "added_tokens.json");
    TESSERA_TRY(io::write_text(added_path, detail::json_line(added)));

    std::vector<std::string> unwanted;
    TESSERA_TRY_ASSIGN(const auto files,
                       loaded.tokenizer->vocabulary_files(warnings != nullptr ? *warnings : unwanted));
    std::vector<std::string> paths;
    for (const text::VocabularyFile& file : files) {
      paths.push_back(io::join_path(folder, file.name));
      TESSERA_TRY(io::write_text(paths.back(), file.content));
    }
    paths.push_back(map_path);
    paths.push_back(added_path);
    return paths;
  });
}

}  // namespace tessera::pretrained
