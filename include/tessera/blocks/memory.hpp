// Mems: hidden states of earlier segments that relative attention looks back at, and MemoryCache, which holds them.
//
// A cache belongs to one caller, like a session; a model's input carries a plain view of it. A run reads the memory as
// it was and writes the next one beside it; `advance` then makes that the memory. Nothing is allocated after the cache
// is made. Source: Dai et al., "Transformer-XL" (2019), section 3.2: gradients stop at the memory.
#pragma once

#include "tessera/blocks/batch.hpp"
#include "tessera/context/weights.hpp"
#include "tessera/ops/concat.hpp"
#include "tessera/ops/embedding.hpp"

namespace tessera::inline TESSERA_ISA {

/// What a run sees of a memory. Plain data.
struct Mems {
  const View* rows = nullptr;  ///< [layers], each [texts * length, H] in the backend's memory; null: none
  const View* next = nullptr;  ///< [layers], each with room for [texts * capacity, H]; null: the next is not kept
  Index layers = 0;
  Index texts = 0;
  Index length = 0;    ///< rows of each text that are there
  Index capacity = 0;  ///< rows of each text that there is room for
  Index width = 0;
  constexpr bool present() const noexcept { return rows != nullptr; }
  /// With all the rows that there is room for: what a session reserves for.
  constexpr Mems full() const noexcept {
    Mems m = *this;
    m.length = capacity;
    return m;
  }
};

/// Which rows make the next memory: [old_first, old length) of the old one, then [new_first, new_end) of the segment.
struct MemoryRows {
  Index old_first = 0, old_end = 0;
  Index new_first = 0, new_end = 0;
  constexpr Index count() const noexcept { return old_end - old_first + new_end - new_first; }

  /// Rows [first, end) of a memory of `length` rows with a segment behind it.
  static constexpr MemoryRows slice(Index length, Index first, Index end) noexcept {
    const auto inside = [](Index i, Index low, Index high) { return i < low ? low : i > high ? high : i; };
    return {inside(first, 0, length), inside(end, 0, length), inside(first - length, 0, end),
            inside(end - length, 0, end)};
  }
};

/// The memory of a run, with the rows that are to be kept of it. Plain data.
struct MemoryPlan {
  Mems mems;
  MemoryRows kept;
  Operand old_rows, new_rows;  ///< i32, of all texts

  constexpr Operand layer(Index i) const noexcept {
    if (mems.length == 0) return {};
    const View& rows = mems.rows[i];
    return {View::of(rows.data, rows.type, mems.texts * mems.length, mems.width), -1};
  }
};

constexpr MemoryPlan plan_memory(auto& context, const Mems& mems, const Layout& layout,
                                 const MemoryRows& kept) noexcept {
  MemoryPlan p{mems, kept, {}, {}};
  if (!mems.present() || mems.next == nullptr) return p;
  const auto rows = [&](Index first, Index end, Index stride) {
    const Index each = end - first;
    return context.make_ids(layout.texts * each,
                            [=](Index i) { return static_cast<std::int32_t>(i / each * stride + first + i % each); });
  };
  if (kept.old_end > kept.old_first) p.old_rows = rows(kept.old_first, kept.old_end, mems.length);
  if (kept.new_end > kept.new_first) p.new_rows = rows(kept.new_first, kept.new_end, layout.longest);
  return p;
}

/// Writes what layer `i` shall remember of its input x, [texts * queries, H].
template <class T>
constexpr void remember(const T& x, const MemoryPlan& p, Index i) noexcept {
  if (!p.mems.present() || p.mems.next == nullptr || p.kept.count() == 0) return;
  auto& context = x.context();
  using Rows = Extents<dyn, dyn>;
  const auto take = [&](const Operand& from, const Operand& rows) {
    return context.template apply<op::embedding>({-1}, Rows(rows.view.count(), from.view.columns()), from, rows);
  };
  const Mems& m = p.mems;
  const View next = View::of(m.next[i].data, m.next[i].type, m.texts * p.kept.count(), x.size(1));
  Tensor<typename T::context_type, Rows> old, now;
  if (p.old_rows.present()) old = take(p.layer(i), p.old_rows);
  if (p.new_rows.present()) now = take(Operand{x.view(), -1}, p.new_rows);
  const auto constant = [](const auto& t) { return Operand{t.view(), -1}; };  // no gradient flows into it
  if (old && now)
    (void)context.template apply_to<op::concat, Rows>({m.texts}, next, constant(old), constant(now));
  else
    (void)context.template apply_to<op::concat, Rows>({m.texts}, next, old ? constant(old) : constant(now));
}

/// The memory of this model and batch.
inline Result<void> check_mems(const char* model, const Mems& mems, const Layout& layout, Index layers, Index width,
                               Index next_length) noexcept {
  if (layout.is_ragged())
    return Error::format(Code::unsupported, "%s: relative attention takes padded batches, this one is ragged", model);
  if (!mems.present()) return {};
  if (mems.layers != layers)
    return Error::format(Code::shape_mismatch, "%s: mems: expected %lld layers, found %lld", model,
                         static_cast<long long>(layers), static_cast<long long>(mems.layers));
  if (mems.texts != layout.texts)
    return Error::format(Code::shape_mismatch, "%s: mems: expected %lld texts as in the batch, found %lld", model,
                         static_cast<long long>(layout.texts), static_cast<long long>(mems.texts));
  if (mems.width != width)
    return Error::format(Code::shape_mismatch, "%s: mems: expected rows of %lld numbers, found %lld", model,
                         static_cast<long long>(width), static_cast<long long>(mems.width));
  if (mems.length < 0 || mems.length > mems.capacity)
    return Error::format(Code::out_of_range, "%s: mems: expected 0 to %lld rows, found %lld", model,
                         static_cast<long long>(mems.capacity), static_cast<long long>(mems.length));
  if (mems.next != nullptr && next_length > mems.capacity)
    return Error::format(Code::out_of_range, "%s: mems: %lld rows are to be kept, there is room for %lld", model,
                         static_cast<long long>(next_length), static_cast<long long>(mems.capacity));
  return {};
}

/// Two memories of each layer: the one that is read and the one that is written.
///
/// A model of memories offers layers(), width(), memory_length(), the rows that a config keeps; initial_memory(), those
/// of zeros that a text begins with; and kept_memory(length, queries), what is kept after a segment.
template <class B>
class MemoryCache {
 public:
  MemoryCache() = default;

  /// For `texts` texts. `model`: a base model, or a class with a head on one.
  template <class Model>
  static Result<MemoryCache> of(const Model& model, const B& backend, Index texts) noexcept {
    if constexpr (requires { model.base; }) {
      return of(model.base, backend, texts);
    } else {
      const Index capacity = model.memory_length(), layers = model.layers(), width = model.width();
      constexpr Index most = Index{1} << 31;  // rows are named by i32
      if (texts <= 0 || capacity < 0 || saturating_product(texts, capacity) >= most)
        return Error::format(Code::out_of_range, "mems: expected a size from 1 to 2^31, found %lld texts of %lld",
                             static_cast<long long>(texts), static_cast<long long>(capacity));
      MemoryCache cache;
      cache.mems_ = {nullptr, nullptr, layers, texts, model.initial_memory(), capacity, width};
      const View room = View::of(nullptr, dtype_of<typename B::element>, texts * capacity, width);
      const std::size_t each = FreeList::rounded(room.bytes());
      TESSERA_TRY_ASSIGN(cache.block_,
                         MemoryBlock::allocate(backend.memory(), 2 * static_cast<std::size_t>(layers) * each));
      if (!cache.views_.resize(static_cast<std::size_t>(2 * layers)))
        return Error::format(Code::out_of_memory, "mems: no memory for the table of %lld layers",
                             static_cast<long long>(layers));
      std::byte* place = cache.block_.data();
      for (View& view : cache.views_) {
        view = room;
        view.data = place;
        place += each;
      }
      cache.memory_ = backend.memory();
      cache.reset(model);
      return cache;
    }
  }

  /// For an input of the next run.
  const Mems& mems() const noexcept { return mems_; }
  Index length() const noexcept { return mems_.length; }
  /// After a run of `queries` tokens of each text that went well: what it wrote is the memory.
  template <class Model>
  void advance(const Model& model, Index queries) noexcept {
    if constexpr (requires { model.base; }) {
      advance(model.base, queries);
    } else {
      reading_ = 1 - reading_;
      show(model.kept_memory(mems_.length, queries).count());
    }
  }
  /// Begins new texts.
  template <class Model>
  void reset(const Model& model) noexcept {
    if constexpr (requires { model.base; }) {
      reset(model.base);
    } else {
      if (block_.bytes() > 0) detail::zero(memory_, block_.data(), block_.bytes());
      show(model.initial_memory());
    }
  }
  std::size_t bytes() const noexcept { return block_.bytes(); }

 private:
  /// Sets the views to `length` rows of each text.
  void show(Index length) noexcept {
    mems_.length = length;
    mems_.rows = views_.data() + reading_ * mems_.layers;
    mems_.next = views_.data() + (1 - reading_) * mems_.layers;
    for (Index i = 0; i < mems_.layers; ++i) {
      View& view = views_[static_cast<std::size_t>(reading_ * mems_.layers + i)];
      view.dim[0] = mems_.texts * length;
    }
  }

  Memory memory_;
  MemoryBlock block_;
  Buffer<View> views_;
  Mems mems_;
  Index reading_ = 0;
};

}  // namespace tessera
