// A host with threads and a log of its own, without exceptions and RTTI: its parallel_for runs the tiles, its handler
// gets the assertions, its clock stops a run.
#include <tessera/backends/reference/reference.hpp>
#include <tessera/tessera.hpp>
#ifdef TESSERA_WITH_STUB
#include <tessera/backends/stub/stub.hpp>
#endif

#include <cstdio>
#include <cstring>

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "this program is meant to be built with -fno-exceptions -fno-rtti"
#endif

using namespace tessera;

namespace {

struct Host {
  int calls = 0, tiles = 0, ops = 0;
  /// Runs tiles in a strange order, as another scheduler might.
  static void run(void* host, std::int64_t count, Executor::Body body, void* argument) {
    auto& self = *static_cast<Host*>(host);
    ++self.calls;
    for (std::int64_t i = count; i-- > 0; ++self.tiles) body(argument, i);
  }
  /// Three ops a frame.
  static bool frame_is_over(void* host) { return ++static_cast<Host*>(host)->ops % 3 == 0; }
};

int broken_promises = 0;

template <class B>
bool runs_the_same(const Bert<>& model, const BertInput& in, const B& backend) {
  Host host;
  Session<Bert<>, B> serial(model, backend), hosted(model, backend, nullptr, Executor(&Host::run, &host, 4));
  if (!serial.reserve(in) || !hosted.reserve(in)) return false;
  const auto out = serial.run(in);
  if (!out || !hosted.start(in)) return false;
  int frames = 0;
  for (bool done = false; !done; ++frames) {
    const auto step = hosted.step({&Host::frame_is_over, &host});
    if (!step) return false;
    done = *step;
  }
  const View &a = (*out)->last_hidden_state.view(), &b = hosted.output().last_hidden_state.view();
  std::printf("%s: %d frames, %d calls of the host's threads, %d tiles\n", backend.name(), frames, host.calls,
              host.tiles);
  return frames > 5 && std::memcmp(a.data, b.data, a.bytes()) == 0;
}

}  // namespace

int main() {
  set_assert_handler([](const Assertion&) noexcept { ++broken_promises; });
  BertConfig c;
  c.vocab_size = 40;
  c.hidden_size = 32;
  c.num_hidden_layers = 2;
  c.num_attention_heads = 4;
  c.intermediate_size = 48;
  c.max_position_embeddings = 16;
  Bert<> model(c);
  auto weights = Weights::of(model);
  if (!weights) return 1;
  std::uint32_t state = 7;
  for (Index i = 0; i < weights->elements(); ++i) {
    state = state * 1664525U + 1013904223U;
    weights->data()[i] = static_cast<float>(state >> 8) * 0x1p-24F - 0.5F;
  }
  const std::int32_t ids[] = {1, 5, 9, 2, 7, 39, 0, 3, 4}, offsets[] = {0, 4, 9};
  BertInput in;
  in.layout = Layout::ragged(2, offsets);
  in.input_ids = View::of_const(ids, DType::i32, 9);
  if (!runs_the_same(model, in, Reference<float>())) return 2;
#ifdef TESSERA_WITH_STUB
  if (!runs_the_same(model, in, Stub())) return 3;
#endif
  return broken_promises == 0 ? 0 : 4;
}
