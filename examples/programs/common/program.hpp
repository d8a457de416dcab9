// What every program does around its work: options, one line for an error, exit codes, an orderly end.
//
// Exit codes: 0 done, 1 failed, 2 used wrongly. An error is one line on stderr that starts with the program's name.
// What standard output did not take is an error, too.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "common/signals.hpp"
#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"

namespace tessera::programs {

inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;

/// An error unless all that was printed has been taken: a full disk shows at the last flush.
inline Result<void> flush_stdout() {
  errno = 0;
  std::cout.flush();
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout) return {};
  return Error::format(Code::io_failure, "standard output: cannot write%s%s", errno != 0 ? ": " : "",
                       errno != 0 ? std::strerror(errno) : "");
}

/// Parses the options and runs `body`, a function that returns Result<void>.
template <class Body>
int run_program(CLI::App& app, int argc, char** argv, Body&& body) {
  const char* const name = app.get_name().c_str();
  Result<void> done;
  try {
    app.parse(argc, argv);
    tidy_up_on_signals();
    done = guarded([&]() -> Result<void> { return body(); });
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) {
      std::fprintf(stderr, "%s: %s (see %s --help)\n", name, error.what(), name);
      return exit_usage;
    }
    (void)app.exit(error);  // prints --help or --version
  }
  if (done) done = flush_stdout();
  if (done) return 0;
  std::fprintf(stderr, "%s: %s\n", name, done.error().message());
  return exit_failure;
}

}  // namespace tessera::programs
