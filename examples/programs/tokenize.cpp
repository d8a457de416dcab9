// tokenize: texts to tokens, ids and back.
//
// Reads JSON lines {"text": ..., "pair": ...} and writes one JSON line for each. A folder holds the tokenizer, as
// from_pretrained reads it. What a tokenizer cannot compute is an {"error": ...} in the place of the value, so that one
// bad text does not end a run. Loads no model.

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "common/lines.hpp"
#include "common/model_path.hpp"
#include "common/output.hpp"
#include "common/program.hpp"
#include "tessera/base/version.hpp"
#include "tessera/io/json.hpp"
#include "tessera/pretrained/tokenizer_files.hpp"

namespace {

using tessera::Error;
using tessera::Result;
using tessera::io::Json;
namespace io = tessera::io;
namespace text = tessera::text;
namespace pretrained = tessera::pretrained;
using tessera::programs::LineReader;
using tessera::programs::Output;

// JSON may name half of a surrogate pair ("\ud800"), which is no character and no UTF-8, but which Python strings hold
// and tokenizers answer to. Such an escape travels through the parser as one of 2048 private-use code points.
constexpr char32_t first_stand_in = 0x10F800;

std::optional<unsigned> unicode_escape(std::string_view line, std::size_t at) {
  if (at + 6 > line.size() || line[at] != '\\' || line[at + 1] != 'u') return std::nullopt;
  unsigned value = 0;
  for (std::size_t i = at + 2; i < at + 6; ++i) {
    const std::size_t digit = std::string_view("0123456789abcdef")
                                  .find(static_cast<char>(line[i] >= 'A' && line[i] <= 'F' ? line[i] + 0x20 : line[i]));
    if (digit == std::string_view::npos) return std::nullopt;
    value = value * 16 + static_cast<unsigned>(digit);
  }
  return value;
}

/// Puts stand-ins for lone surrogates; true if there were any.
bool hide_surrogates(std::string& line) {
  if (line.find("\\ud") == std::string::npos && line.find("\\uD") == std::string::npos) return false;
  std::string out;
  bool hidden = false;
  for (std::size_t i = 0; i < line.size();) {
    const auto unit = unicode_escape(line, i);
    if (!unit || *unit < 0xD800 || *unit > 0xDFFF) {
      const std::size_t n = line[i] == '\\' && i + 1 < line.size() ? 2 : 1;  // an escaped backslash starts no escape
      out.append(line, i, n);
      i += n;
      continue;
    }
    const auto low = unicode_escape(line, i + 6);
    if (*unit < 0xDC00 && low && *low >= 0xDC00 && *low <= 0xDFFF) {
      out.append(line, i, 12);
      i += 12;
    } else {
      text::utf8::append(out, first_stand_in + (*unit - 0xD800));
      hidden = true;
      i += 6;
    }
  }
  line = std::move(out);
  return hidden;
}

/// The code points that the stand-ins stand for.
std::u32string with_surrogates(std::string_view hidden) {
  std::u32string out = text::utf8::decode(hidden);
  for (char32_t& c : out) {
    if (c >= first_stand_in && c < first_stand_in + 0x800) c = 0xD800 + (c - first_stand_in);
  }
  return out;
}

Json error_value(const Error& error) { return {{"error", error.message()}}; }

template <class T>
Json value_or_error(const Result<T>& result) {
  return result.ok() ? Json(*result) : error_value(result.error());
}
Json value_or_error(const Result<text::Encoding>& result) {
  return result.ok() ? Json(result->ids) : error_value(result.error());
}
Json value_or_error(const Result<text::Decoded>& result) {
  if (!result.ok()) return error_value(result.error());
  return result->is_list ? Json(result->parts) : Json(result->text);
}

/// The answer for one text, from its tokens on.
Json answer_text(const text::Tokenizer& tokenizer, const Result<text::Tokens>& tokens) {
  Json out = {{"tokens", value_or_error(tokens)}};
  const auto ids = tokens.ok() ? tokenizer.tokens_to_ids(*tokens) : Result<text::Ids>(tokens.error());
  const auto special = ids.ok() ? tokenizer.with_special_tokens(*ids) : Result<text::Encoding>(ids.error());
  out["ids"] = value_or_error(ids);
  out["ids_special"] = value_or_error(special);
  const auto decoded = [&](const Error& error, const text::Ids* from, text::DecodeOptions options) {
    return value_or_error(from != nullptr ? tokenizer.decode(*from, options) : Result<text::Decoded>(error));
  };
  const text::Ids* const plain = ids.ok() ? &*ids : nullptr;
  const text::Ids* const wrapped = special.ok() ? &special->ids : nullptr;
  out["decoded"] = decoded(ids.error(), plain, {});
  out["decoded_noclean"] = decoded(ids.error(), plain, {false, false});
  out["decoded_special"] = decoded(special.error(), wrapped, {});
  out["decoded_skip"] = decoded(special.error(), wrapped, {true, true});
  return out;
}

Result<Json> answer(const text::Tokenizer& tokenizer, std::string line) {
  const bool hidden = hide_surrogates(line);
  TESSERA_TRY_ASSIGN(const Json request, io::parse_json(line));
  TESSERA_TRY_ASSIGN(const std::string first, io::get_string(request, "text"));
  const Json* const pair = io::find_key(request, "pair");
  if (pair == nullptr || pair->is_null()) {
    return answer_text(tokenizer, hidden ? tokenizer.tokenize(with_surrogates(first)) : tokenizer.tokenize(first));
  }
  TESSERA_TRY_ASSIGN(const std::string second, io::as_string(*pair, "pair"));
  constexpr text::EncodeOptions with_special{true, 0};
  return Json{{"ids_pair",
               value_or_error(hidden ? tokenizer.encode(with_surrogates(first), with_surrogates(second), with_special)
                                     : tokenizer.encode(first, second, with_special))}};
}

/// Constructor arguments: those of info.json where there is one, overridden by those of the command line.
Result<Json> arguments_of(const std::string& folder, const Json& given) {
  Json arguments = Json::object();
  const std::string info = io::join_path(folder, "info.json");
  if (io::kind_of(info) == io::PathKind::file) {
    TESSERA_TRY_ASSIGN(const Json json, io::read_json(info));
    if (const Json* const found = io::find_key(json, "kwargs"); found != nullptr && found->is_object()) {
      arguments = *found;
    }
  }
  for (const auto& [key, value] : given.items()) arguments[key] = value;
  return arguments;
}

Result<void> run(const std::string& name, const tessera::programs::ModelPath& model_path, const std::string& class_name,
                 const Json& given) {
  TESSERA_TRY_ASSIGN(const std::string folder, model_path(name, tessera::programs::Part::tokenizer));
  std::string of_class = class_name;
  if (of_class.empty()) {
    TESSERA_TRY_ASSIGN(of_class, pretrained::tokenizer_class(folder));
  }
  TESSERA_TRY(pretrained::check_arguments(of_class, given));
  TESSERA_TRY_ASSIGN(const Json arguments, arguments_of(folder, given));
  TESSERA_TRY_ASSIGN(const auto loaded, pretrained::load_tokenizer(folder, of_class, arguments));

  TESSERA_TRY_ASSIGN(LineReader lines, LineReader::open(""));
  TESSERA_TRY_ASSIGN(Output output, Output::open(""));
  for (std::string line;;) {
    TESSERA_TRY_ASSIGN(const bool more, lines.next(line));
    if (!more) return output.commit();
    const auto found = answer(*loaded.tokenizer, std::move(line));
    if (!found.ok()) return found.error().in(lines.here().c_str());
    TESSERA_TRY(output.write(found->dump(-1, ' ', false, Json::error_handler_t::replace) + '\n'));
    // One line out for one line in, at once: the program may be the other end of a conversation.
    if (!lines.ready()) TESSERA_TRY(output.flush());
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Turns texts into tokens and ids, and ids back into texts.", "tokenize");
  std::string folder;
  std::string class_name;
  std::string arguments_text = "{}";
  app.add_option("folder", folder, "a folder with a tokenizer's files, a single vocabulary file, or a model's name")
      ->required()
      ->type_name("FOLDER|NAME");
  tessera::programs::ModelPath model_path;
  model_path.add_to(app);
  app.add_option("--class", class_name, "the tokenizer's class, such as BertTokenizer or distilbert")
      ->type_name("NAME");
  app.add_option("--kwargs", arguments_text, "constructor arguments as a JSON object; they win over the folder's files")
      ->type_name("JSON");
  app.set_version_flag("--version", std::string("tokenize, tessera ") + TESSERA_VERSION_STRING);
  app.footer(
      "Standard input: JSON lines {\"text\": \"...\"} or {\"text\": \"...\", \"pair\": \"...\"}.\n"
      "Standard output: one JSON line for each, in order. For a text: tokens, ids, ids_special (with special tokens),\n"
      "decoded, decoded_noclean, decoded_special and decoded_skip (special tokens skipped). For a pair: ids_pair.\n"
      "A decoded value is a list where the separator token occurs. What cannot be computed is {\"error\": ...}.\n"
      "\n"
      "Without --class, the class is read from info.json (class), tokenizer_config.json (tokenizer_class) or\n"
      "config.json (model_type, architectures), or taken from the folder's name. Classes:\n"
      "BertTokenizer, DistilBertTokenizer, RobertaTokenizer, OpenAIGPTTokenizer, GPT2Tokenizer, TransfoXLTokenizer,\n"
      "XLNetTokenizer, XLMTokenizer (--kwargs '{\"lang\": \"fr\"}' names the language of the texts).\n"
      "An info.json may also hold constructor arguments (kwargs).\n"
      "Exit code: 0, 1 when something cannot be read, 2 for wrong usage.\n"
      "\n"
      "Examples:\n"
      "  echo '{\"text\": \"Hello, world\"}' | tokenize bert-base-uncased\n"
      "  tokenize vocab.txt --class bert --kwargs '{\"do_lower_case\": false}' < texts.jsonl");
  Json given;
  app.callback([&] {
    auto parsed = io::parse_json(arguments_text);
    if (!parsed.ok()) throw CLI::ValidationError("--kwargs", parsed.error().message());
    if (!parsed->is_object()) throw CLI::ValidationError("--kwargs", "an object expected");
    given = std::move(*parsed);
  });
  return tessera::programs::run_program(app, argc, argv, [&] { return run(folder, model_path, class_name, given); });
}
