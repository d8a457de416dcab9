// A sum whose norm has another width.
// expect: residual_norm: x columns must equal the norm's size
#include <tessera/backends/reference/reference.hpp>
#include <tessera/blocks/embedding.hpp>
#include <tessera/blocks/norm.hpp>
#include <tessera/context/infer.hpp>

using namespace tessera;

int main() {
  Infer<Reference<float>> context{Reference<float>()};
  context.begin_plan();
  const Embedding<10, 8> table(10, 8);
  auto x = table(context, Operand());
#ifdef TESSERA_MUST_FAIL
  const LayerNorm<9> norm(9, 1e-12);
  auto r = table(context, Operand());
  const auto y = residual_norm(std::move(x), r, norm);
#else
  const LayerNorm<8> norm(8, 1e-12);
  auto r = table(context, Operand());
  const auto y = residual_norm(std::move(x), r, norm);
#endif
  return 0;
}
