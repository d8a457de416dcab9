// A linear whose weight is for another width.
// expect: linear: x columns must equal weight columns
#include <tessera/backends/reference/reference.hpp>
#include <tessera/blocks/embedding.hpp>
#include <tessera/blocks/linear.hpp>
#include <tessera/context/infer.hpp>

using namespace tessera;

int main() {
  Infer<Reference<float>> context{Reference<float>()};
  context.begin_plan();
  const Embedding<10, 8> table(10, 8);
  auto x = table(context, Operand());
#ifdef TESSERA_MUST_FAIL
  const Linear<9, 4> dense(9, 4);
  const auto y = dense(x);
#else
  const Linear<8, 4> dense(8, 4);
  const auto y = dense(x);
#endif
  return 0;
}
