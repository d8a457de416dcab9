#include <tessera.hpp>

tessera::Result<int> half_of(int n);
tessera::Result<int> half_of(int n) {
  if (n % 2 != 0) return tessera::Error::format(tessera::Code::invalid_argument, "%d is odd", n);
  return n / 2;
}
