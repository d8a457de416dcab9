// Loading the tokenizers with vocab.json and merges.txt from the golden folders, without the code that reads files.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tessera/text/bpe_tokenizer.hpp"
#include "text/golden.hpp"

namespace golden {

inline tessera::text::Vocabulary vocabulary(const Json& tokens) {
  tessera::text::Vocabulary vocabulary;
  for (const auto& [token, id] : tokens.items()) {
    const auto set = vocabulary.set(token, id.get<tessera::text::Id>());
    if (!set.ok()) throw std::runtime_error(set.error().message());
  }
  return vocabulary;
}

/// The tokenizer of a golden folder. `options` are those of class T.
template <class T, class Options>
T load_bpe(const std::string& folder, Options options = {}) {
  const std::string merges = text(folder + "/merges.txt");
  auto made = T::from_memory(vocabulary(json(folder + "/vocab.json")), merges, std::move(options));
  if (!made.ok()) throw std::runtime_error(made.error().message());
  return std::move(made).value();
}

/// A tokenizer's files of its own making: tokens in the order of their ids, merges as lines.
template <class T, class Options>
T make_bpe(const std::vector<std::string>& tokens, const std::string& merges, Options options = {}) {
  tessera::text::Vocabulary vocabulary;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!vocabulary.set(tokens[i], static_cast<tessera::text::Id>(i)).ok()) throw std::runtime_error("vocabulary");
  }
  auto made = T::from_memory(std::move(vocabulary), "#version: 0.2\n" + merges, std::move(options));
  if (!made.ok()) throw std::runtime_error(made.error().message());
  return std::move(made).value();
}

/// What is recorded of a folder beside its scenarios: the differences, as sentences.
template <class Load>
std::vector<std::string> differences_of_folder(const std::string& folder, Load&& load) {
  using tessera::text::Role;
  std::vector<std::string> out;
  const auto expect = [&](const std::string& what, const Json& found, const Json& wanted) {
    if (found == wanted) return;
    out.push_back(folder + ", " + what + ": expected " + wanted.dump() + ", found " + found.dump());
  };
  const auto tokenizer = load(tessera::text::Tokenizer::no_max_len);
  const std::vector<Json> cases = lines(folder + "/cases.jsonl");
  expect("number of cases", cases.size(), 488);
  for (const Json& line : cases) {
    const std::string difference = differences(tokenizer, line);
    if (!difference.empty()) out.push_back(folder + ", " + difference);
  }

  const std::vector<Json> pairs = lines(folder + "/pairs.jsonl");
  expect("number of pairs", pairs.size(), 40);
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
  expect("number of lengths", lengths.size(), 16);
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
