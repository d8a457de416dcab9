// What the tests of tessera/io share: golden files, a folder to write to, and a comparison of states.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/state.hpp"

#if !defined(TESSERA_GOLDEN_DIR)
#error "TESSERA_GOLDEN_DIR must be the path of tests/golden"
#endif

namespace tessera::io::test {

inline std::string golden(const std::string& name) { return std::string(TESSERA_GOLDEN_DIR) + "/checkpoint/" + name; }

inline std::vector<std::byte> slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto* const first = reinterpret_cast<const std::byte*>(content.data());
  return {first, first + content.size()};
}

inline std::vector<std::byte> bytes(std::string_view text) {
  const Bytes view = bytes_of(text);
  return {view.begin(), view.end()};
}

/// A folder of its own for one test, removed at its end.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tessera-io-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::string path_;
};

/// Empty when both hold the same tensors, bit for bit, in any order; else what differs.
inline std::string difference(const State& a, const State& b) {
  if (a.size() != b.size()) return std::to_string(a.size()) + " and " + std::to_string(b.size()) + " tensors";
  for (const StateTensor& tensor : a) {
    const StateTensor* const other = b.find(tensor.name);
    if (other == nullptr) return "only one has " + tensor.name;
    if (tensor.type != other->type) return "types of " + tensor.name;
    if (tensor.shape != other->shape) return "shapes of " + tensor.name;
    const Bytes left = tensor.view();
    const Bytes right = other->view();
    if (!std::equal(left.begin(), left.end(), right.begin(), right.end())) return "bytes of " + tensor.name;
  }
  return {};
}

/// One tensor of every type and of odd shapes, with bytes that no conversion would keep.
inline State every_type() {
  State state;
  std::vector<std::byte> pattern(8 * 12);
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<std::byte>((i * 37 + 0x7f) & 0xff);
  const auto add = [&](const char* name, DType type, std::vector<std::int64_t> shape) {
    std::size_t count = size_of(type);
    for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
    (void)state.add_copy(name, type, std::move(shape), Bytes(pattern).first(count));
  };
  add("f64", DType::f64, {3, 4});
  add("f32", DType::f32, {2, 3});
  add("f16", DType::f16, {5});
  add("bf16", DType::bf16, {3});
  add("i64", DType::i64, {2});
  add("i32", DType::i32, {7});
  add("i16", DType::i16, {1, 1, 3});
  add("i8", DType::i8, {9});
  add("u8", DType::u8, {11});
  add("bool", DType::boolean, {5});
  add("scalar", DType::f32, {});
  add("empty", DType::f32, {0});
  add("empty.inside", DType::i64, {3, 0, 4});
  add("name with \"quotes\", \\ and \xc3\xa9\n", DType::u8, {1});
  return state;
}

}  // namespace tessera::io::test
