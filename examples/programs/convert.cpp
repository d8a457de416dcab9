// convert: a checkpoint of any format, written as safetensors or pytorch_model.bin under the reference's names.
//
// An original release (TensorFlow, NumPy) gets the names that the reference's conversion programs give it; a checkpoint
// that has them already is written bit for bit. What is left out is listed. Vocabularies are not converted: the
// reference and the originals have the same files.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "common/output.hpp"
#include "common/program.hpp"
#include "tessera/base/version.hpp"
#include "tessera/io/convert_original.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/open.hpp"
#include "tessera/io/safetensors.hpp"
#include "tessera/io/torch.hpp"

namespace {

using tessera::Code;
using tessera::DType;
using tessera::Error;
using tessera::Result;
using tessera::io::Json;
using tessera::io::State;
using tessera::io::StateTensor;
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
};

/// The class in a config.json: "architectures"; empty if it has none.
Result<std::string> class_of_config(const std::string& path) {
  TESSERA_TRY_ASSIGN(const Json config, io::read_json(path));
  const Json* const list = io::find_key(config, "architectures");
  if (list == nullptr || !list->is_array() || list->empty()) return std::string();
  return io::as_string(list->front(), "architectures");
}

std::uint16_t to_bf16(float value) noexcept {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>(bits >> 16 | 0x40U);  // stays a NaN
  return static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

/// The state with its float32 tensors rounded to the nearest bfloat16.
Result<State> rounded_to_bf16(const State& state) {
  State out;
  TESSERA_TRY(out.keep_all_of(state));
  std::vector<std::uint16_t> rounded;
  for (const StateTensor& tensor : state) {
    if (tensor.type != DType::f32) {
      TESSERA_TRY(out.add(tensor));
      continue;
    }
    TESSERA_TRY_ASSIGN(const auto values, tensor.as<float>());
    rounded.clear();
    for (const float value : values) rounded.push_back(to_bf16(value));
    TESSERA_TRY(out.add_copy(tensor.name, DType::bf16, tensor.shape,
                             {reinterpret_cast<const std::byte*>(rounded.data()), 2 * rounded.size()}));
  }
  return out;
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

Result<State> converted(const State& state, const Options& options) {
  if (!io::has_original_names(state)) return State(state);
  std::string class_name = options.class_name;
  if (class_name.empty() && !options.config.empty()) {
    TESSERA_TRY_ASSIGN(class_name, class_of_config(options.config));
  }
  if (class_name.empty()) {
    return Error::format(Code::invalid_argument,
                         "the tensors have the names of an original release: say by --class of which class they are");
  }
  TESSERA_TRY_ASSIGN(io::Converted result, io::convert_original(state, class_name));
  if (!options.quiet) {
    list("left out, of training", result.training);
    list("left out, not of this class", result.other_heads);
    list("left out, unknown", result.unknown);
  }
  return std::move(result.state);
}

Result<void> run(const Options& options) {
  io::LoadOptions load;
  load.checksums = options.verify;
  TESSERA_TRY_ASSIGN(const State state, io::load_state(options.checkpoint, load));
  if (!options.quiet) list("no tensors of numbers", state.ignored);
  TESSERA_TRY_ASSIGN(State result, converted(state, options));
  if (options.type == "bf16") {
    TESSERA_TRY_ASSIGN(result, rounded_to_bf16(result));
  }
  TESSERA_TRY_ASSIGN(Output output, Output::open(options.out));
  if (options.out.ends_with(".safetensors")) {
    result.metadata.emplace("format", "pt");
    TESSERA_TRY(io::write_safetensors(result, output));
  } else {
    TESSERA_TRY(io::write_torch(result, output));
  }
  TESSERA_TRY(output.commit());
  if (!options.quiet)
    std::printf("%s: %zu tensors, from %s\n", options.out.c_str(), result.size(), state.format.c_str());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Writes a checkpoint of any format as safetensors or pytorch_model.bin.", "convert");
  Options options;
  app.add_option("checkpoint", options.checkpoint, "a file, a folder, or a TensorFlow prefix such as bert_model.ckpt")
      ->required()
      ->type_name("CHECKPOINT");
  app.add_option("out", options.out, "what to write; its name ends in .safetensors or .bin")
      ->required()
      ->type_name("OUT");
  app.add_option("--class", options.class_name, "the class of the reference, for checkpoints of an original release")
      ->type_name("CLASS");
  app.add_option("--config", options.config, "a config.json that names the class (architectures)")->type_name("FILE");
  app.add_option("--type", options.type, "round float32 tensors to this type")
      ->check(CLI::IsMember({"bf16"}))
      ->type_name("TYPE");
  app.add_flag("--verify", options.verify, "check the checksums of the checkpoint, where its format has them");
  app.add_flag("--quiet", options.quiet, "print nothing");
  app.set_version_flag("--version", std::string("convert, tessera ") + TESSERA_VERSION_STRING);
  std::string classes;
  for (const io::ModelClassNames& c : io::model_class_names) {
    classes += classes.empty() ? "  " : classes.size() - classes.rfind('\n') > 90 ? ",\n  " : ", ";
    classes += c.name;
  }
  app.footer(
      "Formats are found by content: safetensors and torch (also in several files with an index), npy, npz,\n"
      "TensorFlow V1 and V2, and the params_*.npy of OpenAI GPT. Tensors with the reference's names are written as\n"
      "they are. Classes of original releases:\n" +
      classes +
      "\n"
      "Exit code: 0, 1 when something cannot be read or written, 2 for wrong usage.\n"
      "\n"
      "Examples:\n"
      "  convert uncased_L-12_H-768_A-12/bert_model.ckpt model.safetensors --class BertForPreTraining\n"
      "  convert pytorch_model.bin model.safetensors\n"
      "  convert model.safetensors half.safetensors --type bf16");
  app.callback([&] {
    if (!options.out.ends_with(".safetensors") && !options.out.ends_with(".bin")) {
      throw CLI::ValidationError("OUT", "a name that ends in .safetensors or .bin expected");
    }
  });
  return tessera::programs::run_program(app, argc, argv, [&] { return run(options); });
}
