// An array has one to five dimensions.
// expect: view: an array has one to five dimensions
#include <tessera/tensor/view.hpp>

int main() {
  using tessera::DType;
#ifdef TESSERA_MUST_FAIL
  const auto view = tessera::View::of(nullptr, DType::f32, 1, 2, 3, 4, 5, 6);
#else
  const auto view = tessera::View::of(nullptr, DType::f32, 1, 2, 3, 4, 5);
#endif
  return view.rank - 5;
}
