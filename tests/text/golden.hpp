// Reading the golden files of the tokenizers in tests.
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "tessera/text/tokenizer.hpp"

namespace golden {

using Json = nlohmann::ordered_json;

inline std::string path(const std::string& name) { return std::string(TESSERA_GOLDEN_DIR) + "/tokenizers/" + name; }

inline std::string bytes(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot open " + file);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline std::string text(const std::string& name) { return bytes(path(name)); }

inline Json json(const std::string& name) { return Json::parse(text(name)); }

inline std::vector<Json> lines(const std::string& name) {
  std::ifstream in(path(name), std::ios::binary);
  if (!in) throw std::runtime_error("cannot open " + path(name));
  std::vector<Json> out;
  for (std::string line; std::getline(in, line);) out.push_back(Json::parse(line));
  return out;
}

/// A decoded value as the goldens have it: a string, or a list where the separator occurs.
inline Json value(const tessera::text::Decoded& decoded) {
  return decoded.is_list ? Json(decoded.parts) : Json(decoded.text);
}

/// A result as the goldens have it: the value, or an object that says that there is none.
template <class T>
Json value(const tessera::Result<T>& result) {
  if (!result.ok()) return Json{{"error", result.error().message()}};
  if constexpr (std::is_same_v<T, tessera::text::Decoded>) {
    return value(result.value());
  } else if constexpr (std::is_same_v<T, tessera::text::Encoding>) {
    return Json(result->ids);
  } else {
    return Json(result.value());
  }
}

/// Everything that a line of cases.jsonl says about a text, computed anew.
inline Json describe(const tessera::text::Tokenizer& tokenizer, const std::string& text) {
  using tessera::text::DecodeOptions;
  Json out;
  out["tokens"] = value(tokenizer.tokenize(text));
  const auto ids = tokenizer.encode(text);
  const auto ids_special = tokenizer.encode(text, {.add_special_tokens = true, .max_length = 0});
  out["ids"] = value(ids);
  out["ids_special"] = value(ids_special);
  if (ids.ok()) {
    out["decoded"] = value(tokenizer.decode(ids->ids));
    out["decoded_noclean"] =
        value(tokenizer.decode(ids->ids, {.skip_special_tokens = false, .clean_up_tokenization_spaces = false}));
  }
  if (ids_special.ok()) {
    out["decoded_special"] = value(tokenizer.decode(ids_special->ids));
    out["decoded_skip"] =
        value(tokenizer.decode(ids_special->ids, {.skip_special_tokens = true, .clean_up_tokenization_spaces = true}));
  }
  return out;
}

/// The differences between a golden line and what we make of it, as sentences; empty when there are none.
inline std::string differences(const tessera::text::Tokenizer& tokenizer, const Json& expected) {
  const Json found = describe(tokenizer, expected.at("text").get<std::string>());
  std::string out;
  for (const auto& [key, wanted] : expected.items()) {
    if (key == "group" || key == "text") continue;
    if (key == "tokens_any_of") {
      bool any = false;
      for (const Json& one : wanted) any |= one == found.at("tokens");
      if (!any) out += "tokens: any of " + wanted.dump() + ", found " + found.at("tokens").dump() + "; ";
    } else if (found.value(key, Json()) != wanted) {
      out += key + ": expected " + wanted.dump() + ", found " + found.value(key, Json()).dump() + "; ";
    }
  }
  return out.empty() ? out : "text " + expected.at("text").dump() + ": " + out;
}

}  // namespace golden
