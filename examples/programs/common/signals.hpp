// What happens on ^C and its like: the temporary file and the progress bar go, and the process dies of the signal, at
// once and wherever it is. So no loop has to ask whether a signal came, and the shell sees what it expects to see.
#pragma once

#include <atomic>
#include <csignal>
#include <cstring>
#include <iterator>
#include <string>

#include <unistd.h>

namespace tessera::programs {

namespace detail {
// All that the handler may touch: it can run in any thread, between any two instructions.
struct Temporary {
  char name[4096];
  std::atomic<bool> is_there = false;
};
inline Temporary temporaries[4];
inline std::atomic<bool> bar_is_shown = false;
static_assert(std::atomic<bool>::is_always_lock_free);

inline void tidy_up_and_die(int number) noexcept {
  for (const Temporary& temporary : temporaries)
    if (temporary.is_there) (void)::unlink(temporary.name);
  if (bar_is_shown) {
    static constexpr char erase[] = "\r\033[K";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, erase, sizeof erase - 1);
  }
  (void)::raise(number);  // the default action by now, as soon as this function returns
}
}  // namespace detail

/// Signals that end a program remove its temporary file first. One that the parent lets it ignore (nohup) stays
/// ignored.
inline void tidy_up_on_signals() noexcept {
  struct sigaction tidy = {};
  tidy.sa_handler = detail::tidy_up_and_die;
  tidy.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM}) {
    struct sigaction inherited = {};
    if (::sigaction(number, nullptr, &inherited) == 0 && inherited.sa_handler == SIG_DFL)
      (void)::sigaction(number, &tidy, nullptr);
  }
}

/// A file that a signal is to remove, the last four of them; it may not be there yet, have another name or be gone by
/// then. Said before the file is made: a signal may come between any two instructions.
inline void remove_on_signals(const std::string& path) noexcept {
  static unsigned count = 0;
  if (path.empty() || path.size() >= sizeof detail::Temporary::name) return;
  detail::Temporary& temporary = detail::temporaries[count++ % std::size(detail::temporaries)];
  temporary.is_there = false;
  std::memcpy(temporary.name, path.c_str(), path.size() + 1);
  temporary.is_there = true;
}

}  // namespace tessera::programs
