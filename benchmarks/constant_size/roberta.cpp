// RoBERTa with constant sizes.
#include "tessera/models/roberta.hpp"
#include "deployed.hpp"

using namespace tessera;

constexpr BertSizes preset{
    .vocabulary = words, .hidden = width, .layers = 2, .intermediate = inner, .positions = 64, .types = 1};

constexpr RobertaConfig config() {
  RobertaConfig c;
  c.vocab_size = words;
  c.hidden_size = width;
  c.num_hidden_layers = 2;
  c.num_attention_heads = 2;
  c.intermediate_size = inner;
  c.max_position_embeddings = 64;
  c.type_vocab_size = 1;
  return c;
}

int main() { return Deployed<Roberta<preset>, config>::run("roberta"); }
