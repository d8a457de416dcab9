// Batch: what every model makes of its inputs: the sequence, positions, first rows, and the checks on the host.
#pragma once

#include "tessera/context/frame.hpp"

namespace tessera::inline TESSERA_ISA {

/// The sequence of a batch. attention_mask: [texts, longest] of any number type, 1 = visible; absent: all are.
constexpr Sequence make_sequence(auto& context, const Layout& layout, const View& attention_mask,
                                 const Visibility& visibility) noexcept {
  Sequence s;
  s.layout = layout;
  s.offsets = context.make_ids(layout.texts + 1, [&](Index t) { return static_cast<std::int32_t>(layout.first(t)); });
  s.keep = context.numbers(attention_mask);
  s.visibility = visibility;
  return s;
}

/// Memory that goes from call to call lies as the backend of the call reads it.
constexpr void require_element(auto& context, const char* what, const View& memory) noexcept {
  using element = typename std::remove_reference_t<decltype(context)>::element;
  context.require(memory.type == dtype_of<element>, what, static_cast<Index>(sizeof(element)),
                  static_cast<Index>(size_of(memory.type)), Code::invalid_argument);
}

/// Position ids as given, or 0, 1, ... within each text.
constexpr Operand make_positions(auto& context, const Layout& layout, const View& given,
                                 std::int32_t first = 0) noexcept {
  if (given.present()) return context.ids(given);
  Index text = 0;
  return context.make_ids(layout.rows, [&, text](Index row) mutable {
    while (row >= layout.first(text + 1)) ++text;
    return static_cast<std::int32_t>(row - layout.first(text)) + first;
  });
}

/// Ids as given, or zeros.
constexpr Operand make_ids_or_zeros(auto& context, const Layout& layout, const View& given) noexcept {
  if (given.present()) return context.ids(given);
  return context.make_ids(layout.rows, [](Index) { return std::int32_t{0}; });
}

/// The row where each text begins, [texts].
constexpr Operand first_rows(auto& context, const Layout& layout) noexcept {
  return context.make_ids(layout.texts, [&](Index t) { return static_cast<std::int32_t>(layout.first(t)); });
}

/// The row of layer `i` of a head mask [heads] or [layers, heads] that is already in the backend's memory.
constexpr Operand head_mask_of(const Operand& mask, Index i) noexcept {
  if (!mask.present() || mask.view.rank == 1) return mask;
  Operand row = mask;
  row.view = View::of(nullptr, mask.view.type, mask.view.dim[1]);
  if (mask.view.data != nullptr)
    row.view.data = static_cast<std::byte*>(mask.view.data) +
                    static_cast<std::size_t>(i * mask.view.row_stride) * size_of(mask.view.type);
  return row;
}

// --- checks on the host, once for each call ---

inline Result<void> check_layout(const char* model, const Layout& layout) noexcept {
  if (layout.texts <= 0 || layout.rows <= 0 || layout.longest <= 0)
    return Error::format(Code::invalid_argument,
                         "%s: the input is empty: expected at least one token, found %lld texts of %lld", model,
                         static_cast<long long>(layout.texts), static_cast<long long>(layout.longest));
  if (layout.first(0) != 0 || layout.first(layout.texts) != layout.rows)
    return Error::format(Code::shape_mismatch,
                         "%s: the layout's texts must take rows [0, %lld), they take [%lld, %lld)", model,
                         static_cast<long long>(layout.rows), static_cast<long long>(layout.first(0)),
                         static_cast<long long>(layout.first(layout.texts)));
  for (Index t = 0; t < layout.texts; ++t)
    if (layout.length(t) <= 0)
      return Error::format(Code::invalid_argument, "%s: text %lld is empty: expected at least one token", model,
                           static_cast<long long>(t));
    else if (layout.length(t) > layout.longest)
      return Error::format(Code::shape_mismatch, "%s: text %lld has %lld tokens, the layout's longest is %lld", model,
                           static_cast<long long>(t), static_cast<long long>(layout.length(t)),
                           static_cast<long long>(layout.longest));
  return {};
}

/// As many values as expected, and data: Code::not_found where there are sizes alone.
inline Result<void> check_count(const char* model, const char* what, const View& v, Index count) noexcept {
  if (v.count() != count)
    return Error::format(Code::shape_mismatch, "%s: %s: expected %lld values, found %lld", model, what,
                         static_cast<long long>(count), static_cast<long long>(v.count()));
  if (v.data == nullptr && count > 0)
    return Error::format(Code::not_found, "%s: %s: expected %lld values, found no data", model, what,
                         static_cast<long long>(count));
  return {};
}

/// Texts come before tokens: with several dimensions the last one has the tokens of a text, [..., length].
inline Result<void> check_order(const char* model, const char* what, const View& v, const Layout& layout,
                                Index length) noexcept {
  if (layout.is_ragged() || v.rank < 2 || v.columns() == length || v.count() != layout.texts * length) return {};
  return Error::format(Code::shape_mismatch, "%s: %s: expected [%lld texts, %lld], found [%lld, %lld]", model, what,
                       static_cast<long long>(layout.texts), static_cast<long long>(length),
                       static_cast<long long>(v.rows()), static_cast<long long>(v.columns()));
}

/// Integers, as many as expected, each in [low, high); of those that `counts` by their position, and but for `also`.
template <class Counts>
Result<void> check_ids(const char* model, const char* what, const View& ids, Index count, Index low, Index high,
                       Index also, const Counts& counts) noexcept {
  if (!ids.present()) return {};
  if (is_floating(ids.type) || ids.type == DType::boolean)
    return Error::format(Code::invalid_argument, "%s: %s must be integers, found %s", model, what, name(ids.type));
  TESSERA_TRY(check_count(model, what, ids, count));
  for (Index i = 0; i < count; ++i) {
    const Index id = detail::element_as<Index>(ids, i);
    if (!counts(i) || id == also) continue;
    if (id < low || id >= high)
      return Error::format(Code::out_of_range, "%s: %s: value %lld at position %lld is outside of [%lld, %lld)", model,
                           what, static_cast<long long>(id), static_cast<long long>(i), static_cast<long long>(low),
                           static_cast<long long>(high));
  }
  return {};
}

inline Result<void> check_ids(const char* model, const char* what, const View& ids, Index count, Index low,
                              Index high) noexcept {
  return check_ids(model, what, ids, count, low, high, low, [](Index) { return true; });
}

/// The same with a value for each token of the layout.
inline Result<void> check_ids(const char* model, const char* what, const View& ids, const Layout& layout, Index low,
                              Index high) noexcept {
  TESSERA_TRY(check_order(model, what, ids, layout, layout.longest));
  return check_ids(model, what, ids, layout.rows, low, high);
}
/// The same, and `also` counts as an id too.
inline Result<void> check_ids(const char* model, const char* what, const View& ids, const Layout& layout, Index low,
                              Index high, Index also) noexcept {
  TESSERA_TRY(check_order(model, what, ids, layout, layout.longest));
  return check_ids(model, what, ids, layout.rows, low, high, also, [](Index) { return true; });
}

/// Texts that are the choices of questions.
inline Result<void> check_choices(const char* model, const Layout& layout, Index choices) noexcept {
  if (choices <= 0 || layout.texts % choices != 0)
    return Error::format(Code::shape_mismatch, "%s: %lld texts are not a multiple of %lld choices", model,
                         static_cast<long long>(layout.texts), static_cast<long long>(choices));
  return {};
}

/// A mask or a target: any number type, as many values as expected, all finite.
inline Result<void> check_numbers(const char* model, const char* what, const View& v, Index count) noexcept {
  if (!v.present()) return {};
  TESSERA_TRY(check_count(model, what, v, count));
  for (Index i = 0; i < count; ++i)
    if (const auto value = detail::element_as<double>(v, i); value - value != 0)  // infinite or NaN
      return Error::format(Code::out_of_range, "%s: %s: the value at position %lld is not a finite number", model, what,
                           static_cast<long long>(i));
  return {};
}

/// [heads] or [layers, heads]; how many heads each layer has left is checked where they are used.
inline Result<void> check_head_mask(const char* model, const View& mask, Index layers) noexcept {
  if (!mask.present()) return {};
  if (mask.rank > 2 || (mask.rank == 2 && mask.dim[0] != layers))
    return Error::format(Code::shape_mismatch,
                         "%s: head_mask: expected [heads] or [%lld layers, heads], found %d dimensions, the first %lld",
                         model, static_cast<long long>(layers), mask.rank, static_cast<long long>(mask.dim[0]));
  return check_numbers(model, "head_mask", mask, mask.count());
}

/// [texts, keys].
inline Result<void> check_mask(const char* model, const char* what, const View& mask, const Layout& layout,
                               Index keys) noexcept {
  TESSERA_TRY(check_order(model, what, mask, layout, keys));
  if (mask.present() && mask.rank < 2 && layout.texts > 1)
    return Error::format(Code::shape_mismatch, "%s: %s: expected [%lld texts, %lld], found [%lld]", model, what,
                         static_cast<long long>(layout.texts), static_cast<long long>(keys),
                         static_cast<long long>(mask.count()));
  return check_numbers(model, what, mask, layout.texts * keys);
}

/// [texts, keys], of padded batches alone.
inline Result<void> check_attention_mask(const char* model, const View& mask, const Layout& layout,
                                         Index keys) noexcept {
  if (mask.present() && layout.is_ragged())
    return Error::format(Code::invalid_argument, "%s: a ragged batch has no padding, so it takes no attention_mask",
                         model);
  return check_mask(model, "attention_mask", mask, layout, keys);
}

/// No text longer than the table of positions, unless the caller gives positions.
inline Result<void> check_length(const char* model, const Layout& layout, const View& position_ids, Index positions,
                                 const char* key) noexcept {
  if (layout.longest > positions && !position_ids.present())
    return Error::format(Code::out_of_range, "%s: the longest text has %lld tokens, %s is %lld", model,
                         static_cast<long long>(layout.longest), key, static_cast<long long>(positions));
  return {};
}

}  // namespace tessera
