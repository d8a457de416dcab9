// Heads of a model with constant sizes cannot be pruned: its widths are constants.
// expect: SelfAttention<8>
#include <tessera/blocks/prune_heads.hpp>

using namespace tessera;

int main() {
  const std::int64_t head = 0;
#ifdef TESSERA_MUST_FAIL
  SelfAttention<8> attention(8, 2, 0.0);
#else
  SelfAttention<> attention(8, 2, 0.0);
#endif
  return prune_heads(attention, &head, 1).ok() ? 1 : 0;
}
