// How results differ from a golden case, tensor by tensor in the order in which a model computes them: what a table, a
// first difference and a report are made from.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>
#include <tuple>

#include "golden_case.hpp"

namespace tessera::parity {

/// A difference of two arrays.
struct Spread {
  double largest = 0;    ///< max |a - b|
  double deviation = 0;  ///< standard deviation of a - b
};

/// One tensor of a case.
struct Difference {
  Verdict verdict;
  double ref_err32 = 0;  ///< the reference's own float32 error
  bool is_gradient = false;
  Spread to_truth;                    ///< ours against float64
  std::optional<Spread> to_float32;   ///< ours against the reference's float32
  std::int64_t predictions = 0;       ///< rows of scores over a vocabulary; 0: the tensor has no such
  std::int64_t same_predictions = 0;  ///< rows whose largest score is that of the truth
};

namespace detail {

inline Spread spread_of(const std::vector<float>& ours, const std::vector<bool>& counted,
                        const std::vector<double>& other) {
  Spread s;
  double sum = 0, squares = 0, count = 0;
  for (std::size_t i = 0; i < ours.size() && i < other.size(); ++i) {
    const double d = static_cast<double>(ours[i]) - other[i];
    if ((!counted.empty() && !counted[i]) || std::isnan(d)) continue;
    s.largest = std::fmax(s.largest, std::fabs(d));
    sum += d;
    squares += d * d;
    ++count;
  }
  if (count > 0) s.deviation = std::sqrt(std::fmax(0.0, squares / count - sum / count * (sum / count)));
  return s;
}

/// Scores over a vocabulary, by the reference's names.
inline bool are_token_scores(std::string_view name, std::string_view class_name) {
  if (name.starts_with("step")) name.remove_prefix(std::min(name.size(), name.find('.') + 1));
  for (const std::string_view scores : {"prediction_scores", "prediction_logits", "lm_logits", "scores", "log_probs"})
    if (name == scores) return true;
  return name == "logits" && class_name == "XLNetLMHeadModel";
}

template <class T>
std::size_t place_of_largest(const T* row, std::size_t n) {
  return static_cast<std::size_t>(std::max_element(row, row + n) - row);
}

/// Where a tensor comes in a run: call, layer, place within the layer; outputs after the layers, gradients last and
/// from the end of the model to its beginning.
inline std::tuple<int, int, long, int> model_order(const Expected& e, std::size_t place) {
  std::string_view name = e.name;
  const auto number_at = [](std::string_view text) { return std::strtol(std::string(text).c_str(), nullptr, 10); };
  if (e.is_gradient) return {1, 0, -static_cast<long>(place), 0};
  int step = 0;
  if (name.starts_with("step")) {
    step = static_cast<int>(number_at(name.substr(4)));
    name.remove_prefix(std::min(name.size(), name.find('.') + 1));
  }
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) {  // scores before the losses that are made of them
    const bool loss = name.find("loss") != std::string_view::npos || name == "nll";
    return {0, step, 100000 + static_cast<long>(place), loss ? 1 : 0};
  }
  const std::string_view list = name.substr(0, dot);
  const int within = list == "hidden_states" ? 0 : list == "mems" ? 1 : list == "attentions" ? 2 : 3;
  return {0, step, number_at(name.substr(dot + 1)), within};
}

}  // namespace detail

/// All tensors of a case that `results` is held against, in the model's order.
inline std::vector<Difference> differences(const GoldenCase& c, const Results& results, bool with_gradients) {
  std::vector<const Expected*> order;
  for (const Expected& e : c.expected)
    if (with_gradients || !e.is_gradient) order.push_back(&e);
  const Expected* const first = c.expected.data();
  std::stable_sort(order.begin(), order.end(), [&](const Expected* a, const Expected* b) {
    return detail::model_order(*a, static_cast<std::size_t>(a - first)) <
           detail::model_order(*b, static_cast<std::size_t>(b - first));
  });
  std::vector<Difference> all;
  for (const Expected* const e : order) {
    Difference& d = all.emplace_back();
    d.verdict = compare(c, *e, results);
    d.ref_err32 = e->ref_err32;
    d.is_gradient = e->is_gradient;
    if (!d.verdict.problem.empty()) continue;
    const Computed& ours = results.at(e->name);
    const auto truth = numbers_of(*c.tensors.find(e->key));
    d.to_truth = detail::spread_of(ours.values, ours.counted, *truth);
    const io::StateTensor* const single = e->is_gradient ? nullptr : c.tensors.find("out32." + e->name);
    if (single != nullptr && single->type == DType::f32)
      if (const auto numbers = single->as<float>())
        d.to_float32 = detail::spread_of(ours.values, ours.counted, {numbers->begin(), numbers->end()});
    if (detail::are_token_scores(e->name, c.class_name()) && !e->shape.empty() && e->shape.back() > 0) {
      const auto width = static_cast<std::size_t>(e->shape.back());
      for (std::size_t row = 0; row + width <= truth->size(); row += width) {
        if (!ours.counted.empty() && !ours.counted[row]) continue;
        ++d.predictions;
        if (detail::place_of_largest(ours.values.data() + row, width) ==
            detail::place_of_largest(truth->data() + row, width))
          ++d.same_predictions;
      }
    }
  }
  return all;
}

}  // namespace tessera::parity
