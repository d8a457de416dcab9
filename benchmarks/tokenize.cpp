// bench_tokenize FOLDER TEXT [ROUNDS]: megabytes of text a second that a tokenizer turns into ids, one line after
// another, on one thread, with a scratch that is kept. Prints one line of JSON: the fastest round, the number of ids
// and their sum. benchmarks/tokenize_peers.py runs it beside other libraries.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/io/file.hpp"
#include "tessera/pretrained/tokenizer_files.hpp"

namespace {

using tessera::Result;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Result<void> run(const std::string& folder, const std::string& path, int rounds) {
  const auto start_of_load = Clock::now();
  TESSERA_TRY_ASSIGN(const auto loaded, tessera::pretrained::load_tokenizer(folder));
  const double load = seconds_since(start_of_load);
  TESSERA_TRY_ASSIGN(const std::string text, tessera::io::read_text(path));
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(std::string_view(text).substr(at, end - at));
    at = end + 1;
  }
  tessera::text::TextScratch scratch;
  tessera::text::Ids ids;
  double best = 1e9;
  std::size_t count = 0;
  long long sum = 0;
  for (int round = 0; round < rounds; ++round) {
    count = 0;
    sum = 0;
    const auto start = Clock::now();
    for (const std::string_view line : lines) {
      ids.clear();
      TESSERA_TRY(loaded.tokenizer->encode_into(line, ids, scratch));
      count += ids.size();
      for (const auto id : ids) sum += id;
    }
    best = std::min(best, seconds_since(start));
  }
  std::printf("{\"mb_per_s\": %.2f, \"ids\": %zu, \"sum\": %lld, \"load_ms\": %.2f}\n",
              static_cast<double>(text.size()) / 1e6 / best, count, sum % 1000003, load * 1e3);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "bench_tokenize: FOLDER and TEXT expected\n");
    return 2;
  }
  const auto done = run(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 5);
  if (!done.ok()) std::fprintf(stderr, "bench_tokenize: %s\n", done.error().message());
  return done.ok() ? 0 : 1;
}
