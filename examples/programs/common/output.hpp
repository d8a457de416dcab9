// Where a program writes: standard output, or a file that appears only when all of it is there.
#pragma once

#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "common/signals.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/shortest.hpp"

namespace tessera::programs {

class Output {
 public:
  /// An empty path: standard output.
  static Result<Output> open(const std::string& path) {
    Output output;
    if (path.empty()) return output;
    TESSERA_TRY_ASSIGN(output.file_, io::AtomicFile::create(path, &remove_on_signals));
    return output;
  }

  bool is_stdout() const noexcept { return !file_.has_value(); }
  bool is_terminal() const noexcept { return is_stdout() && ::isatty(STDOUT_FILENO) != 0; }

  Result<void> write(io::Bytes bytes) noexcept {
    if (file_) return file_->write(bytes);
    return check(std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size());
  }
  Result<void> write(std::string_view text) noexcept { return write(io::bytes_of(text)); }

  /// Whole rows go to a pipe as soon as they are there, so that the next program can work on them.
  Result<void> flush() noexcept { return file_ ? Result<void>() : check(std::fflush(stdout) == 0); }

  /// The last step: the file takes its name.
  Result<void> commit() noexcept { return file_ ? file_->commit() : flush(); }

 private:
  Output() = default;
  static Result<void> check(bool good) noexcept {
    if (good) return {};
    return Error::format(Code::io_failure, "standard output: cannot write: %s", std::strerror(errno));
  }
  std::optional<io::AtomicFile> file_;
};

/// An error when one is no finite number: JSON has no such, and nobody wants to compare it.
inline Result<void> expect_finite(std::span<const float> values, std::uint64_t line, const char* what) {
  for (const float value : values)
    if (!std::isfinite(value))
      return Error::format(Code::out_of_range, "line %llu: %s has a value that is no number: are the weights damaged?",
                           static_cast<unsigned long long>(line), what);
  return {};
}

/// The fewest digits that read back as the same float; a number in JSON, too.
inline void append_float(std::string& out, float value) {
  char digits[io::shortest_room];
  out.append(digits, io::shortest(digits, value));
}

}  // namespace tessera::programs
