// A feed-forward block for another width: the sentence comes from the op inside.
// expect: linear: x columns must equal weight columns
#include <tessera/backends/reference/reference.hpp>
#include <tessera/blocks/embedding.hpp>
#include <tessera/blocks/feed_forward.hpp>
#include <tessera/context/infer.hpp>

using namespace tessera;

int main() {
  Infer<Reference<float>> context{Reference<float>()};
  context.begin_plan();
  const Embedding<10, 8> table(10, 8);
  auto x = table(context, Operand());
#ifdef TESSERA_MUST_FAIL
  const FeedForward<16, 32> ff(16, 32, Activation::gelu);
  const auto y = ff(x);
#else
  const FeedForward<8, 32> ff(8, 32, Activation::gelu);
  const auto y = ff(x);
#endif
  return 0;
}
