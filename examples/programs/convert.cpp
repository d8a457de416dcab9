// convert: a checkpoint of any format, written as safetensors or pytorch_model.bin under the reference's names; and
// back.
//
// An original release (TensorFlow, NumPy, XLM's dump) gets the names that the reference's conversion programs give it;
// a checkpoint that has them already is written bit for bit, or as another class of the same architecture. The way back
// writes a TensorFlow checkpoint, or OpenAI GPT's arrays. What is left out is listed.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "common/model_path.hpp"
#include "common/output.hpp"
#include "common/program.hpp"
#include "tessera/base/version.hpp"
#include "tessera/io/convert_original.hpp"
#include "tessera/io/convert_to_original.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/narrow.hpp"
#include "tessera/io/open.hpp"
#include "tessera/io/original_dictionaries.hpp"
#include "tessera/io/safetensors.hpp"
#include "tessera/io/torch.hpp"

namespace {

using tessera::Code;
using tessera::DType;
using tessera::Error;
using tessera::Result;
using tessera::io::Json;
using tessera::io::State;
using tessera::programs::Output;

namespace io = tessera::io;

struct Options {
  std::string checkpoint;
  std::string out;
  std::string class_name;
  std::string config;
  std::string type;
  bool verify = false;
  bool quiet = false;
  tessera::programs::ModelPath model_path;

  bool to_tensorflow() const { return out.ends_with(".ckpt"); }
  bool to_arrays() const { return io::name_of(out) == "params_shapes.json"; }
};

/// The class in a config.json: the first of "architectures", else any of its model_type; empty if it has neither.
Result<std::string> class_of_config(const std::string& path) {
  TESSERA_TRY_ASSIGN(const Json config, io::read_json(path));
  const Json* const list = io::find_key(config, "architectures");
  if (list != nullptr && list->is_array() && !list->empty()) return io::as_string(list->front(), "architectures");
  TESSERA_TRY_ASSIGN(const std::string type, io::get_string_or(config, "model_type", ""));
  for (const io::ModelClassNames& c : io::model_class_names) {
    if (c.architecture == type) return std::string(c.name);
  }
  return std::string();
}

/// --class, or that of --config; empty if neither was given.
Result<std::string> class_of(const Options& options) {
  if (!options.class_name.empty() || options.config.empty()) return options.class_name;
  return class_of_config(options.config);
}

void list(const char* what, const std::vector<std::string>& names) {
  if (names.empty()) return;
  std::printf("%s (%zu):", what, names.size());
  std::size_t shown = 0;
  for (const std::string& name : names) {
    if (++shown > 8) break;
    const std::string quoted = io::in_quotes(name);
    std::printf(" %.*s", static_cast<int>(quoted.size() - 2), quoted.c_str() + 1);
  }
  std::printf(names.size() > 8 ? " ...\n" : "\n");
}

/// The tensors under the reference's names.
Result<State> converted(const State& state, const Options& options) {
  TESSERA_TRY_ASSIGN(const std::string class_name, class_of(options));
  const auto left_out = [&](const char* what, const std::vector<std::string>& names) {
    if (!options.quiet) list(what, names);
  };
  if (!io::has_original_names(state)) {
    if (options.class_name.empty()) return State(state);
    std::vector<std::string> other_heads;
    TESSERA_TRY_ASSIGN(State result, io::as_class(state, class_name, other_heads));
    left_out("left out, not of this class", other_heads);
    return result;
  }
  if (class_name.empty()) {
    return Error::format(Code::invalid_argument,
                         "the tensors have the names of an original release: say by --class of which class they are");
  }
  TESSERA_TRY_ASSIGN(io::Converted result, io::convert_original(state, class_name));
  left_out("left out, of training", result.training);
  left_out("left out, not of this class", result.other_heads);
  left_out("left out, unknown", result.unknown);
  return std::move(result.state);
}

/// The numbers in the type that was asked for.
Result<State> typed(State state, const std::string& type) {
  if (type.empty()) return state;
  if (type == "f32") return io::widened(state);
  if (io::has_int8_rows(state)) {
    TESSERA_TRY_ASSIGN(state, io::from_int8_rows(state));
  }
  return io::narrowed(state, type == "bf16" ? DType::bf16 : type == "f16" ? DType::f16 : DType::i8);
}

/// Under the names of the original release, as it wrote them.
Result<std::size_t> write_original(const State& state, const Options& options) {
  TESSERA_TRY_ASSIGN(std::string class_name, class_of(options));
  const std::string beside = io::join_path(
      io::kind_of(options.checkpoint) == io::PathKind::folder ? options.checkpoint : io::folder_of(options.checkpoint),
      "config.json");
  if (class_name.empty() && io::kind_of(beside) == io::PathKind::file) {
    TESSERA_TRY_ASSIGN(class_name, class_of_config(beside));
  }
  if (class_name.empty())
    return Error::format(Code::invalid_argument, "say by --class or --config of which class the tensors are");
  TESSERA_TRY_ASSIGN(const io::ConvertedBack back, io::convert_to_original(state, class_name));
  if (!options.quiet) {
    list("left out, second names", back.second_names);
    list("left out, computed by the original", back.buffers);
  }
  const bool is_openai = io::find_model_class(class_name)->architecture == "openai-gpt";
  if (is_openai != options.to_arrays())
    return Error::format(Code::invalid_argument, "%s: the original release of %s is %s", options.out.c_str(),
                         class_name.c_str(),
                         is_openai ? "arrays; name a file params_shapes.json" : "TensorFlow's; name a prefix *.ckpt");
  TESSERA_TRY(is_openai ? io::write_openai_gpt_params(back.state, io::folder_of(options.out))
                        : io::write_tf_bundle(back.state, options.out));
  return back.state.size();
}

Result<void> write_state(State& state, const std::string& path) {
  TESSERA_TRY_ASSIGN(Output output, Output::open(path));
  if (path.ends_with(".safetensors")) {
    state.metadata.emplace("format", "pt");
    TESSERA_TRY(io::write_safetensors(state, output));
  } else {
    TESSERA_TRY(io::write_torch(state, output));
  }
  return output.commit();
}

/// A pickled corpus: its vocabulary becomes OUT (vocab.bin), what else it has corpus.bin beside it.
Result<void> convert_corpus(io::Bytes file, const Options& options) {
  if (!options.out.ends_with(".bin"))
    return Error::format(Code::invalid_argument,
                         "%s: a corpus of Transformer-XL becomes vocab.bin and corpus.bin; name "
                         "the first",
                         options.out.c_str());
  TESSERA_TRY_ASSIGN(const io::TransfoXLCorpusFile corpus, io::read_transfo_xl_corpus(file));
  const std::string beside = io::join_path(io::folder_of(options.out), "corpus.bin");
  if (io::name_of(options.out) == "corpus.bin")
    return Error::format(Code::invalid_argument, "%s: name the vocabulary, the corpus is written beside it",
                         options.out.c_str());
  TESSERA_TRY_ASSIGN(Output vocabulary, Output::open(options.out));
  TESSERA_TRY_ASSIGN(Output rest, Output::open(beside));
  TESSERA_TRY(io::write_torch_value(corpus.pickle, corpus.vocabulary, file.size(), vocabulary));
  TESSERA_TRY(io::write_torch_value(corpus.pickle, corpus.corpus, file.size(), rest));
  TESSERA_TRY(rest.commit());
  TESSERA_TRY(vocabulary.commit());
  if (!options.quiet)
    std::printf("%s: the vocabulary of a corpus of Transformer-XL; %s: the rest\n", options.out.c_str(),
                beside.c_str());
  return {};
}

/// What a dump of XLM holds beside its weights, as the files that the reference's classes read; the weights alone.
Result<State> take_xlm_dump(const State& state, const io::TorchObject& object, const Options& options) {
  TESSERA_TRY_ASSIGN(io::XlmDump dump, io::read_xlm_dump(state, object));
  const std::string folder = io::folder_of(options.out);
  for (const auto& [name, json] : {std::pair("config.json", &dump.config), std::pair("vocab.json", &dump.vocabulary)}) {
    TESSERA_TRY_ASSIGN(const std::string text, io::format_json(*json, false));  // in the dump's order
    TESSERA_TRY(io::write_text(io::join_path(folder, name), text + "\n"));
  }
  if (!options.quiet) std::printf("written beside it: config.json, vocab.json (%zu tokens)\n", dump.vocabulary.size());
  return std::move(dump.model);
}

Result<void> run(const Options& options) {
  TESSERA_TRY_ASSIGN(const std::string checkpoint, options.model_path.checkpoint(options.checkpoint));
  TESSERA_TRY_ASSIGN(io::MappedFile mapped, io::MappedFile::open(checkpoint));
  if (io::looks_like_transfo_xl_corpus(mapped.bytes())) return convert_corpus(mapped.bytes(), options);
  io::LoadOptions load;
  load.checksums = options.verify;
  TESSERA_TRY_ASSIGN(const State state, io::load_state(checkpoint, load));
  State taken = state;
  bool is_dump = false;
  if (state.format == "torch") {
    TESSERA_TRY_ASSIGN(const io::TorchObject object, io::read_torch_object(mapped.bytes()));
    is_dump = io::is_xlm_dump(object);
    if (is_dump) {
      TESSERA_TRY_ASSIGN(taken, take_xlm_dump(state, object, options));
    }
  }
  if (!is_dump && !options.quiet) list("no tensors of numbers", state.ignored);
  std::size_t written = 0;
  if (options.to_tensorflow() || options.to_arrays()) {
    TESSERA_TRY_ASSIGN(const State result, typed(std::move(taken), options.type));
    TESSERA_TRY_ASSIGN(written, write_original(result, options));
  } else {
    TESSERA_TRY_ASSIGN(State result, converted(taken, options));
    TESSERA_TRY_ASSIGN(result, typed(std::move(result), options.type));
    TESSERA_TRY(write_state(result, options.out));
    written = result.size();
  }
  if (!options.quiet) std::printf("%s: %zu tensors, from %s\n", options.out.c_str(), written, state.format.c_str());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Writes a checkpoint of any format as safetensors or pytorch_model.bin, or back.", "convert");
  Options options;
  app.add_option("checkpoint", options.checkpoint,
                 "a file, a folder, a TensorFlow prefix such as bert_model.ckpt, or a model's name")
      ->required()
      ->type_name("CHECKPOINT");
  app.add_option("out", options.out, "what to write; its name ends in .safetensors or .bin, or see below")
      ->required()
      ->type_name("OUT");
  app.add_option("--class", options.class_name,
                 "the class of the reference to write; needed for checkpoints of an original release")
      ->type_name("CLASS");
  app.add_option("--config", options.config, "a config.json that names the class (architectures)")->type_name("FILE");
  app.add_option("--type", options.type,
                 "the type of the numbers: bf16, f16, int8 (matrices, with a scale for each row), or f32 again")
      ->check(CLI::IsMember({"f32", "bf16", "f16", "int8"}))
      ->type_name("TYPE");
  app.add_flag("--verify", options.verify, "check the checksums of the checkpoint, where its format has them");
  app.add_flag("--quiet", options.quiet, "print nothing");
  options.model_path.add_to(app);
  app.set_version_flag("--version", std::string("convert, tessera ") + TESSERA_VERSION_STRING);
  std::string classes;
  for (const io::ModelClassNames& c : io::model_class_names) {
    classes += classes.empty() ? "  " : classes.size() - classes.rfind('\n') > 90 ? ",\n  " : ", ";
    classes += c.name;
  }
  app.footer(
      "Formats are found by content: safetensors and torch (also in several files with an index), npy, npz,\n"
      "TensorFlow V1 and V2, the params_*.npy of OpenAI GPT, the dump of XLM (config.json and vocab.json are written\n"
      "beside OUT), and the pickled corpus of Transformer-XL (OUT is vocab.bin, corpus.bin is written beside it).\n"
      "Tensors with the reference's names are written as they are; with --class, as those of that class.\n"
      "The way back: an OUT that ends in .ckpt is a TensorFlow checkpoint under the original names (BERT, GPT-2,\n"
      "Transformer-XL, XLNet), and one called params_shapes.json the arrays of OpenAI GPT. Classes:\n" +
      classes +
      "\n"
      "Exit code: 0, 1 when something cannot be read or written, 2 for wrong usage.\n"
      "\n"
      "Examples:\n"
      "  convert uncased_L-12_H-768_A-12/bert_model.ckpt model.safetensors --class BertForPreTraining\n"
      "  convert pytorch_model.bin model.safetensors\n"
      "  convert model.safetensors int8.safetensors --type int8\n"
      "  convert my-bert/ bert_model.ckpt --class BertModel");
  app.callback([&] {
    if (!options.out.ends_with(".safetensors") && !options.out.ends_with(".bin") && !options.to_tensorflow() &&
        !options.to_arrays()) {
      throw CLI::ValidationError("OUT",
                                 "a name that ends in .safetensors or .bin expected (or .ckpt, params_shapes.json)");
    }
  });
  return tessera::programs::run_program(app, argc, argv, [&] { return run(options); });
}
