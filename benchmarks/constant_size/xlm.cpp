// XLM with constant sizes.
#include "tessera/models/xlm.hpp"
#include "deployed.hpp"

using namespace tessera;

constexpr XlmSizes preset{.vocabulary = words, .hidden = width, .layers = 2, .positions = 64, .languages = 1};

constexpr XlmConfig config() {
  XlmConfig c;
  c.n_words = words;
  c.emb_dim = width;
  c.n_layers = 2;
  c.n_heads = 2;
  c.max_position_embeddings = 64;
  return c;
}

int main() { return Deployed<Xlm<preset>, config>::run("xlm"); }
