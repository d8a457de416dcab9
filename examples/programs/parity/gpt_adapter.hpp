// How cases of GPT and GPT-2 become inputs; GPT-2 keeps keys and values from call to call.
#pragma once

#include "run_model.hpp"
#include "tessera/models/gpt_heads.hpp"

namespace tessera::parity {

struct GptAdapter {
  static Result<void> fill(CallInputs& call, GptInput& in) {
    TESSERA_TRY_ASSIGN(in.layout, call.layout());
    in.input_ids = call.tokens("input_ids");
    in.token_type_ids = call.tokens("token_type_ids");
    in.position_ids = call.tokens("position_ids");
    in.head_mask = call.array("head_mask");
    return {};
  }
};

/// A cache with room for all calls of the case; its content is the output "presents".
struct GPT2Adapter {
  KeyValueCache<AnyBackend> cache;
  Index head_size = 0, new_tokens = 0;

  Result<void> prepare(const auto& model, const AnyBackend& backend, const GoldenCase& c) {
    Index texts = 0, capacity = 0;
    for (const GoldenStep& step : c.steps()) {
      const View ids = c.input(step, "input_ids");
      texts = ids.rows();
      capacity += ids.columns();
    }
    TESSERA_TRY_ASSIGN(cache, KeyValueCache<AnyBackend>::of(model, backend, texts, capacity + 2));
    head_size = base_of(model).attention(0).head_size;
    return {};
  }
  Result<void> fill(CallInputs& call, GptInput& in) {
    TESSERA_TRY(GptAdapter::fill(call, in));
    if (call.ragged() && cache.length() > 0) return not_applicable("what follows earlier tokens is padded");
    in.past = cache.past();
    new_tokens = call.longest;
    return {};
  }
  /// [texts * capacity, heads * d] as [2, texts, heads, T, d].
  Result<void> finish(const CallInputs& call, const AnyBackend& backend, Results& results) {
    cache.advance(new_tokens);
    const Past& past = cache.past();
    std::vector<float> rows;
    for (Index layer = 0; layer < past.layers; ++layer) {
      Computed& presents = results[call.step.prefix + "presents." + std::to_string(layer)];
      presents = {};
      for (const View& view : {past.keys[layer], past.values[layer]}) {
        rows.resize(static_cast<std::size_t>(view.count()));
        tessera::detail::download(backend.memory(), rows.data(), view.data, view.bytes());
        const Index width = view.columns();
        for (Index b = 0; b < past.texts; ++b)
          for (Index h = 0; h < width / head_size; ++h)
            for (Index t = 0; t < past.length; ++t)
              for (Index d = 0; d < head_size; ++d)
                presents.values.push_back(
                    rows[static_cast<std::size_t>((b * past.capacity + t) * width + h * head_size + d)]);
      }
    }
    return {};
  }
};

/// Language model and double heads on either.
template <class Base>
struct GptLabels : Base {
  template <class In>
  Result<void> fill(CallInputs& call, CausalLMInput<In>& in) {
    TESSERA_TRY(Base::fill(call, in));
    // The older library calls it lm_labels.
    in.labels = call.tokens(call.array("labels").present() ? "labels" : "lm_labels");
    return {};
  }
  template <class In>
  Result<void> fill(CallInputs& call, DoubleHeadsInput<In>& in) {
    TESSERA_TRY(Base::fill(call, in));
    in.choices = call.array("input_ids").dim[1];
    in.mc_token_ids = call.array("mc_token_ids");
    in.lm_labels = call.tokens("lm_labels");
    in.mc_labels = call.array("mc_labels");
    return {};
  }
};

}  // namespace tessera::parity
