// A tensor is moved or borrowed, never copied: its memory is given back once.
// expect: deleted
#include <tessera/backends/reference/reference.hpp>
#include <tessera/blocks/embedding.hpp>
#include <tessera/context/infer.hpp>

using namespace tessera;

int main() {
  Infer<Reference<float>> context{Reference<float>()};
  context.begin_plan();
  const Embedding<10, 8> table(10, 8);
  auto x = table(context, Operand());
#ifdef TESSERA_MUST_FAIL
  auto y = x;
#else
  auto y = std::move(x);
#endif
  return 0;
}
