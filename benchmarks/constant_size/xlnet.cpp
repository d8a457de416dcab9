// XLNet with constant sizes.
#include "tessera/models/xlnet.hpp"
#include "deployed.hpp"

using namespace tessera;

constexpr XLNetSizes preset{
    .vocabulary = words, .hidden = width, .layers = 2, .heads = 2, .head_size = 64, .inner = inner};

constexpr XLNetConfig config() {
  XLNetConfig c;
  c.n_token = words;
  c.d_model = width;
  c.n_layer = 2;
  c.n_head = 2;
  c.d_head = 64;
  c.d_inner = inner;
  return c;
}

int main() { return Deployed<XLNet<preset>, config>::run("xlnet"); }
