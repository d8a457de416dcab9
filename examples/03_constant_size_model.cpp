// A model whose sizes are constants: shape errors are compile errors, the arena is a static array of exactly the right
// size, nothing is allocated, and neither exceptions nor RTTI are needed. BERT tiny (2 layers, width 128), 32 tokens.
//
// The weights here come from a counter generator, so that the program needs no file; a real one binds its own array.
#include <cstddef>
#include <cstdio>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/base/normal.hpp"
#include "tessera/context/session.hpp"
#include "tessera/models/bert.hpp"

using namespace tessera;

// The sizes, as a template argument. A checkpoint with others is refused by name.
constexpr BertSizes tiny{
    .vocabulary = 1000, .hidden = 128, .layers = 2, .intermediate = 512, .positions = 64, .types = 2};
constexpr Index tokens = 32;
using Model = Bert<tiny>;

constexpr BertConfig config() {
  BertConfig c;
  c.vocab_size = tiny.vocabulary;
  c.hidden_size = tiny.hidden;
  c.num_hidden_layers = tiny.layers;
  c.num_attention_heads = 2;
  c.intermediate_size = tiny.intermediate;
  c.max_position_embeddings = tiny.positions;
  return c;
}

// The same walk through the model that will run it, at compile time.
constexpr Plan needed = plan(Model(config()), BertInput::shape(1, tokens), Reference<float>());
static_assert(needed.fault.code == Code::ok);

alignas(64) static std::byte arena[needed.arena_bytes];
alignas(64) static float weights[master_elements(Model(config()))];

int main() {
  static Model model(config());
  for (std::size_t i = 0; i < sizeof weights / sizeof *weights; ++i) weights[i] = 0.05F * normal(7, i);
  bind_masters(model, weights);

  static Session<Model, Reference<float>> session(model, Reference<float>());
  session.use_arena(arena, sizeof arena);

  std::int32_t ids[tokens];
  for (Index i = 0; i < tokens; ++i) ids[i] = static_cast<std::int32_t>((i * 37) % tiny.vocabulary);
  BertInput in;
  in.layout = Layout::padded(1, tokens);
  in.input_ids = View::of_const(ids, DType::i32, Index{1}, tokens);

  const auto out = session.run(in);
  if (!out) {
    std::fprintf(stderr, "03_constant_size_model: %s\n", out.error().message());
    return 1;
  }
  const float* pooled = (*out)->pooler_output.view().as<float>();
  std::printf("arena %zu bytes, weights %zu bytes, %lld multiply-adds\n", sizeof arena, sizeof weights,
              static_cast<long long>(needed.flops / 2));
  std::printf("pooled: %.6f %.6f %.6f ...\n", static_cast<double>(pooled[0]), static_cast<double>(pooled[1]),
              static_cast<double>(pooled[2]));
  return 0;
}
