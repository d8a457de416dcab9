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

}  // namespace golden
