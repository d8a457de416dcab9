// Sequence: the layout of a batch and who sees whom, as one value that goes with the activations.
//
// Activations are [rows, width]: one row a token, texts one after the other. A padded batch has `longest` rows for each
// text; a ragged one only those that exist. Attention takes the sequence whole, so a mask matrix is made only where the
// input is one.
#pragma once

#include "tessera/tensor/tensor.hpp"

namespace tessera::inline TESSERA_ISA {

/// Where each text lies, on the host.
struct Layout {
  Index texts = 0;
  Index longest = 0;  ///< rows of the longest text; for a padded batch, of each
  Index rows = 0;
  const std::int32_t* offsets = nullptr;  ///< [texts + 1] first rows; null: padded

  static constexpr Layout padded(Index texts, Index longest) noexcept {
    return {texts, longest, saturating_product(texts, longest), nullptr};
  }
  /// `offsets` must stay alive while the layout is used.
  static constexpr Layout ragged(Index texts, const std::int32_t* offsets) noexcept {
    Layout l{texts, 0, texts > 0 && offsets != nullptr ? offsets[texts] : 0, offsets};
    for (Index t = 0; offsets != nullptr && t < texts; ++t)
      if (offsets[t + 1] - offsets[t] > l.longest) l.longest = offsets[t + 1] - offsets[t];
    return l;
  }
  constexpr bool is_ragged() const noexcept { return offsets != nullptr; }
  constexpr Index first(Index text) const noexcept {
    return offsets != nullptr ? offsets[text] : saturating_product(text, longest);
  }
  constexpr Index length(Index text) const noexcept { return first(text + 1) - first(text); }
};

/// What a hidden key's score becomes. `keep` is 1 for a visible key, 0 for a hidden one, and may lie between.
enum class Fill : std::uint8_t {
  add,      ///< score + (1 - keep) * value            (BERT -1e4, XLNet -1e30)
  replace,  ///< score * keep + (1 - keep) * value     (GPT -1e9, GPT-2 -1e4)
  set,      ///< value where keep is 0, score elsewhere (Transformer-XL -1e30, XLM and DistilBERT -infinity)
};

/// Who sees whom, as attributes of an op.
struct Visibility {
  bool causal = false;  ///< query i sees keys up to i (counted from the end, when there are more keys than queries)
  Fill fill = Fill::add;
  double value = -10000.0;  ///< of the architecture
};

struct Sequence {
  Layout layout;    ///< of the queries
  Operand offsets;  ///< [texts + 1] i32, in the backend's memory
  /// Keys of each text where there are more of them than queries: what a cache holds, then the queries' own. 0: the
  /// queries' rows are the keys. Padded only.
  Index keys = 0;
  Index key_rows = 0;  ///< rows from one text's first key to the next one's; 0: as many as keys
  Operand key_ids;     ///< [texts * keys] i32, the row of each key; needed where key_rows leaves rows free
  /// What each key (or pair) keeps: [texts, keys], [texts, queries, keys]; absent: all are visible. Padded only.
  Operand keep;
  Operand head_mask;  ///< [heads] or [layers, heads]; multiplied to the probabilities; absent: none
  Visibility visibility;

  /// Keys of the text that has most.
  constexpr Index key_count() const noexcept { return keys > 0 ? keys : layout.longest; }
  constexpr Index key_stride() const noexcept { return key_rows > 0 ? key_rows : key_count(); }
};

}  // namespace tessera
