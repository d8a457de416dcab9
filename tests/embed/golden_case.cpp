// A golden case whose weights, input and expected output are constants of the program: what runs where there are no
// files. Inside the rule of tests/golden, without heap, exceptions and RTTI.
#include <cmath>
#include <cstddef>
#include <cstdio>

#include "golden_case_data.hpp"
#include "golden_case_weights.hpp"
#include "tessera/backends/reference/reference.hpp"
#include "tessera/context/session.hpp"
#include "tessera/models/bert.hpp"

using namespace tessera;

namespace {

constexpr BertSizes basic{.vocabulary = 61, .hidden = 24, .layers = 2, .intermediate = 29, .positions = 16, .types = 2};
using Model = Bert<basic>;

constexpr BertConfig config() {
  BertConfig c;
  c.vocab_size = basic.vocabulary;
  c.hidden_size = basic.hidden;
  c.num_hidden_layers = basic.layers;
  c.num_attention_heads = 2;
  c.intermediate_size = basic.intermediate;
  c.max_position_embeddings = basic.positions;
  return c;
}

constexpr Plan needed = plan(Model(config()), BertInput::shape(2, 10), Reference<float>());
static_assert(needed.fault.code == Code::ok);
static_assert(decoded_elements(Model(config()), bert_model_basic::weights) == 0, "f32 is read where it lies");

alignas(64) std::byte arena[needed.arena_bytes];
Model model{config()};
Session<Model, Reference<float>> session{model, Reference<float>()};

/// Largest difference to the truth, against what the rule allows.
template <std::size_t N>
bool inside(const char* name, const View& found, const double (&truth)[N], double allowed) {
  double error = found.count() == Index{N} ? 0 : HUGE_VAL;
  for (std::size_t i = 0; i < N && error < HUGE_VAL; ++i) {
    const double difference = std::fabs(static_cast<double>(found.as<const float>()[i]) - truth[i]);
    if (!(difference <= error)) error = difference;  // a NaN counts
  }
  std::printf("%s: error %.2e, allowed %.2e\n", name, error, allowed);
  return error <= allowed;
}

}  // namespace

int main() {
  if (const auto bound = bind_embedded(model, bert_model_basic::weights, nullptr); !bound) {
    std::fprintf(stderr, "%s\n", bound.error().message());
    return 1;
  }
  session.use_arena(arena, sizeof arena);
  BertInput in;
  in.layout = Layout::padded(2, 10);
  in.input_ids = View::of_const(bert_model_basic::input_ids, DType::i32, Index{2}, Index{10});
  const auto out = session.run(in);
  if (!out) {
    std::fprintf(stderr, "%s\n", out.error().message());
    return 1;
  }
  using namespace bert_model_basic;
  const bool hidden =
      inside("last_hidden_state", (*out)->last_hidden_state.view(), last_hidden_state, last_hidden_state_allowed);
  const bool pooled = inside("pooler_output", (*out)->pooler_output.view(), pooler_output, pooler_output_allowed);
  return hidden && pooled ? 0 : 2;
}
