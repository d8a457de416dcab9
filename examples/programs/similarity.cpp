// Reads sentences with their embeddings, as `encode --format jsonl` writes them, and prints for each the nearest other
// one and the matrix of cosine similarities.
//
//   encode --model DIR --input sentences.txt --format jsonl | similarity
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "common/lines.hpp"
#include "common/program.hpp"
#include "tessera/base/result.hpp"
#include "tessera/base/version.hpp"

namespace {

using tessera::Code;
using tessera::Error;
using tessera::Result;
using tessera::programs::LineReader;

struct Sentence {
  std::string text;
  std::vector<double> embedding;  // of length 1
};

/// One sentence of a line such as {"text": "...", "embedding": [...]}.
Result<Sentence> parse(const std::string& line) {
  const auto fail = [](const char* what) { return Error::format(Code::bad_format, "%s", what); };
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("text") || !json.contains("embedding"))
    return fail("expected an object with text and embedding");
  if (!json["text"].is_string() || !json["embedding"].is_array())
    return fail("text has to be a string, embedding an array");
  Sentence s{json["text"].get<std::string>(), {}};
  double squares = 0;
  for (const auto& value : json["embedding"]) {
    if (!value.is_number()) return fail("embedding has to hold numbers");
    s.embedding.push_back(value.get<double>());
    squares += s.embedding.back() * s.embedding.back();
  }
  if (!(squares > 0)) return fail("the embedding has no direction");
  for (double& value : s.embedding) value /= std::sqrt(squares);
  return s;
}

Result<std::vector<Sentence>> read(LineReader lines) {
  std::vector<Sentence> sentences;
  for (std::string line;;) {
    TESSERA_TRY_ASSIGN(const bool more, lines.next(line));
    if (!more) break;
    if (line.empty()) continue;
    auto sentence = parse(line);
    if (!sentence) return sentence.error().in(lines.here().c_str());
    sentences.push_back(std::move(*sentence));
    if (sentences.back().embedding.size() != sentences.front().embedding.size())
      return Error::format(Code::bad_format, "%s: expected %zu numbers, found %zu", lines.here().c_str(),
                           sentences.front().embedding.size(), sentences.back().embedding.size());
  }
  if (sentences.size() < 2) return Error::format(Code::bad_format, "nothing to compare: fewer than two sentences");
  return sentences;
}

double cosine(const Sentence& a, const Sentence& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.embedding.size(); ++i) sum += a.embedding[i] * b.embedding[i];
  return sum;
}

/// The text in at most `width` code points, so that columns stay columns.
std::string shortened(const std::string& text, std::size_t width) {
  std::size_t points = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U) continue;  // not the first byte of a code point
    if (points == width) return text.substr(0, i) + "...";
    ++points;
  }
  return text;
}

/// A cell two columns wide whose colour goes from the dark of 0 to the bright of 1 (256-colour greens).
void print_block(double similarity) {
  static constexpr int shades[] = {233, 234, 235, 236, 22, 28, 34, 40, 46};
  constexpr auto count = static_cast<double>(std::size(shades));
  const auto shade = static_cast<std::size_t>(std::clamp(similarity, 0.0, 0.999) * count);
  std::printf("\033[48;5;%dm  \033[0m", shades[shade]);
}

void print_nearest(const std::vector<Sentence>& sentences) {
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    std::size_t nearest = i == 0 ? 1 : 0;
    for (std::size_t j = 0; j < sentences.size(); ++j)
      if (j != i && cosine(sentences[i], sentences[j]) > cosine(sentences[i], sentences[nearest])) nearest = j;
    std::printf("%2zu  %s\n      %.3f  %2zu  %s\n", i + 1, sentences[i].text.c_str(),
                cosine(sentences[i], sentences[nearest]), nearest + 1, sentences[nearest].text.c_str());
  }
}

void print_matrix(const std::vector<Sentence>& sentences, bool colour) {
  std::printf("\n%4s", "");
  for (std::size_t j = 0; j < sentences.size(); ++j) std::printf(colour ? "%2zu" : "%6zu", j + 1);
  std::printf("\n");
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    std::printf("%3zu ", i + 1);
    for (const Sentence& other : sentences) {
      const double similarity = cosine(sentences[i], other);
      if (colour)
        print_block(similarity);
      else
        std::printf("%6.2f", similarity);
    }
    std::printf("  %s\n", shortened(sentences[i].text, 48).c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Which sentences are alike? Reads lines {\"text\": ..., \"embedding\": [...]}, as encode writes them.",
               "similarity");
  std::string input;
  std::string colour = "auto";
  app.add_option("--input", input, "a file; without it, standard input");
  app.add_option("--colour,--color", colour, "blocks of colour, or numbers")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.set_version_flag("--version", std::string("similarity (tessera) ") + TESSERA_VERSION_STRING);
  return tessera::programs::run_program(app, argc, argv, [&]() -> Result<void> {
    TESSERA_TRY_ASSIGN(LineReader lines, LineReader::open(input));
    TESSERA_TRY_ASSIGN(const std::vector<Sentence> sentences, read(std::move(lines)));
    print_nearest(sentences);
    print_matrix(sentences, colour == "always" || (colour == "auto" && isatty(STDOUT_FILENO) != 0));
    return {};
  });
}
