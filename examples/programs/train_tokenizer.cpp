// train_tokenizer: a tokenizer's vocabulary from raw text.
//
// Writes the files that the classes of the reference read: vocab.txt for BERT, vocab.json and merges.txt for GPT and
// GPT-2. A text is read line by line; a line ends no sentence and means nothing else.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "common/program.hpp"
#include "tessera/base/version.hpp"
#include "tessera/io/file.hpp"
#include "tessera/text/bpe_tokenizer.hpp"
#include "tessera/text/train_vocabulary.hpp"

namespace {

using tessera::Code;
using tessera::Error;
using tessera::Result;
namespace io = tessera::io;
namespace text = tessera::text;

struct Options {
  std::string kind;
  std::vector<std::string> corpora;
  std::string out;
  std::size_t vocab_size = 30000;
  std::uint64_t min_frequency = 2;
  bool cased = false;
};

text::TrainOptions training(const Options& options) {
  text::TrainOptions train;
  train.vocab_size = options.vocab_size;
  train.min_frequency = options.min_frequency;
  if (options.kind == "bert") {
    train.pieces = text::TrainedPieces::continued;
    train.special_tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  } else if (options.kind == "gpt") {
    train.pieces = text::TrainedPieces::word_end;
    train.special_tokens = {"<unk>"};
  } else if (options.kind == "gpt2") {
    train.special_tokens = {"<|endoftext|>"};
  } else {
    train.special_tokens = {"<s>", "<pad>", "</s>", "<unk>", "<mask>"};
  }
  return train;
}

Result<void> run(const Options& options) {
  if (io::kind_of(options.out) != io::PathKind::folder) {
    return Error::format(Code::not_found, "%s: a folder to write to expected", options.out.c_str());
  }
  const text::TrainOptions train = training(options);
  text::BasicOptions basic;
  basic.do_lower_case = !options.cased;
  const text::BasicTokenizer words(basic);
  text::SymbolCounter counter;
  for (const std::string& path : options.corpora) {
    TESSERA_TRY_ASSIGN(const std::string corpus, io::read_text(path));
    const auto counted = text::for_each_line(corpus, [&](std::string_view line) -> Result<void> {
      if (train.pieces == text::TrainedPieces::bytes) return text::count_gpt2_words(line, counter);
      return text::count_basic_words(line, words, counter);
    });
    if (!counted.ok()) return counted.error().in(path.c_str());
  }
  TESSERA_TRY_ASSIGN(const text::TrainedVocabulary trained, text::train_vocabulary(counter, train));
  if (options.kind == "bert") {
    TESSERA_TRY(io::write_text(io::join_path(options.out, "vocab.txt"), trained.vocab_txt()));
  } else {
    TESSERA_TRY(io::write_text(io::join_path(options.out, "vocab.json"), text::vocabulary_json(trained.vocabulary)));
    TESSERA_TRY(io::write_text(io::join_path(options.out, "merges.txt"), trained.merges_txt()));
  }
  std::printf("%zu tokens and %zu merges from %llu words, %zu of them different\n", trained.vocabulary.size(),
              trained.merges.size(), static_cast<unsigned long long>(counter.total()), counter.unique());
  if (trained.vocabulary.size() > train.vocab_size)
    std::printf("more than the %zu asked for: special tokens and single characters are never left out\n",
                train.vocab_size);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains the vocabulary of a tokenizer on raw text.", "train_tokenizer");
  Options options;
  app.add_option("kind", options.kind, "bert (WordPiece), gpt (byte pairs of characters), gpt2 or roberta (of bytes)")
      ->required()
      ->check(CLI::IsMember({"bert", "gpt", "gpt2", "roberta"}));
  app.add_option("out", options.out, "a folder for the files")->required()->type_name("FOLDER");
  app.add_option("corpus", options.corpora, "text files")->required()->type_name("FILE...");
  app.add_option("--vocab-size", options.vocab_size, "tokens at most")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 31))
      ->capture_default_str();
  app.add_option("--min-frequency", options.min_frequency, "rarer pairs are not joined")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_flag("--cased", options.cased, "bert and gpt: do not lower-case");
  app.set_version_flag("--version", std::string("train_tokenizer, tessera ") + TESSERA_VERSION_STRING);
  app.footer(
      "Exit code: 0, 1 when something cannot be read or written, 2 for wrong usage.\n"
      "\n"
      "Example:\n"
      "  mkdir my-bert && train_tokenizer bert my-bert corpus.txt --vocab-size 8000\n"
      "  echo '{\"text\": \"Hello\"}' | tokenize my-bert");
  return tessera::programs::run_program(app, argc, argv, [&] { return run(options); });
}
