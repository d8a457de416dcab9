// encode: sentence embeddings from a folder with a BERT.
//
// Reads texts, a line each, and writes one embedding for each, in their order. Input is read in chunks, the texts of a
// chunk are sorted by length and run as ragged batches, so memory does not grow with the input and no padding is
// computed. What the folder says about pooling is in common/sentence_folder.hpp; similarity reads what this writes.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
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
#include "common/sentence_folder.hpp"
#include "tessera/base/version.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/npy.hpp"
#include "tessera/pretrained/tokenizer_files.hpp"
#include "tessera/pretrained/vocabulary_size.hpp"
#include "tessera/text/unicode.hpp"

namespace {

using tessera::Code;
using tessera::Error;
using tessera::Index;
using tessera::Result;
using tessera::io::Json;
using namespace tessera::programs;
namespace io = tessera::io;
namespace text = tessera::text;

struct Options {
  std::string model;
  std::string input;
  std::string input_format;
  std::string output;
  std::string format = "jsonl";
  int batch_tokens = 1024;  // more is no faster on a few cores, and takes more memory
  BackendOptions backend;
  ModelPath model_path;
};

/// Texts that are encoded together. Buffers keep their memory from chunk to chunk.
struct Chunk {
  // Enough texts to fill several batches; few enough that the first rows come out soon.
  static constexpr std::size_t most_texts = 2048;
  static constexpr std::size_t most_bytes = std::size_t{1} << 20;

  std::uint64_t first_line = 0;
  std::vector<std::string> texts;
  std::vector<std::vector<text::Id>> ids;
  std::vector<float> embeddings;  // [texts, width]
};

bool is_any_of(const std::string& name, auto... others) { return ((name == others) || ...); }

/// The tokenizer of a folder, its vocabulary inside of the model's.
Result<std::unique_ptr<text::Tokenizer>> load_tokenizer(const std::string& folder, Index vocab_size) {
  TESSERA_TRY_ASSIGN(const Json config, detail::optional_json(io::join_path(folder, "tokenizer_config.json")));
  const auto name = io::get_string_or(config, "tokenizer_class", "BertTokenizer");
  if (!name) return name.error().in(folder.c_str());
  if (!is_any_of(*name, "BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast", "bert",
                 "distilbert"))
    return Error::format(Code::unsupported, "%s: tokenizer class %s, BertTokenizer expected", folder.c_str(),
                         name->c_str());
  TESSERA_TRY_ASSIGN(auto loaded, tessera::pretrained::load_bert_tokenizer(folder));
  const auto* const bert = static_cast<const text::BertTokenizer*>(loaded.tokenizer.get());
  if (const Json* strip = io::find_key(config, "strip_accents"); strip != nullptr && strip->is_boolean()) {
    TESSERA_TRY_ASSIGN(const bool strips, io::as_bool(*strip, "strip_accents"));
    if (strips != bert->basic_options().do_lower_case)
      return Error::format(Code::unsupported,
                           "%s/tokenizer_config.json: strip_accents differs from do_lower_case, "
                           "which is unsupported",
                           folder.c_str());
  }
  for (const text::Role role : {text::Role::cls, text::Role::sep}) {
    const std::string& token = bert->special_tokens()[role];
    const auto added = bert->added_tokens();
    const bool known = bert->vocabulary().contains(token) ||
                       std::any_of(added.begin(), added.end(), [&](const auto& a) { return a.first == token; });
    if (!known)
      return Error::format(Code::not_found, "%s/vocab.txt: the token %s is missing", folder.c_str(), token.c_str());
  }
  std::size_t tokens = bert->vocabulary().id_bound();
  const char* file = "vocab.txt";
  for (const auto& [token, id] : loaded.tokenizer->added_tokens()) {
    if (static_cast<std::size_t>(id) < tokens) continue;
    tokens = static_cast<std::size_t>(id) + 1;
    file = "added_tokens.json";
  }
  TESSERA_TRY(tessera::vocabulary_fits(io::join_path(folder, file).c_str(), tokens, vocab_size));
  return std::move(loaded.tokenizer);
}

/// Texts of an input, one a line.
class Texts {
 public:
  static Result<Texts> open(const Options& o) {
    TESSERA_TRY_ASSIGN(LineReader lines, LineReader::open(o.input));
    const bool by_name = o.input.ends_with(".jsonl") || o.input.ends_with(".ndjson");
    Texts texts(std::move(lines), o.input_format.empty() ? by_name : o.input_format == "jsonl");
    texts.may_be_mistaken_ = o.input_format.empty() && !by_name;
    return texts;
  }

  /// Fills the chunk; an empty one is the end. Does not wait for more once it has something to work on.
  Result<void> read(Chunk& chunk) {
    chunk.texts.clear();
    chunk.first_line = lines_.number() + 1;
    std::size_t bytes = 0;
    while (chunk.texts.size() < Chunk::most_texts && bytes < Chunk::most_bytes) {
      if (!chunk.texts.empty() && !lines_.ready()) break;
      TESSERA_TRY_ASSIGN(const bool more, lines_.next(line_));
      if (!more) break;
      bytes += line_.size();
      if (json_) {
        TESSERA_TRY_ASSIGN(std::string parsed, parse());
        chunk.texts.push_back(std::move(parsed));
      } else {
        if (std::exchange(may_be_mistaken_, false)) warn_of_json();
        chunk.texts.push_back(line_);
      }
    }
    return {};
  }

  const LineReader& lines() const noexcept { return lines_; }

 private:
  Texts(LineReader lines, bool json) : lines_(std::move(lines)), json_(json) {}

  /// Of a first line that was meant as JSON, most likely: what is between the braces would be encoded, too.
  void warn_of_json() const {
    if (!line_.starts_with('{')) return;
    const auto json = io::parse_json(line_);
    if (!json || io::find_key(*json, "text") == nullptr) return;
    std::fprintf(stderr,
                 "encode: %s: taken as a text as it is, but it looks like JSON; for {\"text\": ...} say "
                 "--input-format jsonl\n",
                 lines_.here().c_str());
  }

  Result<std::string> parse() const {
    if (text::strip(line_).empty())
      return lines_.error(Code::bad_format, "an empty line, where {\"text\": ...} was expected");
    const auto json = io::parse_json(line_);
    if (!json) return json.error().in(lines_.here().c_str());
    auto value = io::get_string(*json, "text");
    if (!value) return value.error().in(lines_.here().c_str());
    return value;
  }

  LineReader lines_;
  bool json_;
  bool may_be_mistaken_ = false;  ///< nobody has said which format it is
  std::string line_;
};

/// Turns texts into ids, as the folder says.
class TextToIds {
 public:
  TextToIds(const text::Tokenizer& tokenizer, const SentenceFolder& folder, std::size_t max_tokens)
      : tokenizer_(tokenizer), folder_(folder) {
    options_.add_special_tokens = true;
    options_.max_length = max_tokens;
  }

  Result<std::vector<text::Id>> operator()(const std::string& given) const {
    std::string changed;
    std::string_view shown = given;
    if (!folder_.prompt.empty()) shown = changed = folder_.prompt + given;
    if (folder_.lower_case) shown = changed = lower(shown);
    // White space alone is an empty text. (The tokenizer itself would make an unknown token of it, as its model does.)
    if (text::strip(shown).empty()) shown = {};
    TESSERA_TRY_ASSIGN(text::Encoding row, tokenizer_.encode(shown, options_));
    return std::move(row.ids);
  }

 private:
  /// Lower case between the special tokens: a [SEP] inside of a text stays one.
  std::string lower(std::string_view given) const {
    std::string out;
    while (!given.empty()) {
      std::size_t end = given.size(), skip = 0;
      for (const std::string& token : tokenizer_.all_special_tokens()) {
        const std::size_t hit = given.find(token);
        if (hit >= end) continue;
        end = hit;
        skip = token.size();
      }
      out += text::utf8::encode(text::unicode::lower(text::utf8::decode(given.substr(0, end))));
      out += given.substr(end, skip);
      given.remove_prefix(end + skip);
    }
    return out;
  }

  const text::Tokenizer& tokenizer_;
  const SentenceFolder& folder_;
  text::EncodeOptions options_;
};

/// Rows of numbers in one of the three formats.
class Writer {
 public:
  static Result<Writer> open(const Options& o, Index width) {
    TESSERA_TRY_ASSIGN(Output output, Output::open(o.output));
    Writer writer(std::move(output), o.format, width);
    if (o.format == "npy") {
      if (writer.output_.is_terminal())
        return Error::format(Code::invalid_argument, "npy is no text for a terminal; name a file with --output");
      // The number of rows stands at the front of the file and is known at the end.
      writer.rows_.reset(std::tmpfile());
      if (writer.rows_ == nullptr) return Error::format(Code::io_failure, "cannot make a temporary file");
    }
    return writer;
  }

  Result<void> write(const Chunk& chunk) {
    out_.clear();
    for (std::size_t i = 0; i < chunk.texts.size(); ++i) {
      const float* row = chunk.embeddings.data() + i * static_cast<std::size_t>(width_);
      TESSERA_TRY(expect_finite({row, static_cast<std::size_t>(width_)}, chunk.first_line + i, "the embedding"));
      if (format_ == "jsonl") {
        out_ += "{\"text\": ";
        io::detail::write_json_string(out_, chunk.texts[i], false);
        out_ += ", \"embedding\": [";
        append_row(row, ", ");
        out_ += "]}\n";
      } else if (format_ == "tsv") {
        append_row(row, "\t");
        out_ += '\n';
      }
    }
    count_ += chunk.texts.size();
    if (rows_ != nullptr) {
      const std::size_t size = chunk.texts.size() * static_cast<std::size_t>(width_);
      if (std::fwrite(chunk.embeddings.data(), sizeof(float), size, rows_.get()) != size) return no_room();
      return {};
    }
    TESSERA_TRY(output_.write(out_));
    return output_.flush();
  }

  Result<void> finish() {
    if (rows_ != nullptr) {
      TESSERA_TRY(output_.write(npy_header()));
      std::rewind(rows_.get());
      std::vector<std::byte> block(std::size_t{1} << 20);
      std::size_t left = static_cast<std::size_t>(count_) * static_cast<std::size_t>(width_) * sizeof(float);
      while (left > 0) {
        const std::size_t part = std::min(left, block.size());
        if (std::fread(block.data(), 1, part, rows_.get()) != part) return no_room();
        TESSERA_TRY(output_.write(io::Bytes(block.data(), part)));
        left -= part;
      }
    }
    return output_.commit();
  }

  bool to_stdout() const noexcept { return output_.is_stdout(); }
  std::uint64_t count() const noexcept { return count_; }

 private:
  struct Close {
    void operator()(std::FILE* f) const noexcept { (void)std::fclose(f); }
  };
  Writer(Output output, std::string format, Index width)
      : output_(std::move(output)), format_(std::move(format)), width_(width) {}

  static Error no_room() {
    return Error::format(Code::io_failure, "cannot keep the rows in a temporary file: no space?");
  }

  void append_row(const float* row, const char* separator) {
    for (Index k = 0; k < width_; ++k) {
      if (k > 0) out_ += separator;
      append_float(out_, row[k]);
    }
  }

  /// Version 1.0, padded to blocks of 64 bytes as numpy.save does.
  std::string npy_header() const {
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(count_) + ", " +
                         std::to_string(width_) + "), }";
    header.append((64 - (10 + header.size() + 1) % 64) % 64, ' ').append("\n");
    std::string start(io::detail::npy_magic);
    start += '\1';
    start += '\0';
    start += static_cast<char>(header.size() & 0xff);
    start += static_cast<char>(header.size() >> 8);
    return start + header;
  }

  Output output_;
  std::string format_;
  Index width_;
  std::unique_ptr<std::FILE, Close> rows_;
  std::uint64_t count_ = 0;
  std::string out_;
};

Result<void> tokenize(Chunk& chunk, const TextToIds& to_ids, const std::string& input,
                      const tessera::Executor& executor) {
  constexpr std::size_t block = 64;
  const std::size_t count = chunk.texts.size();
  chunk.ids.resize(count);
  std::vector<Error> errors((count + block - 1) / block);
  executor.parallel_for(static_cast<std::int64_t>(errors.size()), [&](std::int64_t b) {
    const auto first = static_cast<std::size_t>(b) * block;
    for (std::size_t i = first; i < std::min(first + block, count); ++i) {
      auto ids = tessera::guarded([&] { return to_ids(chunk.texts[i]); });
      if (ids) {
        chunk.ids[i] = std::move(*ids);
        continue;
      }
      const std::string where = input + ": line " + std::to_string(chunk.first_line + i);
      errors[static_cast<std::size_t>(b)] = ids.error().in(where.c_str());
      return;
    }
  });
  for (const Error& error : errors)
    if (error) return error;
  return {};
}

Result<void> encode(const Options& o) {
  TESSERA_TRY_ASSIGN(const tessera::AnyBackend backend, choose_backend(o.backend.backend));
  tessera::ThreadPool pool_of_threads;
  TESSERA_TRY(pool_of_threads.start(o.backend.threads));
  const tessera::Executor executor = pool_of_threads.executor();

  TESSERA_TRY_ASSIGN(const std::string model, o.model_path(o.model));
  if (io::kind_of(model) != io::PathKind::folder)
    return Error::format(Code::not_found,
                         "%s: no folder; --model names a folder with config.json, vocab.txt and model.safetensors or "
                         "pytorch_model.bin, or a model",
                         model.c_str());
  TESSERA_TRY_ASSIGN(const SentenceFolder folder, read_sentence_folder(model));
  TESSERA_TRY_ASSIGN(const auto loaded, load_bert(folder.transformer));
  const tessera::BertConfig& config = loaded->file.config;
  TESSERA_TRY_ASSIGN(const auto tokenizer, load_tokenizer(folder.transformer, config.vocab_size));
  const Index limit = folder.max_tokens > 0 ? std::min<Index>(folder.max_tokens, config.max_position_embeddings)
                                            : config.max_position_embeddings;
  const TextToIds to_ids(*tokenizer, folder, static_cast<std::size_t>(limit));

  TESSERA_TRY_ASSIGN(Texts texts, Texts::open(o));
  const Index width = config.hidden_size * static_cast<Index>(folder.poolings.size());
  TESSERA_TRY_ASSIGN(Writer writer, Writer::open(o, width));
  TESSERA_TRY_ASSIGN(const auto encoder, BertEncoder::make(*loaded, backend, o.backend.chosen_precision(), executor));
  Progress progress(progress_is_seen(writer.to_stdout()), "texts", texts.lines().total());

  Chunk chunk;
  RaggedBatch batch;
  std::vector<std::size_t> order;
  for (;;) {
    const std::uint64_t before = texts.lines().taken();
    TESSERA_TRY(texts.read(chunk));
    if (chunk.texts.empty()) break;
    TESSERA_TRY(tokenize(chunk, to_ids, texts.lines().name(), executor));
    chunk.embeddings.resize(chunk.texts.size() * static_cast<std::size_t>(width));
    order.resize(chunk.texts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return chunk.ids[a].size() > chunk.ids[b].size(); });
    for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
      batch.clear();
      do batch.add(chunk.ids[order[last++]]);
      while (last < order.size() &&
             batch.ids.size() + chunk.ids[order[last]].size() <= static_cast<std::size_t>(o.batch_tokens));
      TESSERA_TRY(encoder->run(batch));
      executor.parallel_for(batch.texts(), [&](std::int64_t i) {
        thread_local std::vector<double> sums_of_thread;
        const std::int32_t row = batch.offsets[static_cast<std::size_t>(i)];
        const std::int32_t end = batch.offsets[static_cast<std::size_t>(i) + 1];
        pool(folder, encoder->hidden() + row * encoder->width(), end - row, encoder->width(),
             chunk.embeddings.data() + order[first + static_cast<std::size_t>(i)] * static_cast<std::size_t>(width),
             sums_of_thread);
      });
      const std::uint64_t bytes = texts.lines().taken() - before;
      progress.update(before + bytes * last / order.size(), writer.count() + last);
    }
    TESSERA_TRY(writer.write(chunk));
  }
  progress.clear();
  return writer.finish();
}

constexpr const char* description =
    "Sentence embeddings. Reads texts, a line each, and writes one embedding for each, in their order.\n"
    "\n"
    "DIR holds config.json, vocab.txt and model.safetensors or pytorch_model.bin of a BERT. Pooling, normalisation, "
    "lower\n"
    "case and the longest text are as its own files say (modules.json, 1_Pooling/config.json, "
    "sentence_bert_config.json,\n"
    "tokenizer_config.json). Without them: the mean over all tokens, not normalised, as many tokens as the model has\n"
    "positions. Longer texts are cut. An empty line is an empty text, [CLS] [SEP].";

constexpr const char* footer =
    "Examples:\n"
    "  encode --model all-MiniLM-L6-v2 --input texts.txt --format npy --output texts.npy\n"
    "  echo 'Hello, world' | encode --model all-MiniLM-L6-v2\n"
    "\n"
    "An error is one line on stderr; exit code 1, or 2 for wrong options. A file is written under a temporary name "
    "and\n"
    "renamed when it is complete.";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(description, "encode");
  app.footer(footer);
  app.set_version_flag("--version", std::string("encode (tessera) ") + TESSERA_VERSION_STRING);
  Options o;
  const auto named = [](const std::string& path) { return path.empty() ? "a file's name expected" : std::string(); };
  app.add_option("--model", o.model, "folder of the model, or its name")->required()->type_name("DIR|NAME");
  app.add_option("--input", o.input, "texts; without it, standard input")->check(named)->type_name("FILE");
  app.add_option("--input-format", o.input_format,
                 "lines: a text a line; jsonl: {\"text\": ...} a line; without it by the file's name, else lines")
      ->check(CLI::IsMember({"lines", "jsonl"}));
  app.add_option("--output", o.output, "without it, standard output")->check(named)->type_name("FILE");
  app.add_option(
         "--format", o.format,
         "jsonl: {\"text\": ..., \"embedding\": [...]} a line; tsv: numbers alone; npy: float32 [texts, numbers]")
      ->check(CLI::IsMember({"jsonl", "tsv", "npy"}))
      ->capture_default_str();
  app.add_option("--batch-tokens", o.batch_tokens,
                 "tokens that are computed at once; more may help many threads, and takes memory")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  o.backend.add_to(app);
  o.backend.add_precision_to(app);
  o.model_path.add_to(app);
  return run_program(app, argc, argv, [&] { return encode(o); });
}
