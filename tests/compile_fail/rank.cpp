// A tensor has one to five dimensions.
// expect: extents: a tensor has one to five dimensions
#include <tessera/tensor/tensor.hpp>

int main() {
#ifdef TESSERA_MUST_FAIL
  const tessera::Extents<1, 2, 3, 4, 5, 6> sizes;
#else
  const tessera::Extents<1, 2, 3, 4, 5> sizes;
#endif
  return static_cast<int>(sizes[0]) - 1;
}
