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

/// What is recorded of a folder beside its scenarios: the differences, as sentences.
template <class Load>
std::vector<std::string> differences_of_folder(const std::string& folder, Load&& load) {
  using tessera::text::Role;
  const Json counts = json("counts.json").at(folder);
  std::vector<std::string> out;
  const auto expect = [&](const std::string& what, const Json& found, const Json& wanted) {
    if (found == wanted || wanted.is_null()) return;
    out.push_back(folder + ", " + what + ": expected " + wanted.dump() + ", found " + found.dump());
  };
  const auto tokenizer = load(tessera::text::Tokenizer::no_max_len);
  const std::vector<Json> cases = lines(folder + "/cases.jsonl");
  expect("number of cases", cases.size(), counts.at("cases"));
  for (const Json& line : cases) {
    const std::string difference = differences(tokenizer, line);
    if (!difference.empty()) out.push_back(folder + ", " + difference);
  }

  const std::vector<Json> pairs = lines(folder + "/pairs.jsonl");
  expect("number of pairs", pairs.size(), counts.at("pairs"));
  for (const Json& line : pairs) {
    const auto a = line.at("a").get<std::string>();
    const auto b = line.at("b").get<std::string>();
    const auto apart = tokenizer.encode(a, b);
    const auto joined = tokenizer.encode(a, b, {.add_special_tokens = true, .max_length = 0});
    if (!apart.ok() || !joined.ok()) {
      out.push_back(folder + ", no encoding of " + line.dump());
      continue;
    }
    expect(a, apart->ids, line.at("ids_a"));
    expect(b, apart->pair_ids, line.at("ids_b"));
    expect(a + " and " + b, joined->ids, line.at("ids_pair"));
    expect(a + " and " + b, joined->warnings, line.at("warnings"));
    expect(a + " and " + b, value(tokenizer.decode(joined->ids)), line.at("decoded_pair"));
    expect(a + " and " + b, value(tokenizer.decode(joined->ids, {true, true})), line.at("decoded_pair_skip"));
    expect(a + " and " + b, value(tokenizer.decode(joined->ids, {false, false})), line.at("decoded_pair_noclean"));
  }

  const std::vector<Json> lengths = lines(folder + "/max_len.jsonl");
  expect("number of lengths", lengths.size(), counts.at("max_len"));
  for (const Json& line : lengths) {
    const auto limited = load(line.at("max_len").get<std::int64_t>());
    const auto row = limited.encode(line.at("text").get<std::string>());
    expect("ids", value(row), line.at("ids"));
    if (row.ok()) expect("warnings", row->warnings, line.at("warnings"));
    expect("max_len_single_sentence", limited.max_len_single_sentence(), line.at("max_len_single_sentence"));
    expect("max_len_sentences_pair", limited.max_len_sentences_pair(), line.at("max_len_sentences_pair"));
  }

  const Json info = json(folder + "/info.json");
  expect("vocab_size", tokenizer.vocab_size(), info.at("vocab_size"));
  expect("len", tokenizer.size(), info.at("len"));
  expect("max_len", tokenizer.max_len(), info.at("max_len"));
  for (std::size_t i = 0; i < tessera::text::single_roles; ++i) {
    const std::string name(tessera::text::name(static_cast<Role>(i)));
    if (!info.contains(name + "_id")) continue;
    const auto id = tokenizer.special_id(static_cast<Role>(i));
    expect(name, value(id), info.at(name + "_id"));
  }
  return out;
}

}  // namespace golden
