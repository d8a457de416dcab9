// SequenceSummary: one vector of each text, and where asked a projection, an activation and dropouts around them.
//
// GPT's double heads, XLNet's and XLM's classifiers. Behaviour and names are those of pytorch-transformers 1.2.0.
#pragma once

#include "tessera/blocks/batch.hpp"
#include "tessera/blocks/linear.hpp"
#include "tessera/ops/dropout.hpp"
#include "tessera/ops/embedding.hpp"
#include "tessera/ops/reduce.hpp"
#include "tessera/ops/tanh.hpp"

namespace tessera::inline TESSERA_ISA {

enum class SummaryType : std::uint8_t {
  last,       ///< the last row of a text; in a padded batch that may be padding
  first,      ///< its first row
  mean,       ///< the mean of its rows, those of padding too
  cls_index,  ///< the row that the caller names, or the last
};

struct SummaryConfig {
  SummaryType type = SummaryType::first;
  bool use_proj = true;        ///< a projection
  bool proj_to_labels = true;  ///< to the labels; else to the model's width
  bool tanh = false;           ///< an activation after it
  double first_dropout = 0.1;  ///< before the projection
  double last_dropout = 0;     ///< at the end
};

/// Row of each text, [texts]: `index` counts from the text's first row, i32 or i64 [texts]; absent: its last row.
constexpr Operand rows_at(auto& context, const Layout& layout, const View& index) noexcept {
  return context.make_ids(layout.texts, [&](Index t) {
    if (!index.present()) return static_cast<std::int32_t>(layout.first(t + 1) - 1);
    return static_cast<std::int32_t>(layout.first(t) + detail::element_as<Index>(index, t));
  });
}

/// H: width of the model, C: of the summary.
template <Index H = dyn, Index C = dyn>
struct SequenceSummary {
  Linear<H, C> summary;
  SummaryConfig config;

  constexpr SequenceSummary() = default;
  constexpr SequenceSummary(Index width, Index labels, const SummaryConfig& c)
      : summary(width, c.proj_to_labels && labels > 0 ? labels : width), config(c) {}

  constexpr void visit(auto&& v) {
    if (config.use_proj) v("summary", summary);
  }

  /// x: [rows, H]. Returns the vectors that are summarised, [texts, H].
  constexpr auto pick(const auto& x, const Layout& layout, const View& cls_index) const noexcept {
    auto& context = x.context();
    if (config.type == SummaryType::mean) {
      Sequence all;
      all.layout = layout;
      all.offsets =
          context.make_ids(layout.texts + 1, [&](Index t) { return static_cast<std::int32_t>(layout.first(t)); });
      return mean_pool(x, all);
    }
    const Operand rows =
        config.type == SummaryType::first ? first_rows(context, layout) : rows_at(context, layout, named(cls_index));
    return take_rows(x, rows);
  }
  /// x: [n, H]. Returns [n, C]; [n, H] without a projection.
  template <class T>
  constexpr auto project(T x) const noexcept {
    using Summary = Tensor<typename T::context_type, Extents<size_of_dim<T, 0>, C>>;
    x = dropout(std::move(x), config.first_dropout);
    Summary y;
    if (config.use_proj) {
      y = summary(x);
    } else {
      const typename Summary::extents sizes(x.size(0), x.size(1));
      y = std::move(x).reshape(sizes);
    }
    if (config.tanh) y = tessera::tanh(std::move(y));
    return dropout(std::move(y), config.last_dropout);
  }
  /// x: [rows, H]; cls_index: host integers [texts] or absent. Returns [texts, C].
  constexpr auto operator()(const auto& x, const Layout& layout, const View& cls_index) const noexcept {
    auto picked = pick(x, layout, cls_index);
    return project(std::move(picked));
  }

 private:
  constexpr View named(const View& cls_index) const noexcept {
    return config.type == SummaryType::cls_index ? cls_index : View();
  }
};

}  // namespace tessera
