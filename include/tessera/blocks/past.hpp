// Past: keys and values of tokens that were run before, and KeyValueCache, the memory that holds them.
//
// A cache belongs to one caller, like a session; a model's input carries a plain view of it. A run writes the keys and
// values of its tokens behind those that are there and attends to all of them; `advance` then counts them in. Nothing
// is allocated after the cache is made.
#pragma once

#include "tessera/blocks/batch.hpp"
#include "tessera/blocks/reorder.hpp"
#include "tessera/context/weights.hpp"

namespace tessera::inline TESSERA_ISA {

/// What a run sees of a cache. Plain data.
struct Past {
  const View* keys = nullptr;    ///< [layers], each [texts * capacity, heads * d] in the backend's memory; null: none
  const View* values = nullptr;  ///< the same
  Index layers = 0;
  Index texts = 0;
  Index capacity = 0;  ///< tokens of each text that there is room for
  Index length = 0;    ///< tokens of each text that are there
  constexpr bool present() const noexcept { return keys != nullptr; }
};

/// The part of one layer, and where the rows of the run go.
struct LayerPast {
  View keys, values;
  Operand rows;  ///< i32 [rows]
  constexpr bool present() const noexcept { return keys.present(); }
};

/// A past with the rows of a run.
struct PastRows {
  Past past;
  Operand rows;
  constexpr LayerPast layer(Index i) const noexcept {
    return past.present() ? LayerPast{past.keys[i], past.values[i], rows} : LayerPast();
  }
};

/// The sequence of a batch that follows a past: padded, unless the past is empty.
constexpr Sequence make_sequence(auto& context, const Layout& layout, const View& attention_mask,
                                 const Visibility& visibility, const Past& past) noexcept {
  Sequence s = make_sequence(context, layout, attention_mask, visibility);
  if (!past.present() || past.length == 0) return s;
  const Index keys = past.length + layout.longest, stride = past.capacity;
  s.keys = keys;
  s.key_rows = stride;
  if (stride != keys)
    s.key_ids = context.make_ids(layout.texts * keys,
                                 [&](Index i) { return static_cast<std::int32_t>(i / keys * stride + i % keys); });
  return s;
}

/// Where the rows of a batch go in the memory of its past.
constexpr PastRows make_past_rows(auto& context, const Layout& layout, const Past& past) noexcept {
  if (!past.present()) return {};
  require_element(context, "past: it was made for a backend with another element type; bytes of one", past.keys[0]);
  Index text = 0;
  const Operand rows = context.make_ids(layout.rows, [&, text](Index row) mutable {
    while (row >= layout.first(text + 1)) ++text;
    return static_cast<std::int32_t>(text * past.capacity + past.length + row - layout.first(text));
  });
  return {past, rows};
}

/// A past of this model and batch, with room for what comes. `width`: of the keys of a layer.
template <class Width>
Result<void> check_past(const char* model, const Past& past, const Layout& layout, Index layers,
                        const Width& width) noexcept {
  if (!past.present()) return {};
  if (past.layers != layers || past.values == nullptr)
    return Error::format(Code::shape_mismatch, "%s: past: expected %lld layers, found %lld", model,
                         static_cast<long long>(layers), static_cast<long long>(past.layers));
  for (Index i = 0; i < layers; ++i)
    if (past.keys[i].columns() != width(i) || past.values[i].columns() != width(i))
      return Error::format(Code::shape_mismatch, "%s: past: layer %lld: expected rows of %lld numbers, found %lld",
                           model, static_cast<long long>(i), static_cast<long long>(width(i)),
                           static_cast<long long>(past.keys[i].columns()));
  if (past.texts != layout.texts)
    return Error::format(Code::shape_mismatch, "%s: past: expected %lld texts as in the batch, found %lld", model,
                         static_cast<long long>(layout.texts), static_cast<long long>(past.texts));
  if (past.length < 0 || past.length > past.capacity || layout.longest > past.capacity - past.length)
    return Error::format(Code::out_of_range, "%s: past: %lld tokens follow %lld, there is room for %lld in all", model,
                         static_cast<long long>(layout.longest), static_cast<long long>(past.length),
                         static_cast<long long>(past.capacity));
  if (layout.is_ragged() && past.length > 0)
    return Error::format(Code::unsupported, "%s: past: what follows earlier tokens must be a padded batch", model);
  return {};
}

/// Room for the keys and values of each layer.
template <class B>
class KeyValueCache {
 public:
  KeyValueCache() = default;

  /// For `texts` texts of up to `capacity` tokens. `model`: a base model, or a class with a head on one.
  template <class Model>
  static Result<KeyValueCache> of(const Model& model, const B& backend, Index texts, Index capacity) noexcept {
    if constexpr (requires { model.base; }) {
      return of(model.base, backend, texts, capacity);
    } else {
      if constexpr (requires { model.causal; })
        if (!model.causal)
          return Error::format(Code::unsupported, "%s: past: only causal models keep keys and values", Model::name);
      constexpr Index most = Index{1} << 31;  // rows are named by i32
      if (texts <= 0 || capacity <= 0 || saturating_product(texts, capacity) >= most)
        return Error::format(Code::out_of_range, "cache: expected a size from 1 to 2^31, found %lld texts of %lld",
                             static_cast<long long>(texts), static_cast<long long>(capacity));
      KeyValueCache cache;
      const Index layers = model.layers();
      cache.past_ = {nullptr, nullptr, layers, texts, capacity, 0};
      std::size_t bytes = 0;
      for (Index i = 0; i < layers; ++i)
        bytes += 2 * FreeList::rounded(view_of(model, i, cache.past_, nullptr).bytes());
      TESSERA_TRY_ASSIGN(cache.block_, MemoryBlock::allocate(backend.memory(), bytes));
      if (bytes > 0) detail::zero(backend.memory(), cache.block_.data(), bytes);
      if (!cache.views_.resize(static_cast<std::size_t>(2 * layers)))
        return Error::format(Code::out_of_memory, "cache: no memory for the table of %lld layers",
                             static_cast<long long>(layers));
      std::byte* place = cache.block_.data();
      for (Index i = 0; i < 2 * layers; ++i) {
        View& view = cache.views_[static_cast<std::size_t>(i)];
        view = view_of(model, i % layers, cache.past_, place);
        place += FreeList::rounded(view.bytes());
      }
      cache.memory_ = backend.memory();
      cache.past_.keys = cache.views_.data();
      cache.past_.values = cache.views_.data() + layers;
      return cache;
    }
  }

  /// For an input of the next run.
  const Past& past() const noexcept { return past_; }
  Index length() const noexcept { return past_.length; }
  Index capacity() const noexcept { return past_.capacity; }
  /// Counts in the tokens of a run that went well.
  void advance(Index tokens) noexcept { past_.length += tokens; }
  /// Keeps the first `length` tokens alone; 0: begins anew.
  void rewind(Index length) noexcept { past_.length = length < past_.length ? length : past_.length; }
  /// Takes the memory that reorder needs.
  Result<void> reserve_reorder() noexcept {
    std::size_t most = 0;
    for (const View& view : views_)
      most = detail::bytes_of_rows(view, past_.capacity) > most ? detail::bytes_of_rows(view, past_.capacity) : most;
    if (spare_.resize(2 * most) && work_.resize(static_cast<std::size_t>(2 * past_.texts))) return {};
    return Error::format(Code::out_of_memory, "cache: no memory to reorder %lld texts",
                         static_cast<long long>(past_.texts));
  }
  /// Text t goes on from what text from[t] has. The first `same` tokens of both are the same already. After
  /// reserve_reorder.
  void reorder(const Index* from, Index same) noexcept {
    const Index moved = past_.length - same;
    if (moved <= 0) return;
    for (const View& view : views_) {
      const std::size_t bytes = detail::bytes_of_rows(view, moved);
      std::byte* const bounce = spare_.data() + spare_.size() / 2;
      const auto place = [&](Index text) {
        return static_cast<std::byte*>(view.data) + detail::bytes_of_rows(view, text * past_.capacity + same);
      };
      reorder_slots(from, past_.texts, work_.data(), [&](Index to, Index source) {
        if (to < 0)
          detail::download(memory_, spare_.data(), place(source), bytes);
        else if (source < 0)
          detail::upload(memory_, place(to), spare_.data(), bytes);
        else
          detail::copy_inside(memory_, place(to), place(source), bytes, bounce);
      });
    }
  }
  std::size_t bytes() const noexcept { return block_.bytes(); }

 private:
  template <class Model>
  static View view_of(const Model& model, Index layer, const Past& past, void* data) noexcept {
    return View::of(data, dtype_of<typename B::element>, past.texts * past.capacity, model.attention(layer).width());
  }

  Memory memory_;
  MemoryBlock block_;
  Buffer<View> views_;
  Buffer<std::byte> spare_;  ///< rows of one text twice, in host memory
  Buffer<Index> work_;
  Past past_;
};

}  // namespace tessera
