// generate: continues texts with a language model: OpenAI GPT, GPT-2, Transformer-XL, XLNet or XLM.
//
// Prompts come from the command line, from a file or a pipe, a line each, or are asked for on a terminal. What is drawn
// does not depend on how many texts are run together. Flags that the reference's run_generation has are called as
// there.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "common/backend.hpp"
#include "common/lines.hpp"
#include "common/model_path.hpp"
#include "common/output.hpp"
#include "common/program.hpp"
#include "common/progress.hpp"
#include "tessera/base/version.hpp"
#include "tessera/pretrained/text_generator.hpp"

namespace {

using tessera::Code;
using tessera::Error;
using tessera::Index;
using tessera::Result;
using tessera::TextGenerator;
using namespace tessera::programs;
namespace io = tessera::io;

struct Options {
  std::string model, model_type;
  std::string prompt, input, padding_file;
  bool has_prompt = false;
  bool greedy = false, do_sample = false, no_cuda = false;
  std::string output, format = "text";
  tessera::TextRequest request;
  BackendOptions backend;
  tessera::programs::ModelPath model_path;
};

/// Where texts go: as they grow to a terminal, else whole.
class Writer {
 public:
  static Result<Writer> open(const Options& o) {
    TESSERA_TRY_ASSIGN(Output output, Output::open(o.output));
    return Writer(std::move(output), o.format == "jsonl");
  }

  /// Whether a text may be shown while it grows: there is one at a time.
  bool streams(std::size_t prompts, const tessera::TextRequest& request) const noexcept {
    return output_.is_terminal() && !json_ && prompts == 1 && request.samples == 1 && request.beams == 0;
  }
  bool to_stdout() const noexcept { return output_.is_stdout(); }
  Result<void> piece(std::string_view text) {
    TESSERA_TRY(output_.write(text));
    return output_.flush();
  }
  Result<void> write(const std::vector<std::string>& prompts, const std::vector<tessera::GeneratedText>& texts,
                     const tessera::TextRequest& request) {
    std::string out;
    const auto samples = static_cast<std::size_t>(request.samples);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const tessera::GeneratedText& t = texts[i];
      if (!json_) {
        out += t.text + "\n";
        continue;
      }
      out += "{\"prompt\": ";
      io::detail::write_json_string(out, prompts[i / samples], false);
      out += ", \"text\": ";
      io::detail::write_json_string(out, t.text, false);
      out += ", \"sample\": " + std::to_string(i % samples) + ", \"tokens\": [";
      for (std::size_t k = 0; k < t.tokens.size(); ++k) out += (k > 0 ? ", " : "") + std::to_string(t.tokens[k]);
      out += "], \"ended_by\": ";
      out += t.stopped ? "\"stop\"" : "\"length\"";
      if (request.beams > 0) {
        out += ", \"score\": ";
        append_float(out, static_cast<float>(t.score));
      }
      out += "}\n";
    }
    TESSERA_TRY(output_.write(out));
    return output_.flush();
  }
  Result<void> finish() { return output_.commit(); }

 private:
  Writer(Output output, bool json) : output_(std::move(output)), json_(json) {}
  Output output_;
  bool json_;
};

/// Continues some prompts and writes the texts.
Result<void> generate(TextGenerator& generator, const std::vector<std::string>& prompts, tessera::TextRequest& request,
                      Writer& writer) {
  if (!writer.streams(prompts.size(), request)) {
    TESSERA_TRY_ASSIGN(const auto texts, generator.generate(prompts, request));
    return writer.write(prompts, texts, request);
  }
  request.sink = {&writer, [](void* state, std::size_t, Index, std::string_view piece) {
                    return static_cast<Writer*>(state)->piece(piece).ok();
                  }};
  const auto texts = generator.generate(prompts, request);
  request.sink = {};
  TESSERA_TRY(writer.piece("\n"));
  if (!texts) return texts.error();
  return {};
}

/// Asks for prompts until the input ends, as the reference does.
Result<void> converse(TextGenerator& generator, tessera::TextRequest& request, LineReader& lines, Writer& writer) {
  std::string line;
  for (;;) {
    std::fputs("Model prompt >>> ", stderr);
    TESSERA_TRY_ASSIGN(const bool more, lines.next(line));
    if (!more) {
      std::fputs("\n", stderr);
      return {};
    }
    if (line.empty()) continue;
    // What is wrong with one prompt, its length say, need not be with the next.
    const auto done = generate(generator, {line}, request, writer);
    if (!done) std::fprintf(stderr, "generate: %s\n", done.error().message());
    ++request.first_prompt;
  }
}

Result<void> run(Options& o) {
  TESSERA_TRY_ASSIGN(const tessera::AnyBackend backend, choose_backend(o.backend.backend));
  tessera::ThreadPool pool;
  TESSERA_TRY(pool.start(o.backend.threads));

  TESSERA_TRY_ASSIGN(const std::string model, o.model_path(o.model));
  if (io::kind_of(model) != io::PathKind::folder)
    return Error::format(Code::not_found,
                         "%s: no such folder; --model_name_or_path names a folder with config.json, "
                         "weights and the files of a tokenizer",
                         o.model.c_str());
  TESSERA_TRY_ASSIGN(const auto generator,
                     TextGenerator::from_pretrained(model, tessera::architecture_named(o.model_type)));
  TESSERA_TRY(generator->prepare(backend, pool.executor(), o.backend.chosen_precision()));
  if (!o.padding_file.empty()) {
    TESSERA_TRY_ASSIGN(o.request.padding_text, io::read_text(o.padding_file));
  }
  if (o.greedy) o.request.sampling.temperature = 0;

  TESSERA_TRY_ASSIGN(Writer writer, Writer::open(o));
  if (o.has_prompt) {
    TESSERA_TRY(generate(*generator, {o.prompt}, o.request, writer));
    return writer.finish();
  }
  TESSERA_TRY_ASSIGN(LineReader lines, LineReader::open(o.input));
  if (o.input.empty() && ::isatty(STDIN_FILENO) != 0) {
    TESSERA_TRY(converse(*generator, o.request, lines, writer));
    return writer.finish();
  }
  Progress progress(progress_is_seen(writer.to_stdout()), "texts", lines.total());
  std::vector<std::string> prompts;
  std::string line;
  for (bool more = true; more;) {
    prompts.clear();
    while (prompts.size() < static_cast<std::size_t>(o.request.batch) && (prompts.empty() || lines.ready())) {
      TESSERA_TRY_ASSIGN(more, lines.next(line));
      if (!more) break;
      prompts.push_back(line);
    }
    if (prompts.empty()) break;
    const auto done = generate(*generator, prompts, o.request, writer);
    if (!done) return done.error().in(lines.name().c_str());
    o.request.first_prompt += prompts.size();
    progress.update(lines.taken(), o.request.first_prompt);
  }
  return writer.finish();
}

constexpr const char* description =
    "Continues texts with a language model: openai-gpt, gpt2, transfo-xl, xlnet or xlm. Writes what follows each "
    "prompt.\n"
    "Transformer-XL and XLNet continue short prompts badly: give them a longer text to look back at (--padding_text). "
    "XLNet and an XLM that is not causal\n"
    "run over the whole text for each token; the others keep what they have read.";

constexpr const char* footer =
    "Examples:\n"
    "  generate --model_name_or_path gpt2 --prompt 'Once upon a time' --length 40 --top_p 0.9\n"
    "  generate --model gpt2 --input prompts.txt --greedy --format jsonl --output texts.jsonl\n"
    "  generate --model xlnet-base-cased --padding_file story.txt --prompt 'The next day' --num_beams 4\n"
    "\n"
    "Without --prompt and --input, prompts are lines of standard input; on a terminal they are asked for.\n"
    "An error is one line on stderr; exit code 1, or 2 for wrong options. A file is written under a temporary name "
    "and\n"
    "renamed when it is complete.";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(description, "generate");
  app.footer(footer);
  app.set_version_flag("--version", std::string("generate (tessera) ") + TESSERA_VERSION_STRING);
  Options o;
  tessera::TextRequest& request = o.request;
  tessera::Sampling& sampling = request.sampling;
  sampling.top_p = 0.9;
  sampling.seed = 42;
  app.add_option("--model_name_or_path,--model", o.model, "folder of the model, or its name")
      ->required()
      ->type_name("MODEL");
  app.add_option("--model_type", o.model_type, "without it, what the folder says")
      ->check(CLI::IsMember({"openai-gpt", "gpt2", "transfo-xl", "xlnet", "xlm"}));
  CLI::Option* const prompt = app.add_option("--prompt", o.prompt, "a text to continue");
  app.add_option("--input", o.input, "texts to continue, one a line")->type_name("FILE")->excludes(prompt);
  CLI::Option* const padding = app.add_option("--padding_text", request.padding_text,
                                              "put before each prompt, for Transformer-XL and XLNet; others ignore it");
  app.add_option("--padding_file", o.padding_file, "the same from a file")->type_name("FILE")->excludes(padding);
  app.add_option("--xlm_lang", request.language, "language of the texts, for an XLM of several");
  app.add_option("--length", request.max_new_tokens,
                 "tokens that are added; less than 0: as many as there is room for, 10000 at most")
      ->capture_default_str();
  app.add_option("--stop,--stop_token", request.stops,
                 "a text ends before this: any text, or a special token; may be given several times")
      ->check([](const std::string& text) { return std::string(text.empty() ? "expected a text, found none" : ""); })
      ->allow_extra_args(false);
  app.add_option("--temperature", sampling.temperature, "0: always the most probable token")->capture_default_str();
  app.add_option("--repetition_penalty", sampling.repetition_penalty, "above 1: what was there becomes less likely")
      ->capture_default_str();
  app.add_option("--top_k", sampling.top_k, "draw from the k most probable tokens; 0: from all")->capture_default_str();
  app.add_option("--top_p", sampling.top_p, "draw from the fewest tokens that make up p; 1: from all")
      ->capture_default_str();
  app.add_option("--seed", sampling.seed, "another one, other texts")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  CLI::Option* const greedy = app.add_flag("--greedy", o.greedy, "always the most probable token, as --temperature 0");
  app.add_flag("--do_sample", o.do_sample, "draw, which is the default")->excludes(greedy);
  app.add_option("--num_samples", request.samples, "texts for each prompt")
      ->check(CLI::Range(1, 1 << 16))
      ->capture_default_str();
  app.add_option("--num_beams", request.beams, "search for the most probable text with so many beams; 0: draw")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--length_penalty", request.length_penalty,
                 "of a search: above 0, longer texts are less at a disadvantage")
      ->capture_default_str();
  app.add_flag("--early_stopping", request.early_stopping, "a search ends with as many finished texts as beams");
  app.add_option("--batch", request.batch,
                 "texts that are run together; they are drawn as they are alone, up to rounding")
      ->check(CLI::Range(1, 1 << 12))
      ->capture_default_str();
  app.add_option("--output", o.output, "without it, standard output")->type_name("FILE");
  app.add_option("--format", o.format,
                 "text: what follows each prompt, and a line end; jsonl: {\"prompt\": ..., \"text\": ..., ...} a line")
      ->check(CLI::IsMember({"text", "jsonl"}))
      ->capture_default_str();
  o.model_path.add_to(app);
  o.backend.add_to(app);
  o.backend.add_precision_to(app);
  app.add_flag("--no_cuda", o.no_cuda, "no device, which is the default: name one with --backend");
  return run_program(app, argc, argv, [&] {
    o.has_prompt = prompt->count() > 0;
    return run(o);
  });
}
