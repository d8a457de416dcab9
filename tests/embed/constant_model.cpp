// A BERT of constant sizes where there are neither exceptions nor RTTI nor a heap: planned at compile time, run whole
// and in pieces from static arrays, bad input refused by value.
#include <tessera/backends/reference/reference.hpp>
#include <tessera/tessera.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "this program is meant to be built with -fno-exceptions -fno-rtti"
#endif

using namespace tessera;

namespace {
int allocations = 0;
}

// Any use of the heap is counted; the program ends with an error if there was one.
void* operator new(std::size_t bytes) { return ++allocations, std::malloc(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return ++allocations, std::malloc(bytes); }
void* operator new(std::size_t bytes, std::align_val_t, const std::nothrow_t&) noexcept {
  return ++allocations, std::malloc(bytes);
}
void* operator new[](std::size_t bytes) { return ++allocations, std::malloc(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return ++allocations, std::malloc(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

constexpr BertSizes sizes{.vocabulary = 50, .hidden = 16, .layers = 2, .intermediate = 24, .positions = 12, .types = 2};
using Model = BertForSequenceClassification<sizes, 3>;

constexpr BertConfig config() {
  BertConfig c;
  c.vocab_size = sizes.vocabulary;
  c.hidden_size = sizes.hidden;
  c.num_hidden_layers = sizes.layers;
  c.num_attention_heads = 2;
  c.intermediate_size = sizes.intermediate;
  c.max_position_embeddings = sizes.positions;
  c.num_labels = 3;
  return c;
}
static_assert(Model(config()).complete());
constexpr BertConfig other_config() {
  BertConfig c = config();
  c.num_labels = 4;
  return c;
}
static_assert(!Model(other_config()).complete() && Model(other_config()).misfit().found == 4);

constexpr Plan needed = plan(Model(config()), BertLabelledInput::shape(2, 10, View()), Reference<float>());
static_assert(needed.fault.code == Code::ok);

alignas(64) std::byte arena[needed.arena_bytes];
alignas(64) float weights[master_elements(Model(config()))];
Model model{config()};
Session<Model, Reference<float>> session{model, Reference<float>()};

}  // namespace

int main() {
  std::uint32_t state = 1;
  for (float& w : weights) {
    state = state * 1664525U + 1013904223U;
    w = static_cast<float>(state >> 8) * 0x1p-24F - 0.5F;
  }
  bind_masters(model, weights);
  session.use_arena(arena, sizeof arena);

  std::int64_t ids[20];
  for (int i = 0; i < 20; ++i) ids[i] = (i * 7) % 50;
  BertLabelledInput in;
  in.layout = Layout::padded(2, 10);
  in.input_ids = View::of_const(ids, DType::i64, 2, 10);

  float whole[6] = {};
  {
    const auto out = session.run(in);
    if (!out) return std::fprintf(stderr, "%s\n", out.error().message()), 1;
    std::memcpy(whole, (*out)->logits.view().data, sizeof whole);
  }
  for (const float logit : whole)
    if (!(logit - logit == 0)) return 2;

  if (!session.start(in)) return 3;
  int steps = 0;
  for (bool done = false; !done; ++steps) {
    const auto step = session.step({[](void*) { return true; }, nullptr});
    if (!step) return 4;
    done = *step;
  }
  // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): the bits are what is compared
  if (steps < 30 || std::memcmp(whole, session.output().logits.view().data, sizeof whole) != 0) return 5;

  ids[13] = 50;
  const auto refused = session.run(in);
  if (refused.ok() || refused.error().code() != Code::out_of_range) return 6;
  ids[13] = 0;
  session.use_arena(arena, plan(model, in, Reference<float>()).arena_bytes - 64);
  const auto small = session.run(in);
  if (small.ok() || small.error().code() != Code::out_of_memory) return 7;

  std::printf("arena %zu bytes, weights %zu bytes, %d steps, %d allocations\n", sizeof arena, sizeof weights, steps,
              allocations);
  return allocations == 0 ? 0 : 8;
}
