// extract_features: hidden states of a BERT for each token of each line, as JSON lines.
//
// The program of this name of pytorch-pretrained-bert 0.6.2: its flags, its tokenizer, its output to the last digit of
// Python's repr. A line is a text, or two: "first ||| second". As there, the model sees both as segment 0, and layers
// count from the first layer's output (0) or from the last (-1); the embeddings are not among them. Not as there: the
// batch is ragged, so a longer --max_seq_length costs nothing, and what is asked wrongly is an error at once.

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "common/backend.hpp"
#include "common/bert_encoder.hpp"
#include "common/lines.hpp"
#include "common/model_path.hpp"
#include "common/output.hpp"
#include "common/program.hpp"
#include "common/progress.hpp"
#include "tessera/base/version.hpp"
#include "tessera/io/json.hpp"
#include "tessera/pretrained/vocabulary_size.hpp"
#include "tessera/text/bert_v062.hpp"
#include "tessera/text/strings.hpp"

namespace {

using tessera::Code;
using tessera::Error;
using tessera::Index;
using tessera::Result;
using namespace tessera::programs;
namespace io = tessera::io;
namespace text = tessera::text;

struct Options {
  std::string input;
  std::string output;
  std::string model;
  bool do_lower_case = false;
  std::string layers = "-1,-2,-3,-4";
  int max_seq_length = 128;
  int batch_size = 32;
  int local_rank = -1;
  bool no_cuda = false;
  BackendOptions backend;
  ModelPath model_path;
};

/// "-1,-2" as numbers; false when it is something else.
bool parse_layers(const std::string& list, std::vector<int>& layers) {
  layers.clear();
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    const std::string_view part = text::strip(std::string_view(list).substr(at, end - at));
    int number = 0;
    const auto parsed = std::from_chars(part.data(), part.data() + part.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != part.data() + part.size()) return false;
    layers.push_back(number);
    at = end + 1;
  }
  return true;
}

/// Takes the wanted layers of a run, each once.
class LayerSink {
 public:
  explicit LayerSink(const std::vector<int>& layers, Index depth)
      : values_(static_cast<std::size_t>(depth)), wanted_(values_.size()) {
    for (const int layer : layers) wanted_[place(layer)] = true;
  }

  tessera::TapSink taps() {
    tessera::TapSink sink;
    sink.state = this;
    sink.wants = [](void*, const char* name) { return std::strcmp(name, "hidden_states") == 0; };
    sink.take = [](void* state, const char*, const tessera::View& value, const tessera::Memory& memory) {
      static_cast<LayerSink*>(state)->take(value, memory);
    };
    return sink;
  }
  void begin() noexcept { seen_ = -1; }
  const std::vector<float>& values(int layer) const { return values_[place(layer)]; }

 private:
  std::size_t place(int layer) const {
    return static_cast<std::size_t>(layer < 0 ? layer + static_cast<int>(values_.size()) : layer);
  }
  /// The first value of a run is that of the embeddings.
  void take(const tessera::View& value, const tessera::Memory& memory) {
    const int layer = seen_++;
    if (layer < 0 || !wanted_[static_cast<std::size_t>(layer)]) return;
    auto& to = values_[static_cast<std::size_t>(layer)];
    to.resize(static_cast<std::size_t>(value.count()));
    tessera::detail::download(memory, to.data(), value.data, value.bytes());
  }

  std::vector<std::vector<float>> values_;
  std::vector<bool> wanted_;
  int seen_ = -1;
};

/// round(value, 6) of Python, as json.dumps writes it. Both round the exact binary value to the nearest decimal.
void append_rounded(std::string& out, float value) {
  char digits[80];
  std::snprintf(digits, sizeof digits, "%.6f", static_cast<double>(value));
  io::detail::write_json_double(out, std::strtod(digits, nullptr));
}

class Tokens {
 public:
  Tokens(text::BertTokenizerV062 tokenizer, std::size_t longest)
      : tokenizer_(std::move(tokenizer)), longest_(longest) {}

  /// [CLS] a [SEP], or [CLS] a [SEP] b [SEP]; longer texts are cut, of two always the one that is longer.
  text::Tokens operator()(std::string_view line) const {
    std::string_view first = text::strip(line), second;
    if (const std::size_t bars = first.rfind(" ||| "); bars != std::string_view::npos) {
      second = first.substr(bars + 5);
      first = first.substr(0, bars);
    }
    text::Tokens a = tokenizer_.tokenize(first), b = tokenizer_.tokenize(second);
    if (b.empty()) {
      a.resize(std::min(a.size(), longest_ - 2));
    } else {
      while (a.size() + b.size() > longest_ - 3) (a.size() > b.size() ? a : b).pop_back();
    }
    text::Tokens row{"[CLS]"};
    const auto append = [&](text::Tokens& tokens) {
      std::move(tokens.begin(), tokens.end(), std::back_inserter(row));
      row.emplace_back("[SEP]");
    };
    append(a);
    // A second text that was cut to nothing has no [SEP] of its own either.
    if (!b.empty()) append(b);
    return row;
  }
  Result<text::Ids> ids(const text::Tokens& tokens) const { return tokenizer_.tokens_to_ids(tokens); }

 private:
  text::BertTokenizerV062 tokenizer_;
  std::size_t longest_;
};

Result<Tokens> load_tokens(const Options& o, const std::string& model, Index vocab_size) {
  const std::string path = io::join_path(model, "vocab.txt");
  TESSERA_TRY_ASSIGN(const std::string bytes, io::read_text(path));
  text::BertOptionsV062 options;
  options.do_lower_case = o.do_lower_case;
  auto tokenizer = text::BertTokenizerV062::from_memory(bytes, options);
  if (!tokenizer) return tokenizer.error().in(path.c_str());
  auto vocabulary = text::read_vocabulary(bytes, text::LineTrim::white_space);
  if (!vocabulary) return vocabulary.error().in(path.c_str());
  TESSERA_TRY(tessera::vocabulary_fits(path.c_str(), vocabulary->id_bound(), vocab_size));
  for (const char* token : {"[CLS]", "[SEP]", "[UNK]"})
    if (!vocabulary->contains(token))
      return Error::format(Code::not_found, "%s: the token %s is missing", path.c_str(), token);
  return Tokens(std::move(*tokenizer), static_cast<std::size_t>(o.max_seq_length));
}

Result<void> extract(const Options& o) {
  TESSERA_TRY_ASSIGN(const std::string model, o.model_path(o.model));
  if (io::kind_of(model) != io::PathKind::folder)
    return Error::format(Code::not_found,
                         "%s: no folder. --bert_model names a folder that holds config.json (or bert_config.json), "
                         "vocab.txt, and model.safetensors or pytorch_model.bin, or a model such as bert-base-uncased",
                         model.c_str());
  if (o.no_cuda && o.backend.backend == "cuda")
    return Error::format(Code::invalid_argument, "--no_cuda and --backend cuda contradict each other");
  TESSERA_TRY_ASSIGN(const tessera::AnyBackend backend, choose_backend(o.backend.backend));
  tessera::ThreadPool threads;
  TESSERA_TRY(threads.start(o.backend.threads));
  TESSERA_TRY_ASSIGN(const auto loaded, load_bert(model));
  const tessera::BertConfig& config = loaded->file.config;
  std::vector<int> layers;
  (void)parse_layers(o.layers, layers);  // checked with the options
  for (const int layer : layers)
    if (layer < -config.num_hidden_layers || layer >= config.num_hidden_layers)
      return Error::format(Code::out_of_range, "--layers: there is no layer %d, the model has %lld: %lld to %lld",
                           layer, static_cast<long long>(config.num_hidden_layers),
                           static_cast<long long>(-config.num_hidden_layers),
                           static_cast<long long>(config.num_hidden_layers - 1));
  if (o.max_seq_length > config.max_position_embeddings)
    return Error::format(Code::out_of_range, "--max_seq_length: %d, but the model has %lld positions", o.max_seq_length,
                         static_cast<long long>(config.max_position_embeddings));
  TESSERA_TRY_ASSIGN(const Tokens tokens_of, load_tokens(o, model, config.vocab_size));
  TESSERA_TRY_ASSIGN(LineReader lines, LineReader::open(o.input, LineEnds::universal));
  TESSERA_TRY_ASSIGN(Output output, Output::open(o.output));
  LayerSink sink(layers, config.num_hidden_layers);
  TESSERA_TRY_ASSIGN(const auto encoder, BertEncoder::make(*loaded, backend, o.backend.chosen_precision(),
                                                           threads.executor(), sink.taps()));
  Progress progress(progress_is_seen(false), "lines", lines.total());

  const auto width = static_cast<std::size_t>(config.hidden_size);
  RaggedBatch batch;
  std::vector<text::Tokens> rows;
  std::string line, out;
  std::uint64_t index = 0;
  for (bool more = true; more;) {
    batch.clear();
    rows.clear();
    while (rows.size() < static_cast<std::size_t>(o.batch_size)) {
      TESSERA_TRY_ASSIGN(more, lines.next(line));
      if (!more) break;
      rows.push_back(tokens_of(line));
      const auto ids = tokens_of.ids(rows.back());
      if (!ids) return ids.error().in(lines.here().c_str());
      batch.add(*ids);
    }
    if (rows.empty()) break;
    sink.begin();
    TESSERA_TRY(encoder->run(batch));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      out = "{\"linex_index\": " + std::to_string(index++) + ", \"features\": [";
      for (std::size_t t = 0; t < rows[i].size(); ++t) {
        out += t > 0 ? ", {\"token\": " : "{\"token\": ";
        io::detail::write_json_string(out, rows[i][t], true);
        out += ", \"layers\": [";
        for (std::size_t k = 0; k < layers.size(); ++k) {
          if (k > 0) out += ", ";
          out += "{\"index\": " + std::to_string(layers[k]) + ", \"values\": [";
          const float* values =
              sink.values(layers[k]).data() + (static_cast<std::size_t>(batch.offsets[i]) + t) * width;
          TESSERA_TRY(expect_finite({values, width}, index, "a hidden state"));
          for (std::size_t j = 0; j < width; ++j) {
            if (j > 0) out += ", ";
            append_rounded(out, values[j]);
          }
          out += "]}";
        }
        out += "]}";
      }
      out += "]}\n";
      TESSERA_TRY(output.write(out));
    }
    progress.update(lines.taken(), index);
  }
  progress.clear();
  return output.commit();
}

constexpr const char* description =
    "Hidden states of a BERT for each token, as JSON lines: {\"linex_index\": ..., \"features\": [{\"token\": ...,\n"
    "\"layers\": [{\"index\": -1, \"values\": [...]}, ...]}, ...]}, values rounded to 6 digits.\n"
    "\n"
    "A line of the input is a text, or two: first ||| second. Flags, tokens and output are those of the program of "
    "this\n"
    "name in pytorch-pretrained-bert 0.6.2.";

constexpr const char* footer =
    "An error is one line on stderr; exit code 1, or 2 for wrong options. The output is written under a temporary "
    "name\n"
    "and renamed when it is complete.";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(description, "extract_features");
  app.footer(footer);
  app.set_version_flag("--version", std::string("extract_features (tessera) ") + TESSERA_VERSION_STRING);
  Options o;
  app.add_option("--input_file", o.input, "texts, UTF-8, a line each")->required()->type_name("FILE");
  app.add_option("--output_file", o.output, "where the JSON lines go")->required()->type_name("FILE");
  app.add_option("--bert_model", o.model, "folder with config.json, vocab.txt and the weights, or a model's name")
      ->required()
      ->type_name("DIR|NAME");
  app.add_flag("--do_lower_case", o.do_lower_case, "for uncased models");
  app.add_option("--layers", o.layers, "which, in this order: 0 is the first layer, -1 the last")
      ->check([](const std::string& list) {
        std::vector<int> layers;
        return parse_layers(list, layers) ? std::string() : "expected numbers with commas between them, found " + list;
      })
      ->type_name("LIST")
      ->capture_default_str();
  app.add_option("--max_seq_length", o.max_seq_length, "tokens of a line, special ones included; longer lines are cut")
      ->check(CLI::Range(3, 1 << 20))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--batch_size", o.batch_size, "lines that are computed at once")
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--local_rank", o.local_rank, "accepted for old command lines; only -1, not distributed")
      ->check(CLI::Range(-1, -1))
      ->type_name("N")
      ->capture_default_str();
  app.add_flag("--no_cuda", o.no_cuda, "accepted for old command lines; a GPU is only used when --backend names one");
  o.backend.add_to(app);
  o.backend.add_precision_to(app);
  o.model_path.add_to(app);
  return run_program(app, argc, argv, [&] { return extract(o); });
}
