// The result of an op that nobody takes.
// expect: nodiscard
#include <tessera/backends/reference/reference.hpp>
#include <tessera/blocks/embedding.hpp>
#include <tessera/context/infer.hpp>
#pragma GCC diagnostic error "-Wunused-result"

using namespace tessera;

int main() {
  Infer<Reference<float>> context{Reference<float>()};
  context.begin_plan();
  const Embedding<10, 8> table(10, 8);
  auto x = table(context, Operand());
#ifdef TESSERA_MUST_FAIL
  table(context, Operand());
#else
  x = table(context, Operand());
#endif
  return 0;
}
