// The core out of its single header, in a program of two units.
#include <tessera.hpp>

#include <cstdio>
#include <cstring>

tessera::Result<int> half_of(int n);  // other.cpp

int main() {
  std::printf("tessera %s\n", TESSERA_VERSION_STRING);
  const auto good = half_of(8);
  const auto bad = half_of(7);
  return good.ok() && *good == 4 && !bad.ok() && std::strstr(bad.error().message(), "7") != nullptr ? 0 : 1;
}
