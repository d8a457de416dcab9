// What happens when a promise inside the library is broken.
//
// Bad input is never an assertion: it is a value (error.hpp). An assertion says that tessera or the code that
// calls it is wrong. The host sets a handler; the default one prints the sentence, once for each failure, and returns.
// The library never ends the process.
#pragma once

#include <atomic>
#include <cstdio>

namespace tessera {

struct Assertion {
  const char* condition;
  const char* sentence;
  const char* file;
  int line;
};

using AssertHandler = void (*)(const Assertion&) noexcept;

namespace detail {
inline void print_assertion(const Assertion& a) noexcept {
  std::fprintf(stderr, "tessera: %s (%s, %s:%d)\n", a.sentence, a.condition, a.file, a.line);
}
inline std::atomic<AssertHandler> assert_handler{&print_assertion};
}  // namespace detail

/// Sets the handler (null restores the default) and returns the one before. Any thread may call it.
inline AssertHandler set_assert_handler(AssertHandler handler) noexcept {
  return detail::assert_handler.exchange(handler != nullptr ? handler : &detail::print_assertion);
}

namespace detail {
inline void assertion_failed(const Assertion& a) noexcept { assert_handler.load()(a); }
}  // namespace detail

}  // namespace tessera

/// Checks a promise of the library itself, in every build: the checks stand at op and call borders, not in loops.
#define TESSERA_ASSERT(condition, sentence) \
  ((condition) ? void(0)                    \
               : ::tessera::detail::assertion_failed(::tessera::Assertion{#condition, sentence, __FILE__, __LINE__}))
