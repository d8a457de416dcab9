// Errors as values, where there are no exceptions to throw.
#include <tessera/base/assert.hpp>
#include <tessera/base/result.hpp>
#include <tessera/base/version.hpp>

#include <cstdio>
#include <cstring>

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "this program is meant to be built with -fno-exceptions -fno-rtti"
#endif

namespace {

tessera::Result<int> half_of(int n) {
  if (n % 2 != 0) return tessera::Error::format(tessera::Code::invalid_argument, "%d is odd", n);
  return n / 2;
}

tessera::Result<int> quarter_of(int n) {
  TESSERA_TRY_ASSIGN(const int half, half_of(n));
  return half_of(half);
}

int broken_promises = 0;

}  // namespace

int main() {
  std::printf("tessera %s\n", TESSERA_VERSION_STRING);
  const auto good = quarter_of(8);
  const auto bad = quarter_of(6);
  if (!good.ok() || *good != 2) return 1;
  if (bad.ok() || std::strcmp(bad.error().message(), "3 is odd") != 0) return 2;

  tessera::set_assert_handler([](const tessera::Assertion&) noexcept { ++broken_promises; });
  TESSERA_ASSERT(1 + 1 == 3, "sums must be right");
  return broken_promises == 1 ? 0 : 3;
}
