// inspect: what is in a checkpoint.
//
// Lists name, type, shape and bytes of each tensor, and the config beside it. Any format that tessera reads, found by
// content. With --out, all tensors are written to one safetensors file, bit for bit. Builds no model and does not
// check that the names are those of one.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include "common/model_path.hpp"
#include "common/output.hpp"
#include "common/program.hpp"
#include "tessera/base/version.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/open.hpp"

namespace {

using tessera::Result;
using tessera::io::Json;
using tessera::io::State;
using tessera::io::StateTensor;
using tessera::programs::Output;

/// "1234", "1.2 kB", "438.0 MB".
std::string human(double count, const char* unit) {
  static constexpr const char* prefixes[] = {"", "k", "M", "G", "T"};
  std::size_t prefix = 0;
  while (count >= 1000 && prefix + 1 < std::size(prefixes)) {
    count /= 1000;
    ++prefix;
  }
  char text[40];
  std::snprintf(text, sizeof text, prefix == 0 ? "%.0f %s%s" : "%.1f %s%s", count, prefixes[prefix], unit);
  std::string out = text;
  if (out.back() == ' ') out.pop_back();
  return out;
}

struct Totals {
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
  std::uint64_t own_bytes = 0;  // tensors that share their memory counted once
  std::map<std::string, std::uint64_t> elements_of_type;
};

Totals total(const State& state) {
  Totals totals;
  std::map<const void*, std::uint64_t> regions;
  for (const StateTensor& tensor : state) {
    totals.elements += tensor.elements();
    totals.bytes += tensor.bytes;
    totals.elements_of_type[name(tensor.type)] += tensor.elements();
    if (tensor.bytes == 0) continue;
    std::uint64_t& region = regions[tensor.data];
    region = std::max<std::uint64_t>(region, tensor.bytes);
  }
  for (const auto& [data, bytes] : regions) totals.own_bytes += bytes;
  return totals;
}

/// The first tensor with the same memory, for tensors after it.
std::map<const StateTensor*, const StateTensor*> ties(const State& state) {
  std::map<std::pair<const void*, std::size_t>, const StateTensor*> first;
  std::map<const StateTensor*, const StateTensor*> tied;
  for (const StateTensor& tensor : state) {
    if (tensor.bytes == 0) continue;
    const auto [place, is_new] = first.emplace(std::pair{tensor.data, tensor.bytes}, &tensor);
    if (!is_new) tied.emplace(&tensor, place->second);
  }
  return tied;
}

/// config.json in the folder, or beside the file; nothing when there is none. Beside a file that was named by itself a
/// broken one is nobody's question.
Result<std::optional<Json>> find_config(const std::string& path) {
  namespace io = tessera::io;
  const bool is_folder = io::kind_of(path) == io::PathKind::folder;
  const std::string config = io::join_path(is_folder ? path : io::folder_of(path), "config.json");
  if (io::kind_of(config) != io::PathKind::file) return std::optional<Json>();
  auto json = io::read_json(config);
  if (json) return std::optional<Json>(std::move(*json));
  if (is_folder) return json.error();
  std::fprintf(stderr, "inspect: not shown: %s\n", json.error().message());
  return std::optional<Json>();
}

/// "1 tensor", "2 tensors"
std::string tensors(std::size_t count) { return std::to_string(count) + (count == 1 ? " tensor" : " tensors"); }

// Names come out of files that anyone may have written: control characters must not reach the terminal.
std::string shown(const std::string& name) {
  std::string quoted = tessera::io::in_quotes(name, name.size());
  return quoted.substr(1, quoted.size() - 2);
}

void print_text(const std::string& path, const State& state, const std::optional<Json>& config) {
  const auto tied = ties(state);
  const Totals totals = total(state);
  std::printf("%s: %s, %s\n", path.c_str(), state.format.c_str(), tensors(state.size()).c_str());
  std::size_t name_width = 4;
  std::size_t shape_width = 5;
  for (const StateTensor& tensor : state) {
    name_width = std::max(name_width, std::min<std::size_t>(shown(tensor.name).size(), 64));
    shape_width = std::max(shape_width, tessera::io::format_shape(tensor.shape).size());
  }
  if (!state.empty())
    std::printf("%-*s  %-8s  %-*s  %12s\n", static_cast<int>(name_width), "name", "type", static_cast<int>(shape_width),
                "shape", "bytes");
  for (const StateTensor& tensor : state) {
    const auto tie = tied.find(&tensor);
    std::printf("%-*s  %-8s  %-*s  %12zu%s%s\n", static_cast<int>(name_width), shown(tensor.name).c_str(),
                name(tensor.type), static_cast<int>(shape_width), tessera::io::format_shape(tensor.shape).c_str(),
                tensor.bytes, tie == tied.end() ? "" : "  = ",
                tie == tied.end() ? "" : shown(tie->second->name).c_str());
  }
  for (const auto& [key, text] : state.metadata)
    std::printf("metadata %s: %s\n", shown(key).c_str(), shown(text).c_str());
  for (const std::string& what : state.ignored) std::printf("no tensor: %s\n", shown(what).c_str());
  std::printf("total: %s, %s elements, %s", tensors(state.size()).c_str(),
              human(static_cast<double>(totals.elements), "").c_str(),
              human(static_cast<double>(totals.bytes), "B").c_str());
  if (totals.own_bytes != totals.bytes)
    std::printf(" (%s without what is shared)", human(static_cast<double>(totals.own_bytes), "B").c_str());
  std::printf("\n");
  for (const auto& [type, elements] : totals.elements_of_type)
    std::printf("  %s: %s elements\n", type.c_str(), human(static_cast<double>(elements), "").c_str());
  if (config)
    if (const auto text = tessera::io::format_json(*config); text) std::printf("config: %s\n", text->c_str());
}

Result<void> print_json(const std::string& path, const State& state, const std::optional<Json>& config) {
  const auto tied = ties(state);
  const Totals totals = total(state);
  Json tensors = Json::array();
  for (const StateTensor& tensor : state) {
    Json entry = {{"name", tensor.name}, {"type", name(tensor.type)}, {"shape", tensor.shape}, {"bytes", tensor.bytes}};
    if (const auto tie = tied.find(&tensor); tie != tied.end()) entry["same_as"] = tie->second->name;
    tensors.push_back(std::move(entry));
  }
  Json out = {{"path", path}, {"format", state.format}, {"tensors", std::move(tensors)}};
  out["totals"] = {{"tensors", state.size()},
                   {"elements", totals.elements},
                   {"bytes", totals.bytes},
                   {"bytes_without_shared", totals.own_bytes}};
  out["metadata"] = Json::object();
  for (const auto& [key, text] : state.metadata) out["metadata"][key] = text;
  out["ignored"] = state.ignored;
  out["config"] = config ? *config : Json(nullptr);
  const auto text = tessera::io::format_json(out, false);
  if (!text) return text.error();
  std::printf("%s\n", text->c_str());
  return {};
}

Result<void> run(const std::string& name, const tessera::programs::ModelPath& model_path, bool as_json, bool verify,
                 const std::string& out) {
  namespace io = tessera::io;
  TESSERA_TRY_ASSIGN(const auto found, model_path.checkpoint(name));
  const std::string& path = io::kind_of(name) == io::PathKind::folder ? name : found;
  io::LoadOptions options;
  options.checksums = verify;
  TESSERA_TRY_ASSIGN(const State state, io::load_state(found, options));
  TESSERA_TRY_ASSIGN(const auto config, find_config(path));
  if (!out.empty()) {
    TESSERA_TRY_ASSIGN(Output output, Output::open(out));
    TESSERA_TRY(io::write_safetensors(state, output));
    TESSERA_TRY(output.commit());
  }
  if (as_json) return print_json(found, state, config);
  print_text(found, state, config);
  if (!out.empty()) std::printf("written: %s\n", out.c_str());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Lists the tensors and the config of a checkpoint.", "inspect");
  std::string path;
  std::string out;
  bool as_json = false;
  bool verify = false;
  app.add_option("path", path, "a checkpoint file, a folder with one, a TensorFlow prefix, or a model's name")
      ->required()
      ->type_name("FILE|FOLDER|NAME");
  tessera::programs::ModelPath model_path;
  model_path.add_to(app);
  app.add_flag("--json", as_json, "print one JSON document instead of a table");
  app.add_flag("--verify", verify, "check the checksums of the file, where its format has them");
  app.add_option("--out", out, "also write all tensors, bit for bit, to this safetensors file")->type_name("FILE");
  app.set_version_flag("--version", std::string("inspect, tessera ") + TESSERA_VERSION_STRING);
  app.footer(
      "Formats are found by content: safetensors and torch (also in several files with an index), npy, npz, TensorFlow "
      "V1\n"
      "and V2, and the params_*.npy of OpenAI GPT.\n"
      "Exit code: 0, 1 when something cannot be read or written, 2 for wrong usage.\n"
      "\n"
      "Examples:\n"
      "  inspect bert-base-uncased\n"
      "  inspect pytorch_model.bin --json\n"
      "  inspect pytorch_model.bin --out model.safetensors");
  return tessera::programs::run_program(app, argc, argv, [&] { return run(path, model_path, as_json, verify, out); });
}
