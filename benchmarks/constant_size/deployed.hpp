// A model whose sizes are constants, as a program that needs nothing else: its arena and its weights are static arrays
// of exactly the right size. Each file of this folder is one architecture, all of the same sizes: two layers of width
// 128, two heads, inner width 512, 1000 words, 32 tokens. cmake/compile_cost.py compiles and measures them.
#pragma once

#include <cstddef>
#include <cstdio>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/base/normal.hpp"
#include "tessera/context/session.hpp"

namespace tessera {

inline constexpr Index width = 128, inner = 512, words = 1000, tokens = 32;

/// Config: a constexpr function that gives the model's config.
template <class Model, auto Config>
struct Deployed {
  static constexpr Plan needed = plan(Model(Config()), Model::Input::shape(1, tokens), Reference<float>());
  static_assert(needed.fault.code == Code::ok);
  static constexpr Index elements = master_elements(Model(Config()));

  /// One run; what it needs and its first numbers go to standard output. The weights come from a counter generator.
  static int run(const char* architecture) {
    alignas(64) static std::byte arena[needed.arena_bytes];
    alignas(64) static float weights[elements];
    static Model model(Config());
    for (Index i = 0; i < elements; ++i) weights[i] = 0.05F * normal(7, static_cast<std::uint64_t>(i));
    bind_masters(model, weights);
    static Session<Model, Reference<float>> session(model, Reference<float>());
    session.use_arena(arena, sizeof arena);

    std::int32_t ids[tokens];
    for (Index i = 0; i < tokens; ++i) ids[i] = static_cast<std::int32_t>(3 + i * 37 % (words - 3));
    typename Model::Input in;
    in.layout = Layout::padded(1, tokens);
    in.input_ids = View::of_const(ids, DType::i32, Index{1}, tokens);
    const auto out = session.run(in);
    if (!out) {
      std::fprintf(stderr, "%s: %s\n", architecture, out.error().message());
      return 1;
    }
    const float* state = (*out)->last_hidden_state.view().template as<float>();
    std::printf("%s: arena %zu bytes, weights %zu bytes, %lld multiply-adds; %.6f %.6f ...\n", architecture,
                sizeof arena, sizeof weights, static_cast<long long>(needed.flops / 2), static_cast<double>(state[0]),
                static_cast<double>(state[1]));
    return 0;
  }
};

}  // namespace tessera
