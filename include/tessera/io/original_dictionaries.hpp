// What original releases hold beside weights: the dump of XLM with its parameters and dictionary, and the pickled
// corpus of Transformer-XL with its vocabulary.
//
// They become the files that the reference's classes read: config.json and vocab.json; vocab.bin and corpus.bin.
// Source: convert_xlm_checkpoint_to_pytorch and convert_transfo_xl_checkpoint_to_pytorch of pytorch-transformers 1.2.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/pickle.hpp"
#include "tessera/io/state.hpp"
#include "tessera/io/torch.hpp"
#include "tessera/io/torch_object.hpp"
#include "tessera/io/utf8.hpp"

namespace tessera::inline TESSERA_ISA::io {

namespace detail {

/// A key of a dict as json.dumps writes it.
inline Result<std::string> json_key(const PickleValue& key) {
  switch (key.kind) {
    case PickleKind::text:
      if (!is_utf8(key.text)) return Error::format(Code::bad_format, "a key that is not UTF-8");
      return std::string(key.text);
    case PickleKind::integer: return std::to_string(key.integer);
    case PickleKind::boolean: return std::string(key.integer != 0 ? "true" : "false");
    case PickleKind::none: return std::string("null");
    default: return Error::format(Code::unsupported, "%s is the key of a value, a text expected", name(key.kind));
  }
}

/// A value as JSON. `left` bounds what shared values may grow to.
inline Result<Json> to_json(const Pickle& pickle, const PickleValue& value, std::size_t& left, int depth = 0) {
  if (depth > 32 || left == 0) return Error::format(Code::bad_format, "values that are nested too deeply, or too many");
  left -= (std::min)(left, 1 + value.text.size());
  switch (value.kind) {
    case PickleKind::none: return Json(nullptr);
    case PickleKind::boolean: return Json(value.integer != 0);
    case PickleKind::integer: return Json(value.integer);
    case PickleKind::real: return Json(value.real);
    case PickleKind::text:
      if (!is_utf8(value.text)) return Error::format(Code::bad_format, "a text that is not UTF-8");
      return Json(std::string(value.text));
    case PickleKind::list:
    case PickleKind::tuple: {
      Json out = Json::array();
      for (const std::uint32_t item : value.items) {
        TESSERA_TRY_ASSIGN(Json element, to_json(pickle, pickle[item], left, depth + 1));
        out.push_back(std::move(element));
      }
      return out;
    }
    case PickleKind::dict: {
      Json out = Json::object();
      for (std::size_t i = 0; i + 1 < value.items.size(); i += 2) {
        TESSERA_TRY_ASSIGN(std::string key, json_key(pickle[value.items[i]]));
        TESSERA_TRY_ASSIGN(Json element, to_json(pickle, pickle[value.items[i + 1]], left, depth + 1));
        out[std::move(key)] = std::move(element);
      }
      return out;
    }
    default: return Error::format(Code::unsupported, "%s is nothing that JSON has", name(value.kind));
  }
}

}  // namespace detail

/// What is in a dump of XLM.
struct XlmDump {
  State model;      ///< under the names of the dump, which are those of the reference's base model
  Json config;      ///< its parameters; tensors and arrays among them are left out
  Json vocabulary;  ///< ids by token, as vocab.json has them
};

/// Whether an object of torch is a dump of XLM's own programs.
inline bool is_xlm_dump(const TorchObject& object) noexcept {
  for (const char* const key : {"model", "params", "dico_word2id"}) {
    const PickleValue* const value = object.find(key);
    if (value == nullptr || value->kind != PickleKind::dict) return false;
  }
  return true;
}

/// Takes a dump apart. `all`: the tensors of the same file, "model.attentions.0.q_lin.weight" and so on.
inline Result<XlmDump> read_xlm_dump(const State& all, const TorchObject& object) noexcept {
  return guarded([&]() -> Result<XlmDump> {
    XlmDump dump;
    constexpr std::string_view prefix = "model.";
    TESSERA_TRY(dump.model.keep_all_of(all));
    dump.model.format = "dump of XLM";
    for (StateTensor tensor : all) {
      if (!tensor.name.starts_with(prefix)) continue;
      tensor.name.erase(0, prefix.size());
      TESSERA_TRY(dump.model.add(std::move(tensor)));
    }
    std::size_t left = std::size_t{1} << 28;
    const PickleValue& params = *object.find("params");
    dump.config = Json::object();
    for (std::size_t i = 0; i + 1 < params.items.size(); i += 2) {
      const PickleValue& value = object.pickle[params.items[i + 1]];
      if (value.kind == PickleKind::tensor || value.kind == PickleKind::array) continue;
      TESSERA_TRY_ASSIGN(const std::string key, detail::json_key(object.pickle[params.items[i]]));
      auto json = detail::to_json(object.pickle, value, left);
      if (!json) return json.error().in(("dump of XLM: params: " + in_quotes(key)).c_str());
      dump.config[key] = std::move(*json);
    }
    // The dump marks a piece that goes on by "@@" behind it; the reference one that ends a word by "</w>". The first 14
    // are special tokens.
    const PickleValue& words = *object.find("dico_word2id");
    dump.vocabulary = Json::object();
    for (std::size_t i = 0; i + 1 < words.items.size(); i += 2) {
      const PickleValue& word = object.pickle[words.items[i]];
      const PickleValue& id = object.pickle[words.items[i + 1]];
      if (word.kind != PickleKind::text || !is_utf8(word.text) || id.kind != PickleKind::integer)
        return Error::format(Code::bad_format, "dump of XLM: dico_word2id: texts and their ids expected");
      std::string token(word.text);
      if (token.find("@@") == token.npos) {
        if (id.integer > 13) token += "</w>";
      } else {
        for (std::size_t at; (at = token.find("@@")) != token.npos;) token.erase(at, 2);
      }
      dump.vocabulary[token] = id.integer;
    }
    return dump;
  });
}

/// A pickled corpus of Transformer-XL: the attributes of its vocabulary, and its own without that.
struct TransfoXLCorpusFile {
  Pickle pickle;
  std::uint32_t vocabulary = 0;
  std::uint32_t corpus = 0;
};

/// Whether a file is a pickle that begins with an object of the class Corpus.
inline bool looks_like_transfo_xl_corpus(Bytes file) noexcept {
  return !file.empty() && file[0] == std::byte{0x80} &&
         text_of(file.subspan(0, (std::min<std::size_t>)(file.size(), 64))).find("data_utils") !=
             std::string_view::npos;
}

/// Reads such a pickle. Its texts and arrays point into `file`.
inline Result<TransfoXLCorpusFile> read_transfo_xl_corpus(Bytes file) noexcept {
  return guarded([&]() -> Result<TransfoXLCorpusFile> {
    TransfoXLCorpusFile out;
    PickleLimits limits;
    limits.most_values = (std::max)(limits.most_values, file.size());
    TESSERA_TRY_ASSIGN(out.pickle, read_pickle(file, limits));
    const PickleValue& top = out.pickle.top();
    const PickleValue* const vocabulary = find_key(out.pickle, top, "vocab");
    if (top.kind != PickleKind::object || top.text != "Corpus" || vocabulary == nullptr ||
        vocabulary->kind != PickleKind::object || vocabulary->items.empty())
      return Error::format(Code::bad_format,
                           "corpus of Transformer-XL: an object of the class Corpus with a vocabulary "
                           "expected");
    out.vocabulary = vocabulary->items[0];
    out.corpus = top.items[0];
    std::vector<std::uint32_t>& attributes = out.pickle.values[out.corpus].items;
    for (std::size_t i = 0; i + 1 < attributes.size();) {
      if (out.pickle[attributes[i]].text == "vocab")
        attributes.erase(attributes.begin() + static_cast<std::ptrdiff_t>(i),
                         attributes.begin() + static_cast<std::ptrdiff_t>(i) + 2);
      else
        i += 2;
    }
    return out;
  });
}

}  // namespace tessera::io
