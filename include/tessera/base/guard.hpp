// The border between code that may throw and a library that does not.
//
// The standard containers throw when memory is used up, and nlohmann-json throws in more places. Each public function
// of tessera/text and tessera/io that returns a Result runs its body inside guarded(), so that a caller sees nothing
// else. Without exceptions (-fno-exceptions) the body is simply called.
#pragma once

#include <exception>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "tessera/base/result.hpp"

namespace tessera::inline TESSERA_ISA {

/// The Result of `body()`, or the Error that stands for what it threw.
template <class Body>
auto guarded(Body&& body) noexcept -> std::invoke_result_t<Body> {
#if defined(__cpp_exceptions)
  try {
    return std::forward<Body>(body)();
  } catch (const std::bad_alloc&) {
    return Error::format(Code::out_of_memory, "the machine has no memory left for this");
  } catch (const std::length_error&) {
    return Error::format(Code::out_of_memory, "a container would have to hold more than it can");
  } catch (const std::exception& e) {
    return Error::format(Code::io_failure, "unexpected: %s", e.what());
  } catch (...) {
    return Error::format(Code::io_failure, "unexpected: something unknown was thrown");
  }
#else
  return std::forward<Body>(body)();
#endif
}

}  // namespace tessera
