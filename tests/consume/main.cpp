// What a program of somebody else looks like, as small as it can be: two units that include the same headers.
#include <tessera/base/result.hpp>
#include <tessera/base/version.hpp>
#if __has_include(<tessera/tessera.hpp>)
#include <tessera/tessera.hpp>
#endif

#include <cstdio>

tessera::Result<int> half_of(int n);  // other.cpp

int main() {
  std::printf("tessera %s\n", TESSERA_VERSION_STRING);
  const auto good = half_of(8);
  const auto bad = half_of(7);
  if (!bad.ok()) std::printf("%s: %s\n", name(bad.error().code()), bad.error().message());
  return good.ok() && *good == 4 && !bad.ok() ? 0 : 1;
}
