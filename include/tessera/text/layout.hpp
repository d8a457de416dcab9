// How ids of one or two texts become a model's input: a row of slots, as data.
//
// Each architecture states two layouts; the base class fills them. Also here: cutting texts that are too long, and
// padding rows to a rectangle. Nothing here knows a vocabulary.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tessera/base/result.hpp"
#include "tessera/text/special_tokens.hpp"
#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

/// One place of a layout: a special token or one of the texts, and the segment (token type) of its ids.
struct Slot {
  enum class Kind : std::uint8_t { special, first_text, second_text };
  Kind kind = Kind::special;
  Role role = Role::unk;
  Id segment = 0;
};

constexpr Slot special(Role role, Id segment = 0) noexcept { return {Slot::Kind::special, role, segment}; }
constexpr Slot first_text(Id segment = 0) noexcept { return {Slot::Kind::first_text, Role::unk, segment}; }
constexpr Slot second_text(Id segment = 0) noexcept { return {Slot::Kind::second_text, Role::unk, segment}; }

struct Layout {
  std::array<Slot, 6> slots{};
  std::size_t size = 0;

  constexpr std::size_t specials() const noexcept {
    std::size_t n = 0;
    for (std::size_t i = 0; i < size; ++i) n += slots[i].kind == Slot::Kind::special ? 1 : 0;
    return n;
  }
};

template <class... Slots>
constexpr Layout layout(Slots... slots) noexcept {
  static_assert(sizeof...(Slots) <= 6, "a layout has at most six slots");
  return {{slots...}, sizeof...(Slots)};
}

/// The ids of one row, ready for a model.
struct Encoding {
  Ids ids;
  /// One for each id: which text it belongs to, as the layout numbers them.
  Ids segments;
  /// The second text's ids when a pair was encoded without special tokens (the two are then not joined).
  Ids pair_ids;
  /// Sentences that the reference would have logged.
  std::vector<std::string> warnings;
};

/// How rows of ids are made to fit.
enum class Truncation : std::uint8_t {
  longest_first,  ///< always the last id of the longer one, of the second when they are equally long
  only_first,     ///< the end of the first; an error if that is not enough
  only_second,    ///< the end of the second; an error if that is not enough
  first_start,    ///< the start of the first: dialogues keep their end; an error if that is not enough
  none,           ///< too many ids are an error
};

/// Cuts two rows of ids to `limit` in all; false, and nothing cut, if the way asked for cannot do it. Longest first is
/// the rule of the reference's fine-tuning programs; one row alone loses its end.
inline bool truncate(Ids& first, Ids& second, std::size_t limit, Truncation how = Truncation::longest_first) {
  std::size_t a = first.size();
  std::size_t b = second.size();
  if (a + b <= limit) return true;
  const std::size_t excess = a + b - limit;
  switch (how) {
    case Truncation::none: return false;
    case Truncation::only_first:
    case Truncation::first_start:
      if (excess > a) return false;
      if (how == Truncation::only_first) {
        first.resize(a - excess);
      } else {
        first.erase(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(excess));
      }
      return true;
    case Truncation::only_second:
      if (excess > b) return false;
      second.resize(b - excess);
      return true;
    case Truncation::longest_first: break;
  }
  while (a + b > limit) {
    if (a > b) {
      --a;
    } else {
      --b;
    }
  }
  first.resize(a);
  second.resize(b);
  return true;
}

struct PadOptions {
  enum class Side : std::uint8_t { right, left };
  Side side = Side::right;
  /// Columns at least; the longest row decides where it is longer.
  std::size_t columns = 0;
  /// Columns are a multiple of this.
  std::size_t multiple_of = 1;
  /// The segment of padding.
  Id segment = 0;
};

/// Rows of equal length, row after row.
struct Batch {
  std::size_t rows = 0;
  std::size_t columns = 0;
  Ids ids;
  Ids segments;
  /// 1 where there is a token, 0 where there is padding.
  Ids mask;
  std::vector<std::size_t> lengths;
};

inline Result<Batch> pad(std::span<const Encoding> rows, Id pad_id, const PadOptions& options = {}) {
  if (options.multiple_of == 0) {
    return Error::format(Code::invalid_argument, "pad: multiple_of is 0, expected at least 1");
  }
  Batch batch;
  batch.rows = rows.size();
  batch.columns = options.columns;
  for (const Encoding& row : rows) {
    if (row.segments.size() != row.ids.size()) {
      return Error::format(Code::invalid_argument, "pad: a row has %zu ids and %zu segments, expected as many",
                           row.ids.size(), row.segments.size());
    }
    batch.columns = row.ids.size() > batch.columns ? row.ids.size() : batch.columns;
    batch.lengths.push_back(row.ids.size());
  }
  // So that the sizes below can neither overflow nor mean more memory than any machine has.
  constexpr std::size_t most = std::size_t{1} << 40;
  if (batch.columns > most || options.multiple_of > most ||
      (batch.rows > 0 && most / batch.rows < batch.columns + options.multiple_of)) {
    return Error::format(Code::out_of_range, "pad: %zu rows of %zu columns, a multiple of %zu, are more than 2^40 ids",
                         batch.rows, batch.columns, options.multiple_of);
  }
  batch.columns = (batch.columns + options.multiple_of - 1) / options.multiple_of * options.multiple_of;
  const std::size_t cells = batch.rows * batch.columns;
  batch.ids.assign(cells, pad_id);
  batch.segments.assign(cells, options.segment);
  batch.mask.assign(cells, 0);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::size_t n = rows[r].ids.size();
    const std::size_t start = r * batch.columns + (options.side == PadOptions::Side::left ? batch.columns - n : 0);
    for (std::size_t i = 0; i < n; ++i) {
      batch.ids[start + i] = rows[r].ids[i];
      batch.segments[start + i] = rows[r].segments[i];
      batch.mask[start + i] = 1;
    }
  }
  return batch;
}

}  // namespace tessera::text
