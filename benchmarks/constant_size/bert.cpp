// BERT with constant sizes.
#include "tessera/models/bert.hpp"
#include "deployed.hpp"

using namespace tessera;

constexpr BertSizes preset{
    .vocabulary = words, .hidden = width, .layers = 2, .intermediate = inner, .positions = 64, .types = 2};

constexpr BertConfig config() {
  BertConfig c;
  c.vocab_size = words;
  c.hidden_size = width;
  c.num_hidden_layers = 2;
  c.num_attention_heads = 2;
  c.intermediate_size = inner;
  c.max_position_embeddings = 64;
  return c;
}

int main() { return Deployed<Bert<preset>, config>::run("bert"); }
