// What happens when a promise inside the library is broken.
//
// Bad input is never an assertion: it is a value (result.hpp). An assertion says that tessera or the code that
// calls it is wrong. The host sets a handler; the default one prints the sentence, once for each failure, and returns.
// The library never ends the process.
#pragma once

#include <cstdio>
#if !defined(__GNUC__)
#include <atomic>
#endif

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA {

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

/// The handler, exchanged atomically. With the compiler's builtins where it has them: <atomic> alone would take a third
/// of the time that the whole core takes to include.
#if defined(__GNUC__)
inline AssertHandler assert_handler = &print_assertion;
inline AssertHandler exchange_assert_handler(AssertHandler handler) noexcept {
  return __atomic_exchange_n(&assert_handler, handler, __ATOMIC_ACQ_REL);
}
inline AssertHandler load_assert_handler() noexcept { return __atomic_load_n(&assert_handler, __ATOMIC_ACQUIRE); }
#else
inline std::atomic<AssertHandler> assert_handler{&print_assertion};
inline AssertHandler exchange_assert_handler(AssertHandler handler) noexcept {
  return assert_handler.exchange(handler);
}
inline AssertHandler load_assert_handler() noexcept { return assert_handler.load(); }
#endif

inline void assertion_failed(const Assertion& a) noexcept { load_assert_handler()(a); }
}  // namespace detail

/// Sets the handler (null restores the default) and returns the one before. Any thread may call it.
inline AssertHandler set_assert_handler(AssertHandler handler) noexcept {
  return detail::exchange_assert_handler(handler != nullptr ? handler : &detail::print_assertion);
}

}  // namespace tessera

/// Checks a promise of the library itself, in every build: the checks stand at op and call borders, not in loops.
#define TESSERA_ASSERT(condition, sentence) \
  ((condition) ? void(0)                    \
               : ::tessera::detail::assertion_failed(::tessera::Assertion{#condition, sentence, __FILE__, __LINE__}))
