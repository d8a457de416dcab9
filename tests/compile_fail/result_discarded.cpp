// A Result that nobody looks at.
// expect: nodiscard
#include <tessera/base/result.hpp>

tessera::Result<int> read();
#pragma GCC diagnostic error "-Wunused-result"

int main() {
#ifdef TESSERA_MUST_FAIL
  read();
#else
  return read().ok() ? 0 : 1;
#endif
}
