// embed: weights as code. Writes the tensors of a checkpoint as constants of a program, for machines without files;
// context/embedded.hpp binds a model to them.
//
// A header holds the numbers themselves; compilers take about a second for each million of them. With --assembly the
// header only declares them, and an assembler makes an object file of the numbers in no time.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "common/model_path.hpp"
#include "common/output.hpp"
#include "common/program.hpp"
#include "tessera/base/version.hpp"
#include "tessera/io/convert_original.hpp"
#include "tessera/io/narrow.hpp"
#include "tessera/io/open.hpp"
#include "tessera/tensor/view.hpp"

namespace {

namespace io = tessera::io;
using tessera::Code;
using tessera::DType;
using tessera::Error;
using tessera::Result;
using tessera::View;
using tessera::programs::append_float;
using tessera::programs::Output;

struct Options {
  std::string checkpoint;
  std::string output;
  std::string storage = "f32";
  std::string name;
  bool assembly = false;
  std::vector<std::string> without;
  tessera::programs::ModelPath model_path;
};

/// A tensor in its stored form.
struct Stored {
  std::string name;
  std::vector<std::int64_t> shape;
  DType type = DType::f32;
  std::vector<float> numbers;        ///< f32
  std::vector<std::uint16_t> halfs;  ///< f16 and bf16: bits
  std::vector<std::int8_t> bytes;    ///< i8
  std::vector<float> scales;         ///< i8: for each row
  int same_as = -1;                  ///< the tensor with the same memory, when there is one before this
};

Result<std::vector<float>> numbers_of(const io::StateTensor& tensor) {
  std::vector<float> numbers(tensor.elements());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = io::element_as_float(tensor, i);
    if (!std::isfinite(numbers[i]))
      return Error::format(Code::out_of_range, "tensor %s: element %zu is not finite",
                           io::in_quotes(tensor.name).c_str(), i);
  }
  return numbers;
}

/// Matrices and tables become narrow; vectors stay f32, they are few.
Result<Stored> store(const io::StateTensor& tensor, const std::string& storage) {
  Stored stored;
  stored.name = tensor.name;
  stored.shape = tensor.shape;
  TESSERA_TRY_ASSIGN(stored.numbers, numbers_of(tensor));
  if (storage == "f32" || tensor.shape.size() < 2) return stored;
  if (storage == "bf16") {
    stored.type = DType::bf16;
    for (const float x : stored.numbers) stored.halfs.push_back(tessera::to_bf16(x));
  } else if (storage == "f16") {
    stored.type = DType::f16;
    for (const float x : stored.numbers) {
      stored.halfs.push_back(tessera::to_f16(x));
      if (!std::isfinite(tessera::from_f16(stored.halfs.back())))
        return Error::format(Code::out_of_range, "tensor %s: %g is too large for float16; store it as f32",
                             io::in_quotes(tensor.name).c_str(), static_cast<double>(x));
    }
  } else {
    stored.type = DType::i8;
    const auto rows = static_cast<std::size_t>(tensor.shape[0]);
    const std::size_t each = rows == 0 ? 0 : stored.numbers.size() / rows;
    stored.bytes.resize(stored.numbers.size());
    for (std::size_t r = 0; r < rows; ++r)
      stored.scales.push_back(
          io::round_to_int8({stored.numbers.data() + r * each, each}, stored.bytes.data() + r * each));
  }
  stored.numbers.clear();
  return stored;
}

/// On one line, which a backslash at its end would not end.
std::string in_comment(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\') c = '?';
  return text;
}

std::string in_literal(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\' && c != '?') {
      out += c;
    } else {
      char octal[8];
      std::snprintf(octal, sizeof octal, "\\%03o", byte);
      out += octal;
    }
  }
  return out + "\"";
}

void append_literal(std::string& out, float value) {
  const std::size_t start = out.size();
  append_float(out, value);
  if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
  out += 'F';
}
void append_literal(std::string& out, std::uint16_t value) { out += std::to_string(value); }
void append_literal(std::string& out, std::int8_t value) { out += std::to_string(value); }

/// An array of constants, or what declares it when the numbers are in an object file.
template <class T>
Result<void> write_array(Output& header, const char* type, const std::string& name, const std::vector<T>& numbers,
                         bool declare) {
  // A checkpoint may hold tensors without elements; arrays without any are not C++.
  const std::size_t count = std::max<std::size_t>(numbers.size(), 1);
  if (declare)
    return header.write("extern \"C\" const " + std::string(type) + " " + name + "[" + std::to_string(count) + "];\n");
  std::string text =
      "alignas(64) inline constexpr " + std::string(type) + " " + name + "[" + std::to_string(count) + "] = {";
  std::size_t line = 120;
  for (const T& x : numbers) {
    std::string literal;
    append_literal(literal, x);
    if (line + literal.size() + 2 > 118) {
      text += "\n   ";
      line = 3;
    }
    text += ' ';
    text += literal;
    text += ',';
    line += literal.size() + 2;
    if (text.size() > 1 << 16) {
      TESSERA_TRY(header.write(text));
      text.clear();
    }
  }
  return header.write(text + "};\n");
}

/// The numbers in one file, each array on a boundary of 64 bytes, and an assembler's source that names them.
struct Blob {
  std::string data;
  std::string source;

  template <class T>
  void add(const std::string& name, const std::vector<T>& numbers, const std::string& file) {
    data.resize((data.size() + 63) / 64 * 64);
    const std::size_t offset = data.size();
    const std::size_t bytes = std::max<std::size_t>(numbers.size(), 1) * sizeof(T);
    data.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T));
    data.resize(offset + bytes);
    source += "  .balign 64\n  .globl SYMBOL(" + name + ")\nSYMBOL(" + name + "):\n  .incbin \"" + file + "\", " +
              std::to_string(offset) + ", " + std::to_string(bytes) + "\n";
  }
};

struct Names {
  std::string space;   ///< namespace, and the start of symbols
  std::string header;  ///< path
  std::string stem;    ///< path without its last extension
};

/// Words that cannot name a namespace (C++20, [lex.key]), and the standard library's own.
bool is_reserved(std::string_view name) {
  static constexpr std::string_view words[] = {
      "alignas",     "alignof",  "and",        "and_eq",    "asm",       "auto",         "bitand",
      "bitor",       "bool",     "break",      "case",      "catch",     "char",         "char16_t",
      "char32_t",    "char8_t",  "class",      "co_await",  "co_return", "co_yield",     "compl",
      "concept",     "const",    "const_cast", "consteval", "constexpr", "constinit",    "continue",
      "decltype",    "default",  "delete",     "do",        "double",    "dynamic_cast", "else",
      "enum",        "explicit", "export",     "extern",    "false",     "float",        "for",
      "friend",      "goto",     "if",         "inline",    "int",       "long",         "mutable",
      "namespace",   "new",      "noexcept",   "not",       "not_eq",    "nullptr",      "operator",
      "or",          "or_eq",    "private",    "protected", "public",    "register",     "reinterpret_cast",
      "requires",    "return",   "short",      "signed",    "sizeof",    "static",       "static_assert",
      "static_cast", "std",      "struct",     "switch",    "template",  "this",         "thread_local",
      "throw",       "true",     "try",        "typedef",   "typeid",    "typename",     "union",
      "unsigned",    "using",    "virtual",    "void",      "volatile",  "wchar_t",      "while",
      "xor",         "xor_eq"};
  return std::find(std::begin(words), std::end(words), name) != std::end(words);
}

Result<Names> names_of(const Options& o) {
  Names names;
  names.header = o.output;
  const std::size_t slash = o.output.find_last_of('/') + 1;
  const std::size_t dot = o.output.find_last_of('.');
  names.stem = o.output.substr(0, dot == std::string::npos || dot < slash ? o.output.size() : dot);
  names.space = o.name;
  if (names.space.empty()) {
    names.space = names.stem.substr(slash);
    for (char& c : names.space)
      if ((std::isalnum(static_cast<unsigned char>(c)) == 0)) c = '_';
    if (names.space.empty() || std::isdigit(static_cast<unsigned char>(names.space[0])) != 0 ||
        is_reserved(names.space))
      names.space = "weights_" + names.space;
  }
  const auto fits = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  if (!std::all_of(names.space.begin(), names.space.end(), fits) ||
      std::isdigit(static_cast<unsigned char>(names.space[0])) != 0)
    return Error::format(Code::invalid_argument, "--name %s: letters, digits and _ make a name of C++",
                         io::in_quotes(names.space).c_str());
  if (is_reserved(names.space))
    return Error::format(Code::invalid_argument, "--name %s: a word of C++ itself names nothing else",
                         io::in_quotes(names.space).c_str());
  if (o.assembly && names.stem.find_first_of("\"\\\n") != std::string::npos)
    return Error::format(Code::invalid_argument, "--output %s: an assembler takes no quote or backslash in a name",
                         io::in_quotes(o.output).c_str());
  return names;
}

Result<void> run(const Options& o) {
  TESSERA_TRY_ASSIGN(const Names names, names_of(o));
  TESSERA_TRY_ASSIGN(const auto found, o.model_path.checkpoint(o.checkpoint));
  TESSERA_TRY_ASSIGN(const io::State loaded, io::load_state(found));
  if (io::has_original_names(loaded))
    return Error::format(Code::unsupported, "%s: its tensors have the names of an original release: convert it first",
                         found.c_str());
  TESSERA_TRY_ASSIGN(const io::State state, io::from_int8_rows(loaded));

  std::vector<Stored> all;
  std::map<std::pair<const void*, std::size_t>, int> first;
  for (const io::StateTensor& tensor : state) {
    const auto starts = [&](const std::string& prefix) { return tensor.name.starts_with(prefix); };
    if (std::any_of(o.without.begin(), o.without.end(), starts)) continue;
    if (!is_floating(tensor.type)) {
      std::printf("left out: %s, which holds no weights but %s\n", tensor.name.c_str(), name(tensor.type));
      continue;
    }
    if (tensor.shape.size() > static_cast<std::size_t>(View::max_rank))
      return Error::format(Code::unsupported, "tensor %s: %zu dimensions, at most %d expected",
                           io::in_quotes(tensor.name).c_str(), tensor.shape.size(), View::max_rank);
    const auto [place, is_new] = first.emplace(std::pair{tensor.data, tensor.bytes}, static_cast<int>(all.size()));
    if (!is_new && tensor.bytes > 0 && all[static_cast<std::size_t>(place->second)].shape == tensor.shape) {
      Stored same;
      same.name = tensor.name;
      same.shape = tensor.shape;
      same.type = all[static_cast<std::size_t>(place->second)].type;
      same.same_as = place->second;
      all.push_back(std::move(same));
      continue;
    }
    TESSERA_TRY_ASSIGN(Stored stored, store(tensor, o.storage));
    all.push_back(std::move(stored));
  }
  if (all.empty()) return Error::format(Code::not_found, "%s: no weights in it", found.c_str());

  TESSERA_TRY_ASSIGN(Output header, Output::open(names.header));
  TESSERA_TRY(header.write("// clang-format off\n// The weights of " +
                           in_comment(found.substr(found.find_last_of('/') + 1)) + " as " + o.storage +
                           ", written by embed of tessera " TESSERA_VERSION_STRING ". Bind a model to " + names.space +
                           "::weights with bind_embedded.\n#pragma once\n\n#include "
                           "\"tessera/context/embedded.hpp\"\n\n"));
  Blob blob;
  const std::string blob_path = names.stem + ".bin";
  const std::string blob_name = blob_path.substr(blob_path.find_last_of('/') + 1);
  std::size_t bytes = 0;
  const std::string prefix = names.space + "_tensor_";
  const auto symbol = [&](std::size_t i) {
    return prefix + std::to_string(all[i].same_as >= 0 ? all[i].same_as : static_cast<int>(i));
  };
  const auto put = [&](const char* type, const std::string& name, const auto& numbers) -> Result<void> {
    bytes += numbers.size() * sizeof numbers[0];
    if (o.assembly) blob.add(name, numbers, blob_name);
    return write_array(header, type, name, numbers, o.assembly);
  };
  if (!o.assembly) TESSERA_TRY(header.write("namespace " + names.space + "::data {\n"));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Stored& t = all[i];
    if (t.same_as >= 0) continue;
    if (t.type == DType::f32) TESSERA_TRY(put("float", symbol(i), t.numbers));
    if (t.type == DType::f16 || t.type == DType::bf16) TESSERA_TRY(put("std::uint16_t", symbol(i), t.halfs));
    if (t.type == DType::i8) {
      TESSERA_TRY(put("std::int8_t", symbol(i), t.bytes));
      TESSERA_TRY(put("float", symbol(i) + "_scale", t.scales));
    }
  }
  if (!o.assembly) TESSERA_TRY(header.write("}  // namespace " + names.space + "::data\n"));

  std::string table = "\nnamespace " + names.space + " {\ninline constexpr tessera::EmbeddedTensor tensors[] = {\n";
  const std::string data = o.assembly ? "::" : "data::";
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Stored& t = all[i];
    table += "    {" + in_literal(t.name) + ", tessera::DType::" +
             (t.type == DType::f32    ? "f32"
              : t.type == DType::f16  ? "f16"
              : t.type == DType::bf16 ? "bf16"
                                      : "i8") +
             ", " + std::to_string(t.shape.size()) + ", {";
    for (std::size_t d = 0; d < t.shape.size(); ++d) table += (d > 0 ? ", " : "") + std::to_string(t.shape[d]);
    table += "}, " + data + symbol(i) + ", " + (t.type == DType::i8 ? data + symbol(i) + "_scale" : "nullptr") + "},\n";
  }
  table += "};\ninline constexpr tessera::EmbeddedWeights weights{tensors, " + std::to_string(all.size()) +
           "};\n}  // namespace " + names.space + "\n";
  TESSERA_TRY(header.write(table));
  if (o.assembly) {
    TESSERA_TRY(io::write_text(blob_path, blob.data));
    TESSERA_TRY(io::write_text(names.stem + ".S",
                               "// The numbers of " + names.space + "::weights; -I the folder of " + blob_name +
                                   ".\n#if defined(__APPLE__)\n#define SYMBOL(name) _##name\n  .section "
                                   "__TEXT,__const\n#else\n#define SYMBOL(name) name\n  .section "
                                   ".rodata\n#endif\n" +
                                   blob.source +
                                   "#if defined(__ELF__)\n  .section .note.GNU-stack,\"\",%progbits\n#endif\n"));
  }
  TESSERA_TRY(header.commit());
  std::printf("written: %s%s, %zu tensors, %zu bytes of numbers\n", names.header.c_str(),
              o.assembly ? (" with " + names.stem + ".S and .bin").c_str() : "", all.size(), bytes);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Writes the weights of a checkpoint as constants of a C++ program.", "embed");
  Options o;
  app.add_option("checkpoint", o.checkpoint, "a checkpoint file, a folder with one, or a model's name")
      ->required()
      ->type_name("FILE|FOLDER|NAME");
  o.model_path.add_to(app);
  app.add_option("--output", o.output, "the header")->required()->type_name("FILE.hpp");
  app.add_option("--storage", o.storage,
                 "of matrices and tables: f32, f16, bf16, or int8 with a scale for each row; vectors stay f32")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "int8"}))
      ->capture_default_str();
  app.add_option("--name", o.name, "the namespace; without it from the header's name")->type_name("NAME");
  app.add_flag("--assembly", o.assembly,
               "the numbers go to FILE.bin and FILE.S, an assembler's source that includes it: for large models");
  app.add_option("--without", o.without, "leave out tensors whose names begin so; may come several times")
      ->type_name("PREFIX");
  app.set_version_flag("--version", std::string("embed, tessera ") + TESSERA_VERSION_STRING);
  app.footer(
      "The program includes the header and calls bind_embedded(model, NAME::weights, memory).\n"
      "Exit code: 0, 1 when something cannot be read or written, 2 for wrong usage.\n"
      "\n"
      "Examples:\n"
      "  embed tiny-bert/ --output tiny_bert.hpp --storage int8\n"
      "  embed model.safetensors --output minilm.hpp --storage f16 --assembly && cc -c -I. minilm.S");
  return tessera::programs::run_program(app, argc, argv, [&] { return run(o); });
}
