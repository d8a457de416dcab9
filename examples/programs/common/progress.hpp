// A progress bar on stderr, for people: nothing is written unless stderr is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include <unistd.h>

#include "common/signals.hpp"

namespace tessera::programs {

/// Whether a bar may be drawn: stderr is a terminal, and the output does not scroll over it.
inline bool progress_is_seen(bool output_is_stdout) noexcept {
  return ::isatty(STDERR_FILENO) != 0 && !(output_is_stdout && ::isatty(STDOUT_FILENO) != 0);
}

class Progress {
 public:
  /// `total` in the unit of update()'s `done`; 0: not known, and only the count is shown.
  Progress(bool seen, const char* unit, std::uint64_t total) : seen_(seen), unit_(unit), total_(total) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// The bar goes before anything else is written: what is left on the screen is the result or the error.
  ~Progress() { clear(); }

  void update(std::uint64_t done, std::uint64_t count) {
    if (!seen_) return;
    const auto now = Clock::now();
    if (shown_ && now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    shown_ = detail::bar_is_shown = true;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    std::string line = "\r";
    char text[120];
    if (total_ > 0) {
      const double part = done < total_ ? static_cast<double>(done) / static_cast<double>(total_) : 1.0;
      constexpr std::size_t width = 30;
      const auto full = static_cast<std::size_t>(part * width);
      line.append("[").append(full, '#').append(width - full, '.').append("]");
      std::snprintf(text, sizeof text, " %3.0f %%", part * 100);
      line += text;
      if (part > 0.02 && part < 1) {
        std::snprintf(text, sizeof text, ", %.0f s left", seconds * (1 - part) / part);
        line += text;
      }
      line += ", ";
    }
    std::snprintf(text, sizeof text, "%llu %s, %.0f a second\033[K", static_cast<unsigned long long>(count), unit_,
                  seconds > 0 ? static_cast<double>(count) / seconds : 0.0);
    line += text;
    (void)std::fwrite(line.data(), 1, line.size(), stderr);
  }

  void clear() {
    if (shown_) (void)std::fputs("\r\033[K", stderr);
    shown_ = detail::bar_is_shown = false;
  }

 private:
  using Clock = std::chrono::steady_clock;
  bool seen_;
  const char* unit_;
  std::uint64_t total_;
  bool shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_;
};

}  // namespace tessera::programs
