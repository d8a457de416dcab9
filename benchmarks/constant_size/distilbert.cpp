// DistilBERT with constant sizes.
#include "tessera/models/distilbert.hpp"
#include "deployed.hpp"

using namespace tessera;

constexpr DistilBertSizes preset{
    .vocabulary = words, .hidden = width, .layers = 2, .intermediate = inner, .positions = 64};

constexpr DistilBertConfig config() {
  DistilBertConfig c;
  c.vocab_size = words;
  c.dim = width;
  c.n_layers = 2;
  c.n_heads = 2;
  c.hidden_dim = inner;
  c.max_position_embeddings = 64;
  return c;
}

int main() { return Deployed<DistilBert<preset>, config>::run("distilbert"); }
