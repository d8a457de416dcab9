// What Transformer-XL and XLNet share: a memory that goes from call to call, and comes back as "mems.<layer>".
#pragma once

#include <functional>

#include "run_model.hpp"
#include "tessera/blocks/memory.hpp"

namespace tessera::parity {

class MemsAdapter {
 public:
  Result<void> prepare(const auto& model, const AnyBackend& backend, const GoldenCase& golden) {
    const auto& base = base_of(model);
    if (base.memory_length() == 0) return {};
    const std::vector<GoldenStep> steps = golden.steps();
    const Index texts = golden.input(steps.front(), "input_ids").rows();
    TESSERA_TRY_ASSIGN(cache_, MemoryCache<AnyBackend>::of(base, backend, texts));
    kept_ = [&base](Index length, Index queries) { return base.kept_memory(length, queries).count(); };
    advance_ = [this, &base](Index queries) { cache_.advance(base, queries); };
    return {};
  }
  /// Every call after the first continues, in all cases.
  Result<void> finish(const CallInputs& call, const AnyBackend& backend, Results& results) {
    if (!kept_) return {};
    advance_(call.longest);
    const Mems& m = cache_.mems();
    for (Index layer = 0; layer < m.layers; ++layer) {
      const View& rows = m.rows[layer];
      std::vector<float> ours(static_cast<std::size_t>(rows.count()));
      tessera::detail::download(backend.memory(), ours.data(), rows.data, rows.bytes());
      // The reference's are [length, texts, H].
      Computed& c = results[call.step.prefix + "mems." + std::to_string(layer)];
      for (Index t = 0; t < m.length; ++t)
        for (Index text = 0; text < m.texts; ++text) {
          const float* row = ours.data() + (text * m.length + t) * m.width;
          c.values.insert(c.values.end(), row, row + m.width);
        }
    }
    return {};
  }

 protected:
  Mems mems() const { return kept_ ? cache_.mems() : Mems(); }

 private:
  MemoryCache<AnyBackend> cache_;
  std::function<Index(Index, Index)> kept_;
  std::function<void(Index)> advance_;
};

}  // namespace tessera::parity
