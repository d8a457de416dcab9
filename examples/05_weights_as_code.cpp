// Weights as code: a model whose sizes and weights are constants of the program. No file, no heap, no exceptions: what
// firmware and consoles want. tiny_bert.hpp was written by
//
//   embed examples/data/tiny_bert --output examples/data/tiny_bert/tiny_bert.hpp --storage int8
//
// int8 takes a quarter of the flash; at set-up the matrices are turned into floats, in an array of known size. With
// --storage f32 they are read where they lie, and that array is empty.
#include <cstddef>
#include <cstdio>

#include "data/tiny_bert/tiny_bert.hpp"
#include "tessera/backends/reference/reference.hpp"
#include "tessera/context/session.hpp"
#include "tessera/models/bert.hpp"

using namespace tessera;

// config.json of the model, as constants.
constexpr BertSizes tiny{.vocabulary = 61, .hidden = 24, .layers = 2, .intermediate = 29, .positions = 16, .types = 2};
constexpr Index tokens = 8;
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

constexpr Plan needed = plan(Model(config()), BertInput::shape(1, tokens), Reference<float>());
static_assert(needed.fault.code == Code::ok);
constexpr Index decoded_count = decoded_elements(Model(config()), tiny_bert::weights);

alignas(64) static std::byte arena[needed.arena_bytes];
alignas(64) static float decoded[decoded_count > 0 ? decoded_count : 1];

int main() {
  static Model model(config());
  if (const auto bound = bind_embedded(model, tiny_bert::weights, decoded); !bound) {
    std::fprintf(stderr, "05_weights_as_code: %s\n", bound.error().message());
    return 1;
  }
  static Session<Model, Reference<float>> session(model, Reference<float>());
  session.use_arena(arena, sizeof arena);

  const std::int32_t ids[tokens] = {2, 17, 8, 30, 5, 41, 23, 3};
  BertInput in;
  in.layout = Layout::padded(1, tokens);
  in.input_ids = View::of_const(ids, DType::i32, Index{1}, tokens);
  const auto out = session.run(in);
  if (!out) {
    std::fprintf(stderr, "05_weights_as_code: %s\n", out.error().message());
    return 1;
  }
  const float* pooled = (*out)->pooler_output.view().as<float>();
  std::printf("arena %zu bytes, decoded weights %zu bytes\n", sizeof arena, sizeof decoded);
  std::printf("pooled: %.4f %.4f %.4f ...\n", static_cast<double>(pooled[0]), static_cast<double>(pooled[1]),
              static_cast<double>(pooled[2]));
  return 0;
}
