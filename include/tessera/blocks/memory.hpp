// Mems: what earlier segments left for relative attention to look back at, and MemoryCache, which holds it.
//
// A memory has the hidden states that a layer read, or the keys and values that it made of them: the same numbers, as a
// memory has no positions of its own, without making them again for each segment. Training needs the hidden states.
// A cache belongs to one caller, like a session; a model's input carries a plain view of it. A run reads the memory as
// it was and writes the next one beside it; `advance` then makes that the memory. Nothing is allocated after the cache
// is made. Source: Dai et al., "Transformer-XL" (2019), section 3.2: gradients stop at the memory.
#pragma once

#include "tessera/blocks/batch.hpp"
#include "tessera/blocks/reorder.hpp"
#include "tessera/context/weights.hpp"
#include "tessera/ops/concat.hpp"
#include "tessera/ops/embedding.hpp"

namespace tessera::inline TESSERA_ISA {

/// What a memory has of each row.
enum class MemoryForm : std::uint8_t {
  hidden_states,    ///< [.., H]: what the reference calls mems
  keys_and_values,  ///< [.., W] twice: for inference
};

/// What a run sees of a memory. Plain data.
struct Mems {
  /// [layers], or [2 * layers] with first all keys, then all values; each [texts * length, width] in the backend's
  /// memory; null: none.
  const View* rows = nullptr;
  const View* next = nullptr;  ///< the same with room for [texts * capacity, width]; null: the next is not kept
  Index layers = 0;
  Index texts = 0;
  Index length = 0;    ///< rows of each text that are there
  Index capacity = 0;  ///< rows of each text that there is room for
  Index width = 0;
  MemoryForm form = MemoryForm::hidden_states;

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

/// One memory of a layer: what is there, and the room for what is next. Plain data.
struct MemorySlot {
  Operand rows;  ///< [texts * length, width]; absent: none are there
  View next;     ///< rank 0: not kept
};

/// The memory of a run, with the rows that are to be kept of it. Plain data.
struct MemoryPlan {
  Mems mems;
  MemoryRows kept;
  Operand old_rows, new_rows;  ///< i32, of all texts

  /// The hidden states that layer i remembers, or its keys; `values`: its values.
  constexpr MemorySlot slot(Index i, bool values = false) const noexcept {
    if (!mems.present()) return {};
    if (values) i += mems.layers;
    MemorySlot s;
    const View& rows = mems.rows[i];
    if (mems.length > 0) s.rows = {View::of(rows.data, rows.type, mems.texts * mems.length, mems.width), -1};
    if (mems.next != nullptr && kept.count() > 0)
      s.next = View::of(mems.next[i].data, mems.next[i].type, mems.texts * kept.count(), mems.width);
    return s;
  }
  constexpr bool has(MemoryForm form) const noexcept { return mems.present() && mems.form == form; }
};

constexpr MemoryPlan plan_memory(auto& context, const Mems& mems, const Layout& layout,
                                 const MemoryRows& kept) noexcept {
  MemoryPlan p{mems, kept, {}, {}};
  if (mems.present())
    require_element(context, "mems: they were made for a backend with another element type; bytes of one",
                    mems.rows[0]);
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

/// Writes what is to be kept of a memory and of x, [texts * queries, width], behind it.
template <class T>
constexpr void remember(const T& x, const MemorySlot& slot, const MemoryPlan& p) noexcept {
  if (!slot.next.present()) return;
  auto& context = x.context();
  using Rows = Extents<dyn, dyn>;
  const auto constant = [](const View& v) { return Operand{v, -1}; };  // no gradient flows into a memory
  const auto take = [&](const View& from, const Operand& rows) {
    return context.template apply<op::embedding>({-1}, Rows(rows.view.count(), from.columns()), constant(from), rows);
  };
  Tensor<typename T::context_type, Rows> old, now;
  if (p.old_rows.present()) old = take(slot.rows.view, p.old_rows);
  if (p.new_rows.present()) now = take(x.view(), p.new_rows);
  if (old && now)
    (void)context.template apply_to<op::concat, Rows>({p.mems.texts}, slot.next, constant(old.view()),
                                                      constant(now.view()));
  else
    (void)context.template apply_to<op::concat, Rows>({p.mems.texts}, slot.next,
                                                      old ? constant(old.view()) : constant(now.view()));
}

/// The memory of this model and batch.
inline Result<void> check_mems(const char* model, const Mems& mems, const Layout& layout, Index layers, Index width,
                               Index projected, Index next_length) noexcept {
  if (layout.is_ragged())
    return Error::format(Code::unsupported, "%s: relative attention takes padded batches, this one is ragged", model);
  if (!mems.present()) return {};
  if (mems.layers != layers)
    return Error::format(Code::shape_mismatch, "%s: mems: expected %lld layers, found %lld", model,
                         static_cast<long long>(layers), static_cast<long long>(mems.layers));
  if (mems.texts != layout.texts)
    return Error::format(Code::shape_mismatch, "%s: mems: expected %lld texts as in the batch, found %lld", model,
                         static_cast<long long>(layout.texts), static_cast<long long>(mems.texts));
  const Index expected = mems.form == MemoryForm::hidden_states ? width : projected;
  if (mems.width != expected)
    return Error::format(Code::shape_mismatch, "%s: mems: expected rows of %lld numbers, found %lld", model,
                         static_cast<long long>(expected), static_cast<long long>(mems.width));
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
/// A model of memories offers layers(), width(), projected_width(), of a key; memory_length(), the rows that a config
/// keeps; initial_memory(), those of zeros that a text begins with; kept_memory(length, queries), what is kept after a
/// segment; zeros_project_to_zeros(), whether rows of zeros have keys and values of zeros.
template <class B>
class MemoryCache {
 public:
  MemoryCache() = default;

  /// For `texts` texts. `model`: a base model, or a class with a head on one.
  template <class Model>
  static Result<MemoryCache> of(const Model& model, const B& backend, Index texts,
                                MemoryForm form = MemoryForm::hidden_states) noexcept {
    if constexpr (requires { model.base; }) {
      return of(model.base, backend, texts, form);
    } else {
      const bool hidden = form == MemoryForm::hidden_states;
      if (!hidden && model.initial_memory() > 0 && !model.zeros_project_to_zeros())
        return Error::format(
            Code::unsupported,
            "mems: this model begins with rows of zeros, whose keys and values are others: keep hidden "
            "states");
      const Index capacity = model.memory_length(), layers = model.layers(), tables = hidden ? layers : 2 * layers;
      const Index width = hidden ? model.width() : model.projected_width();
      constexpr Index most = Index{1} << 31;  // rows are named by i32
      if (texts <= 0 || capacity < 0 || saturating_product(texts, capacity) >= most)
        return Error::format(Code::out_of_range, "mems: expected a size from 1 to 2^31, found %lld texts of %lld",
                             static_cast<long long>(texts), static_cast<long long>(capacity));
      MemoryCache cache;
      cache.mems_ = {nullptr, nullptr, layers, texts, model.initial_memory(), capacity, width, form};
      cache.tables_ = tables;
      const View room = View::of(nullptr, dtype_of<typename B::element>, texts * capacity, width);
      const std::size_t each = FreeList::rounded(room.bytes());
      TESSERA_TRY_ASSIGN(cache.block_,
                         MemoryBlock::allocate(backend.memory(), 2 * static_cast<std::size_t>(tables) * each));
      if (!cache.views_.resize(static_cast<std::size_t>(2 * tables)))
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
  /// Takes the memory that reorder needs.
  Result<void> reserve_reorder() noexcept {
    const bool host = memory_.host();
    if (host || views_.size() == 0 || spare_.resize(detail::bytes_of_rows(views_[0], mems_.capacity))) return {};
    return Error::format(Code::out_of_memory, "mems: no memory to reorder %lld texts",
                         static_cast<long long>(mems_.texts));
  }
  /// Text t goes on from what text from[t] has: written where the next memory will be. After reserve_reorder.
  void reorder(const Index* from) noexcept {
    bool moves = false;
    for (Index t = 0; t < mems_.texts; ++t) moves = moves || from[t] != t;
    if (!moves || mems_.length == 0) return;
    for (Index i = 0; i < tables_; ++i) {
      const View &old = mems_.rows[i], &next = mems_.next[i];
      const std::size_t each = detail::bytes_of_rows(old, mems_.length);
      for (Index t = 0; t < mems_.texts; ++t)
        detail::copy_inside(memory_, static_cast<std::byte*>(next.data) + each * static_cast<std::size_t>(t),
                            static_cast<const std::byte*>(old.data) + each * static_cast<std::size_t>(from[t]), each,
                            spare_.data());
    }
    reading_ = 1 - reading_;
    show(mems_.length);
  }
  std::size_t bytes() const noexcept { return block_.bytes(); }

 private:
  /// Sets the views to `length` rows of each text.
  void show(Index length) noexcept {
    mems_.length = length;
    mems_.rows = views_.data() + reading_ * tables_;
    mems_.next = views_.data() + (1 - reading_) * tables_;
    for (Index i = 0; i < tables_; ++i) {
      View& view = views_[static_cast<std::size_t>(reading_ * tables_ + i)];
      view.dim[0] = mems_.texts * length;
    }
  }

  Memory memory_;
  MemoryBlock block_;
  Buffer<View> views_;
  Buffer<std::byte> spare_;  ///< rows of one text, where the backend's memory is not the host's
  Mems mems_;
  Index tables_ = 0;  ///< of one memory: layers, or keys and values of each
  Index reading_ = 0;
};

}  // namespace tessera
