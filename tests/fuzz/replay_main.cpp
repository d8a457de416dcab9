// Runs a fuzz target without libFuzzer: over each file of the folders given, then over a few hundred cut and changed
// copies of it. The changes come from a fixed seed, so that a failure repeats.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::vector<std::uint8_t>& bytes) { LLVMFuzzerTestOneInput(bytes.data(), bytes.size()); }

void run_with_changes(const std::vector<std::uint8_t>& bytes, std::mt19937& random, int changes) {
  run(bytes);
  if (bytes.empty()) return;
  std::uniform_int_distribution<std::size_t> position(0, bytes.size() - 1);
  for (int i = 0; i < changes; ++i) {
    std::vector<std::uint8_t> copy = bytes;
    if (i % 4 == 0) copy.resize(position(random));
    for (int flips = i % 5; flips > 0 && !copy.empty(); --flips)
      copy[position(random) % copy.size()] = static_cast<std::uint8_t>(random());
    run(copy);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::mt19937 random(20190716);
    int files = 0;
    run({});
    for (int i = 1; i < argc; ++i) {
      if (!std::filesystem::is_directory(argv[i])) continue;
      for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
        if (!entry.is_regular_file()) continue;
        std::ifstream in(entry.path(), std::ios::binary);
        const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
        run_with_changes(bytes, random, 300);
        ++files;
      }
    }
    std::printf("%d files\n", files);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "an exception left the target: %s\n", error.what());
    return 1;
  }
  return 0;
}
