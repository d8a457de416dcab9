// OpenAI GPT with constant sizes.
#include "tessera/models/gpt.hpp"
#include "deployed.hpp"

using namespace tessera;

constexpr GptSizes preset{.vocabulary = words, .hidden = width, .layers = 2, .positions = 64};

constexpr OpenAIGPTConfig config() {
  OpenAIGPTConfig c;
  c.vocab_size = words;
  c.n_embd = width;
  c.n_layer = 2;
  c.n_head = 2;
  c.n_positions = 64;
  c.n_ctx = 64;
  return c;
}

int main() { return Deployed<OpenAIGPT<preset>, config>::run("gpt"); }
