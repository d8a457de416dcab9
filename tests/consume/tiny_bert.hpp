// A BERT of constant sizes for the tests of consumers: needs the core and the reference backend, however they came.
#pragma once

#include <cstddef>
#include <cstdint>

constexpr tessera::BertSizes tiny_sizes{
    .vocabulary = 50, .hidden = 16, .layers = 2, .intermediate = 24, .positions = 8, .types = 2};

constexpr tessera::BertConfig tiny_config() {
  tessera::BertConfig c;
  c.vocab_size = tiny_sizes.vocabulary;
  c.hidden_size = tiny_sizes.hidden;
  c.num_hidden_layers = tiny_sizes.layers;
  c.num_attention_heads = 2;
  c.intermediate_size = tiny_sizes.intermediate;
  c.max_position_embeddings = tiny_sizes.positions;
  return c;
}

using TinyBert = tessera::Bert<tiny_sizes>;
constexpr tessera::Plan tiny_plan =
    tessera::plan(TinyBert(tiny_config()), tessera::BertInput::shape(1, 6), tessera::Reference<float>());
static_assert(tiny_plan.arena_bytes > 0);

/// Some numbers for weights.
template <std::size_t N>
void fill_tiny(TinyBert& model, float (&weights)[N]) {
  for (std::size_t i = 0; i < N; ++i) weights[i] = static_cast<float>((i * 7919) % 1009) * 0.0004F - 0.2F;
  tessera::bind_masters(model, weights);
}

inline tessera::BertInput tiny_input(const std::int32_t (&ids)[6]) {
  tessera::BertInput in;
  in.layout = tessera::Layout::padded(1, 6);
  in.input_ids = tessera::View::of_const(ids, tessera::DType::i32, 1, 6);
  return in;
}

/// Each unit has its own copy. The first number of the pooled output for six tokens, of which the third is `id`;
/// without the heap.
static tessera::Result<float> run_tiny(std::int32_t id) {
  alignas(64) static std::byte arena[tiny_plan.arena_bytes];
  alignas(64) static float weights[tessera::master_elements(TinyBert(tiny_config()))];
  TinyBert model(tiny_config());
  fill_tiny(model, weights);
  const std::int32_t ids[6] = {1, 2, id, 4, 5, 6};
  tessera::Session<TinyBert, tessera::Reference<float>> session(model, {});
  session.use_arena(arena, sizeof arena);
  const auto out = session.run(tiny_input(ids));
  if (!out) return out.error();
  return (*out)->pooler_output.view().as<float>()[0];
}
