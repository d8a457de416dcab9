// bench_load FILE [ROUNDS]: what the checks of a reader cost. Times, in turn, a plain mapping of the file whose bytes
// are all added up, and load_state whose tensors' bytes are added up; and load_state alone. Prints one line of JSON
// with the fastest of each, in milliseconds, and the ratio of the first two by medians. The file is warm.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tessera/io/open.hpp"

namespace {

namespace io = tessera::io;
using tessera::Result;
using Clock = std::chrono::steady_clock;

/// Reads all bytes: the work that every use of weights does at least once.
std::uint64_t sum(io::Bytes bytes) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, 8);
    total += word;
  }
  return total;
}

template <class F>
double milliseconds(F&& f) {
  const auto start = Clock::now();
  f();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

Result<void> run(const std::string& path, int rounds) {
  std::vector<double> plain, checked, opened;
  std::uint64_t total = 0;
  Result<void> done;
  for (int round = 0; round <= rounds; ++round) {
    plain.push_back(milliseconds([&] {
      const auto file = io::MappedFile::open(path);
      if (file) total += sum(file->bytes());
    }));
    checked.push_back(milliseconds([&] {
      const auto state = io::load_state(path);
      if (!state) done = state.error();
      if (state)
        for (const io::StateTensor& tensor : *state) total += sum(tensor.view());
    }));
    opened.push_back(milliseconds([&] { total += io::load_state(path).ok() ? 1 : 0; }));
    TESSERA_TRY(done);
    if (round == 0) plain.clear(), checked.clear(), opened.clear();  // warms the file
  }
  std::printf("{\"plain_ms\": %.2f, \"checked_ms\": %.2f, \"open_ms\": %.3f, \"ratio\": %.3f, \"sum\": %llu}\n",
              *std::min_element(plain.begin(), plain.end()), *std::min_element(checked.begin(), checked.end()),
              *std::min_element(opened.begin(), opened.end()), median(checked) / median(plain),
              static_cast<unsigned long long>(total));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "bench_load: a FILE expected\n");
    return 2;
  }
  const auto done = run(argv[1], argc > 2 ? std::max(std::atoi(argv[2]), 1) : 15);
  if (!done) std::fprintf(stderr, "bench_load: %s\n", done.error().message());
  return done ? 0 : 1;
}
