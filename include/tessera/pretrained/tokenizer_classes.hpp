// The tokenizer classes of the reference by name, and how each is made from the files of a folder and its arguments.
//
// One maker a kind of vocabulary, one line a class. Which class a folder is of, and what else lies in it, is decided in
// tokenizer_files.hpp. Source: the constructors of pytorch-transformers 1.2.0.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/torch_object.hpp"
#include "tessera/text/bert.hpp"
#include "tessera/text/gpt2.hpp"
#include "tessera/text/openai_gpt.hpp"
#include "tessera/text/roberta.hpp"
#include "tessera/text/tokenizer.hpp"
#include "tessera/text/transfo_xl.hpp"
#include "tessera/text/xlm.hpp"
#include "tessera/text/xlnet.hpp"

namespace tessera::inline TESSERA_ISA::pretrained {

/// The vocabulary in a vocab.json: an object of ids. As in Python's dicts, of equal keys and of equal ids the last
/// one counts.
inline Result<text::Vocabulary> read_json_vocabulary(const std::string& path) noexcept {
  return guarded([&]() -> Result<text::Vocabulary> {
    TESSERA_TRY_ASSIGN(const io::Json json, io::read_json(path));
    if (!json.is_object()) {
      return Error::format(Code::bad_format, "%s: an object of tokens and ids expected, found %s", path.c_str(),
                           json.type_name());
    }
    text::Vocabulary vocabulary;
    vocabulary.reserve(json.size(), 8 * json.size());
    for (const auto& [token, value] : json.get_ref<const io::Json::object_t&>()) {
      const auto id = io::as_int(value, token);
      if (!id.ok()) return id.error().in(path.c_str());
      if (*id < 0 || *id > text::Vocabulary::max_id) {
        return Error::format(Code::out_of_range, "%s: the id of %s is %lld, expected 0 to %d", path.c_str(),
                             io::in_quotes(token).c_str(), static_cast<long long>(*id), text::Vocabulary::max_id);
      }
      const auto set = vocabulary.set(token, static_cast<text::Id>(*id));
      if (!set.ok()) return set.error().in(path.c_str());
    }
    return vocabulary;
  });
}

namespace detail {

/// Whether Python takes the value for true.
inline bool is_true(const io::Json& value) {
  if (value.is_boolean()) return *value.get_ptr<const io::Json::boolean_t*>();
  if (value.is_number_float()) return *value.get_ptr<const io::Json::number_float_t*>() != 0;
  if (value.is_number_unsigned()) return *value.get_ptr<const io::Json::number_unsigned_t*>() != 0;
  if (value.is_number()) return *value.get_ptr<const io::Json::number_integer_t*>() != 0;
  if (value.is_string()) return !value.get_ptr<const io::Json::string_t*>()->empty();
  return !value.empty();
}

/// A special token: a string, or an object with "content", as later packages of the reference's authors write it.
inline Result<std::string> as_token(const io::Json& value, std::string_view key) {
  if (value.is_object())
    if (const io::Json* const content = io::find_key(value, "content")) return io::as_string(*content, key);
  return io::as_string(value, key);
}

inline Result<std::vector<std::string>> as_strings(const io::Json& value, std::string_view key) {
  if (!value.is_array()) {
    return Error::format(Code::bad_format, "JSON: %s is of type %s, a list of strings expected",
                         io::in_quotes(key).c_str(), value.type_name());
  }
  std::vector<std::string> out;
  for (const io::Json& element : value) {
    TESSERA_TRY_ASSIGN(std::string text, as_token(element, key));
    out.push_back(std::move(text));
  }
  return out;
}

/// max_len: an integer or null; a float counts as the integer below it.
inline Result<std::int64_t> as_max_len(const io::Json& value) {
  if (value.is_null()) return text::Tokenizer::no_max_len;
  if (const auto* const number = value.get_ptr<const io::Json::number_float_t*>(); number != nullptr) {
    if (std::abs(*number) < 9.0e18) return static_cast<std::int64_t>(std::floor(*number));
  }
  return io::as_int(value, "max_len");
}

/// Takes over the special tokens among constructor arguments.
inline Result<void> apply_special_tokens(const io::Json& arguments, text::SpecialTokens& special) {
  for (const auto& [key, value] : arguments.items()) {
    const auto role = text::role_named(key);
    if (!role || value.is_null()) continue;  // null: not given
    if (*role == text::Role::additional) {
      TESSERA_TRY_ASSIGN(std::vector<std::string> tokens, as_strings(value, key));
      special.set_additional(std::move(tokens));
    } else {
      TESSERA_TRY_ASSIGN(std::string token, as_token(value, key));
      special.set(*role, std::move(token));
    }
  }
  return {};
}

/// The arguments that every class takes: special tokens and max_len.
template <class Options>
Result<void> apply_common_arguments(const io::Json& arguments, Options& options) {
  TESSERA_TRY(apply_special_tokens(arguments, options.special_tokens));
  if (const io::Json* v = io::find_key(arguments, "max_len")) {
    TESSERA_TRY_ASSIGN(options.max_len, as_max_len(*v));
  }
  return {};
}

/// Constructor arguments of BertTokenizer; those it does not know are not its own and mean nothing to it.
inline Result<text::BertOptions> bert_options(const io::Json& arguments) {
  text::BertOptions options;
  TESSERA_TRY(apply_common_arguments(arguments, options));
  if (const io::Json* v = io::find_key(arguments, "do_lower_case")) options.do_lower_case = is_true(*v);
  if (const io::Json* v = io::find_key(arguments, "do_basic_tokenize")) options.do_basic_tokenize = is_true(*v);
  if (const io::Json* v = io::find_key(arguments, "tokenize_chinese_chars")) {
    options.tokenize_chinese_chars = is_true(*v);
  }
  if (const io::Json* v = io::find_key(arguments, "never_split"); v != nullptr && !v->is_null()) {
    TESSERA_TRY_ASSIGN(options.never_split, as_strings(*v, "never_split"));
  }
  return options;
}

/// Constructor arguments of OpenAIGPTTokenizer, XLMTokenizer (and the language of its texts), GPT2Tokenizer and
/// RobertaTokenizer.
inline Result<void> apply_arguments(const io::Json& arguments, text::OpenAIGPTOptions& options) {
  return apply_common_arguments(arguments, options);
}
inline Result<void> apply_arguments(const io::Json& arguments, text::XLMOptions& options) {
  TESSERA_TRY(apply_common_arguments(arguments, options));
  if (const io::Json* v = io::find_key(arguments, "do_lowercase_and_remove_accent")) {
    options.do_lowercase_and_remove_accent = is_true(*v);
  }
  if (const io::Json* v = io::find_key(arguments, "lang"); v != nullptr && !v->is_null()) {
    TESSERA_TRY_ASSIGN(options.language, io::as_string(*v, "lang"));
  }
  if (const io::Json* v = io::find_key(arguments, "bypass_tokenizer")) options.bypass_tokenizer = is_true(*v);
  const io::Json* const languages = io::find_key(arguments, "lang2id");
  if (languages == nullptr || languages->is_null()) return {};
  if (!languages->is_object()) {
    return Error::format(Code::bad_format, "lang2id: an object of languages and ids expected, found %s",
                         languages->type_name());
  }
  for (const auto& [language, value] : languages->items()) {
    TESSERA_TRY_ASSIGN(const std::int64_t id, io::as_int(value, language));
    if (id < 0 || id > text::Vocabulary::max_id) {
      return Error::format(Code::out_of_range, "lang2id: the id of %s is %lld, expected 0 to %d",
                           io::in_quotes(language).c_str(), static_cast<long long>(id), text::Vocabulary::max_id);
    }
    options.lang2id.emplace_back(language, static_cast<text::Id>(id));
  }
  return {};
}
inline Result<void> apply_arguments(const io::Json& arguments, text::Gpt2Options& options) {
  TESSERA_TRY(apply_common_arguments(arguments, options));
  if (const io::Json* v = io::find_key(arguments, "errors")) {
    TESSERA_TRY_ASSIGN(const std::string name, io::as_string(*v, "errors"));
    if (name == "replace") {
      options.errors = text::DecodeErrors::replace;
    } else if (name == "ignore") {
      options.errors = text::DecodeErrors::ignore;
    } else if (name == "strict") {
      options.errors = text::DecodeErrors::strict;
    } else {
      return Error::format(Code::unsupported, "errors: \"replace\", \"ignore\" or \"strict\" expected, found %s",
                           io::in_quotes(name).c_str());
    }
  }
  return {};
}

/// Where the files of a tokenizer are: a folder, or one vocabulary file with its neighbours.
struct Place {
  std::string folder;
  std::string single_file;  // empty for a folder

  Result<std::string> vocabulary(std::string_view name) const {
    const std::string path = single_file.empty() ? io::join_path(folder, name) : single_file;
    if (io::kind_of(path) == io::PathKind::missing) {
      return Error::format(Code::not_found, "%s: the vocabulary file is missing", path.c_str());
    }
    return path;
  }
};

using Made = Result<std::unique_ptr<text::Tokenizer>>;

inline Made make_bert(const Place& place, const io::Json& arguments) {
  TESSERA_TRY_ASSIGN(const std::string path, place.vocabulary("vocab.txt"));
  TESSERA_TRY_ASSIGN(text::BertOptions options, bert_options(arguments));
  TESSERA_TRY_ASSIGN(const std::string bytes, io::read_text(path));
  auto made = text::BertTokenizer::from_memory(bytes, std::move(options));
  if (!made.ok()) return made.error().in(path.c_str());
  return std::unique_ptr<text::Tokenizer>(std::make_unique<text::BertTokenizer>(std::move(made).value()));
}

/// A tokenizer with vocab.json and merges.txt.
template <class T, class Options>
Made make_bpe(const Place& place, const io::Json& arguments) {
  if (!place.single_file.empty()) {
    return Error::format(Code::invalid_argument, "%s: a folder with vocab.json and merges.txt expected, found a file",
                         place.single_file.c_str());
  }
  TESSERA_TRY_ASSIGN(const std::string vocab_path, place.vocabulary("vocab.json"));
  TESSERA_TRY_ASSIGN(const std::string merges_path, place.vocabulary("merges.txt"));
  Options options;
  TESSERA_TRY(apply_arguments(arguments, options));
  TESSERA_TRY_ASSIGN(text::Vocabulary vocabulary, read_json_vocabulary(vocab_path));
  TESSERA_TRY_ASSIGN(const std::string merges, io::read_text(merges_path));
  auto made = T::from_memory(std::move(vocabulary), merges, std::move(options));
  if (!made.ok()) return made.error().in(merges_path.c_str());
  return std::unique_ptr<text::Tokenizer>(std::make_unique<T>(std::move(made).value()));
}

inline Made make_xlnet(const Place& place, const io::Json& arguments) {
  TESSERA_TRY_ASSIGN(const std::string path, place.vocabulary("spiece.model"));
  text::XLNetOptions options;
  TESSERA_TRY(apply_common_arguments(arguments, options));
  if (const io::Json* v = io::find_key(arguments, "do_lower_case")) options.do_lower_case = is_true(*v);
  if (const io::Json* v = io::find_key(arguments, "remove_space")) options.remove_space = is_true(*v);
  if (const io::Json* v = io::find_key(arguments, "keep_accents")) options.keep_accents = is_true(*v);
  TESSERA_TRY_ASSIGN(std::string bytes, io::read_text(path));
  auto made = text::XLNetTokenizer::from_memory(std::move(bytes), std::move(options));
  if (!made.ok()) return made.error().in(path.c_str());
  return std::unique_ptr<text::Tokenizer>(std::make_unique<text::XLNetTokenizer>(std::move(made).value()));
}

/// The symbols in a vocab.bin, and the id of the unknown one if the file says which it is.
inline Result<std::pair<text::Vocabulary, text::Id>> read_torch_vocabulary(io::Bytes file) {
  const auto bad = [](const char* what) { return Error::format(Code::bad_format, "vocab.bin: %s", what); };
  TESSERA_TRY_ASSIGN(const io::TorchObject object, io::read_torch_object(file));
  const io::PickleValue* const symbols = object.find("idx2sym");
  if (symbols == nullptr || symbols->kind != io::PickleKind::list) return bad("a list idx2sym expected");
  text::Vocabulary vocabulary;
  vocabulary.reserve(symbols->items.size(), file.size());
  for (const std::uint32_t item : symbols->items) {
    const io::PickleValue& symbol = object.pickle[item];
    if (symbol.kind != io::PickleKind::text && symbol.kind != io::PickleKind::bytes)
      return bad("idx2sym: texts expected");
    if (!text::utf8::is_valid(symbol.text)) return bad("idx2sym: a symbol is not UTF-8");
    if (vocabulary.contains(symbol.text)) return bad("idx2sym: a symbol is there twice");
    TESSERA_TRY(vocabulary.set(symbol.text, static_cast<text::Id>(vocabulary.size())));
  }
  if (const io::PickleValue* const ids = object.find("sym2idx"); ids != nullptr) {
    if (ids->kind != io::PickleKind::dict) return bad("sym2idx: a dict expected");
    for (std::size_t i = 0; i + 1 < ids->items.size(); i += 2) {
      const io::PickleValue& symbol = object.pickle[ids->items[i]];
      const io::PickleValue& id = object.pickle[ids->items[i + 1]];
      if (id.kind != io::PickleKind::integer || vocabulary.find(symbol.text) != id.integer) {
        return bad("sym2idx and idx2sym do not agree");
      }
    }
  }
  text::Id unknown = text::no_id;
  if (const io::PickleValue* const id = object.find("unk_idx"); id != nullptr) {
    if (id->kind != io::PickleKind::integer || id->integer < 0 ||
        id->integer >= static_cast<std::int64_t>(vocabulary.size())) {
      return bad("unk_idx: an id of the vocabulary expected");
    }
    unknown = static_cast<text::Id>(id->integer);
  }
  return std::pair(std::move(vocabulary), unknown);
}

inline Result<text::TransfoXLOptions> transfo_xl_options(const io::Json& arguments) {
  text::TransfoXLOptions options;
  TESSERA_TRY(apply_common_arguments(arguments, options));
  const auto given = [&arguments](const char* key) {
    const io::Json* const value = io::find_key(arguments, key);
    return value != nullptr && !value->is_null() ? value : nullptr;
  };
  if (const io::Json* v = given("lower_case")) options.words.lower_case = is_true(*v);
  if (const io::Json* v = given("delimiter")) {
    TESSERA_TRY_ASSIGN(options.words.delimiter, io::as_string(*v, "delimiter"));
  }
  if (const io::Json* v = given("special")) {
    TESSERA_TRY_ASSIGN(options.words.special, as_strings(*v, "special"));
  }
  if (const io::Json* v = given("min_freq")) {
    TESSERA_TRY_ASSIGN(const std::int64_t n, io::as_int(*v, "min_freq"));
    options.words.min_freq = n > 0 ? static_cast<std::uint64_t>(n) : 0;
  }
  if (const io::Json* v = given("max_size")) {
    TESSERA_TRY_ASSIGN(const std::int64_t n, io::as_int(*v, "max_size"));
    options.words.max_size = n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  return options;
}

/// vocab.txt wins over vocab.bin where both are there.
inline Made make_transfo_xl(const Place& place, const io::Json& arguments) {
  TESSERA_TRY_ASSIGN(text::TransfoXLOptions options, transfo_xl_options(arguments));
  std::string path = place.single_file.empty() ? io::join_path(place.folder, "vocab.txt") : place.single_file;
  if (io::kind_of(path) == io::PathKind::missing) path = io::join_path(place.folder, "vocab.bin");
  if (io::kind_of(path) == io::PathKind::missing) {
    return Error::format(Code::not_found, "%s: the vocabulary file is missing, nor is there a vocab.txt", path.c_str());
  }
  TESSERA_TRY_ASSIGN(const std::string bytes, io::read_text(path));
  const io::Bytes file = io::bytes_of(bytes);
  if (io::ZipArchive::looks_like(file) || io::looks_like_torch_stream(file)) {
    auto read = read_torch_vocabulary(file);
    if (!read.ok()) return read.error().in(path.c_str());
    return std::unique_ptr<text::Tokenizer>(
        std::make_unique<text::TransfoXLTokenizer>(std::move(read->first), read->second, std::move(options)));
  }
  auto made = text::TransfoXLTokenizer::from_memory(bytes, std::move(options));
  if (!made.ok()) return made.error().in(path.c_str());
  return std::unique_ptr<text::Tokenizer>(std::make_unique<text::TransfoXLTokenizer>(std::move(made).value()));
}

/// A tokenizer class of the reference: how it is called, and how it is made.
struct TokenizerClass {
  std::string_view name;
  std::string_view model_type;  ///< in config.json, and as a part of a folder's name
  std::string_view prefix;      ///< of the names of its models' classes
  Made (*make)(const Place&, const io::Json&);
  std::string_view arguments;  ///< of its constructor, beside special tokens and max_len; with spaces between
};

inline constexpr std::string_view bert_arguments = "do_lower_case do_basic_tokenize never_split tokenize_chinese_chars";

/// In the order in which the reference looks for parts of names: "bert" is in "roberta", too.
inline constexpr std::array<TokenizerClass, 8> tokenizer_classes{{
    {"DistilBertTokenizer", "distilbert", "DistilBert", &make_bert, bert_arguments},
    {"RobertaTokenizer", "roberta", "Roberta", &make_bpe<text::RobertaTokenizer, text::RobertaOptions>, "errors"},
    {"BertTokenizer", "bert", "Bert", &make_bert, bert_arguments},
    {"OpenAIGPTTokenizer", "openai-gpt", "OpenAIGPT", &make_bpe<text::OpenAIGPTTokenizer, text::OpenAIGPTOptions>, ""},
    {"GPT2Tokenizer", "gpt2", "GPT2", &make_bpe<text::Gpt2Tokenizer, text::Gpt2Options>, "errors"},
    {"TransfoXLTokenizer", "transfo-xl", "TransfoXL", &make_transfo_xl,
     "special min_freq max_size lower_case delimiter"},
    {"XLNetTokenizer", "xlnet", "XLNet", &make_xlnet, "do_lower_case remove_space keep_accents"},
    {"XLMTokenizer", "xlm", "XLM", &make_bpe<text::XLMTokenizer, text::XLMOptions>,
     "do_lowercase_and_remove_accent lang bypass_tokenizer lang2id id2lang"},
}};

}  // namespace detail

}  // namespace tessera::pretrained
