// Fused ops as direct formulas in double: what their compositions give, and the gradients of it.
#pragma once

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/ops/attention.hpp"
#include "tessera/ops/feed_forward.hpp"
#include "tessera/ops/relative_scores.hpp"
#include "tessera/ops/residual_norm.hpp"

namespace tessera::conformance {

/// x + residual as a contiguous array, and a view of it.
struct Residual {
  std::vector<double> sum;
  View view;
  explicit Residual(const View* in) {
    const View& x = in[op::residual_norm::x];
    for (Index r = 0; r < x.rows(); ++r)
      for (Index c = 0; c < x.columns(); ++c)
        sum.push_back(x.row<double>(r)[c] + in[op::residual_norm::residual].row<double>(r)[c]);
    view = x;
    view.data = sum.data();
    view.row_stride = x.columns();
  }
};

inline void residual_norm(const Call& call) {
  Residual residual(call.in);
  const View in[] = {residual.view, call.in[op::residual_norm::weight], call.in[op::residual_norm::bias]};
  Call norm = call;
  norm.in = in;
  reference::layer_norm<double>(norm);
}

inline void residual_norm_vjp(const VjpCall& call) {
  Residual residual(call.in);
  const View in[] = {residual.view, call.in[op::residual_norm::weight], call.in[op::residual_norm::bias]};
  std::vector<reference::RowMoments> moments(static_cast<std::size_t>(residual.view.rows()));
  VjpCall norm = call;
  norm.in = in;
  norm.scratch = moments.data();
  // Both sides of the sum gain the same; each is optional.
  const View both[] = {call.in_grad[op::residual_norm::x], call.in_grad[op::residual_norm::weight],
                       call.in_grad[op::residual_norm::bias]};
  const View other[] = {call.in_grad[op::residual_norm::residual], View(), View()};
  norm.in_grad = both;
  reference::layer_norm_vjp<double>(norm);
  norm.in_grad = other;
  reference::layer_norm_vjp<double>(norm);
}

inline void feed_forward(const Call& call) {
  using op::feed_forward;
  const auto& attributes = call.as<feed_forward>();
  const View* const in = call.in;
  const Index between = in[feed_forward::inner_bias].count();
  std::vector<double> store(static_cast<std::size_t>(in[feed_forward::x].rows() * between));
  const View inner = View::of(store.data(), DType::f64, in[feed_forward::x].rows(), between);
  const op::linear::Attributes layout{attributes.in_out};
  const View first[] = {in[feed_forward::x], in[feed_forward::inner_weight], in[feed_forward::inner_bias]};
  const View second[] = {inner, in[feed_forward::weight], in[feed_forward::bias]};
  Call step = call;
  step.attributes = &layout;
  step.in = first;
  step.out = inner;
  reference::linear<double>(step);
  for (double& x : store) {
    const double cubic = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
    switch (attributes.activation) {
      case Activation::gelu: x = x / 2 * std::erfc(-x / std::numbers::sqrt2); break;
      case Activation::gelu_tanh: x = x / 2 * (1 + std::tanh(cubic)); break;
      case Activation::relu: x = x < 0 ? 0 : x; break;
      case Activation::swish: x = x / (1 + std::exp(-x)); break;
      case Activation::tanh: x = std::tanh(x); break;
    }
  }
  step.in = second;
  step.out = call.out;
  reference::linear<double>(step);
}

/// Calls f(place in out, place in position, place in relation or -1) for each score, in row-major order.
template <class F>
void for_each_relative_score(const View* in, const View& out, const F& f) {
  using op::relative_scores;
  const View& position = in[relative_scores::position];
  const View& relation = in[relative_scores::relation];
  const Index texts = out.dim[0], heads = out.dim[1], queries = out.dim[2], keys = out.dim[3];
  const Index groups = position.dim[0], positions = position.dim[3], each = texts / groups;
  for (Index i = 0; i < out.count(); ++i) {
    const Index j = i % keys, query = i / keys % queries, head = i / keys / queries % heads;
    const Index text = i / keys / queries / heads;
    const Index block = ((text / each * heads + head) * each + text % each) * queries * positions;
    const Index place = text * queries + query;
    const Index pair = relation.present() ? in[relative_scores::pairs].row<std::int32_t>(place)[j] : 0;
    f(i, block + queries + query * (positions - 1) + j,
      relation.present() ? (head * texts * queries + place) * relation.columns() + pair : -1);
  }
}

inline void relative_scores(const Call& call) {
  using op::relative_scores;
  const double scale = call.as<relative_scores>().scale;
  for_each_relative_score(call.in, call.out, [&](Index i, Index position, Index relation) {
    double sum = reference::at<double>(call.in[relative_scores::content], i) +
                 reference::at<double>(call.in[relative_scores::position], position);
    if (relation >= 0) sum += reference::at<double>(call.in[relative_scores::relation], relation);
    reference::at<double>(call.out, i) = sum * scale;
  });
}

inline void relative_scores_vjp(const VjpCall& call) {
  using op::relative_scores;
  const double scale = call.as<relative_scores>().scale;
  const View* grad = call.in_grad;
  for_each_relative_score(call.in, call.out_grad, [&](Index i, Index position, Index relation) {
    const double dy = scale * reference::at<double>(call.out_grad, i);
    if (const View& g = grad[relative_scores::content]; g.data != nullptr) reference::at<double>(g, i) += dy;
    if (const View& g = grad[relative_scores::position]; g.data != nullptr) reference::at<double>(g, position) += dy;
    if (const View& g = grad[relative_scores::relation]; g.data != nullptr && relation >= 0)
      reference::at<double>(g, relation) += dy;
  });
}

/// One text, head and query of an attention: the probabilities before the head mask.
struct AttentionRow {
  Index first = 0;      ///< row of the text's first token
  Index first_key = 0;  ///< row of its first key
  Index length = 0;     ///< keys of the text
  Index column = 0;     ///< where the head begins
  Index width = 0;
  double factor = 1;  ///< of the head mask
  std::vector<double> probability;
  std::vector<double> slope;  ///< d filled score / d score
};

/// Calls f(row, query, head) for each query of each head of each text.
template <class F>
void for_each_attention_row(const View* in, const op::attention::Attributes& attributes, const F& f) {
  using op::attention;
  const Visibility& v = attributes.visibility;
  AttentionRow row;
  row.width = in[attention::q].columns() / attributes.heads;
  for (Index text = 0; text < attributes.texts; ++text) {
    const std::int32_t* offsets = in[attention::offsets].as<std::int32_t>();
    row.first = offsets != nullptr ? offsets[text] : text * attributes.longest;
    const Index queries = offsets != nullptr ? offsets[text + 1] - offsets[text] : attributes.longest;
    row.length = attributes.keys > 0 ? attributes.keys : queries;
    row.first_key = attributes.keys > 0 ? text * attributes.key_rows : row.first;
    for (Index head = 0; head < attributes.heads; ++head) {
      row.column = head * row.width;
      row.factor = in[attention::head_mask].present() ? in[attention::head_mask].as<double>()[head] : 1;
      for (Index i = 0; i < queries; ++i) {
        row.probability.assign(static_cast<std::size_t>(row.length), 0.0);
        row.slope.assign(static_cast<std::size_t>(row.length), 1.0);
        double largest = -std::numeric_limits<double>::infinity();
        for (Index j = 0; j < row.length; ++j) {
          double score = 0;
          for (Index c = row.column; c < row.column + row.width; ++c)
            score +=
                in[attention::q].row<double>(row.first + i)[c] * in[attention::k].row<double>(row.first_key + j)[c];
          score *= attributes.scale;
          const View& mask = in[attention::keep];
          double keep = 1;
          if (mask.present()) keep = mask.row<double>(mask.rank == 2 ? text : text * attributes.longest + i)[j];
          if (v.causal && j > i + row.length - queries) keep = 0;
          double& slope = row.slope[static_cast<std::size_t>(j)];
          if (keep != 1 && v.fill == Fill::add) score += (1 - keep) * v.value;
          if (keep != 1 && v.fill == Fill::replace) {
            score = score * keep + (1 - keep) * v.value;
            slope = keep;
          }
          if (keep == 0 && v.fill == Fill::set) {
            score = v.value;
            slope = 0;
          }
          row.probability[static_cast<std::size_t>(j)] = score;
          largest = std::fmax(largest, score);
        }
        double sum = 0;
        for (double& p : row.probability) sum += p = std::exp(p - largest);
        for (double& p : row.probability) p /= sum;
        f(row, i, head);
      }
    }
  }
}

inline void attention(const Call& call) {
  for_each_attention_row(call.in, call.as<op::attention>(), [&](const AttentionRow& row, Index i, Index) {
    for (Index c = row.column; c < row.column + row.width; ++c) {
      double mixed = 0;
      for (Index j = 0; j < row.length; ++j)
        mixed += row.factor * row.probability[static_cast<std::size_t>(j)] *
                 call.in[op::attention::v].row<double>(row.first_key + j)[c];
      call.out.row<double>(row.first + i)[c] = mixed;
    }
  });
}

inline void attention_vjp(const VjpCall& call) {
  using op::attention;
  const double scale = call.as<attention>().scale;
  for_each_attention_row(call.in, call.as<attention>(), [&](const AttentionRow& row, Index i, Index head) {
    const auto length = static_cast<std::size_t>(row.length);
    const double* dout = call.out_grad.row<double>(row.first + i);
    const auto row_of = [&](const View& v, std::size_t t) {
      return v.row<double>(row.first_key + static_cast<Index>(t));
    };
    std::vector<double> dp(length);  // d loss / d (factor * probability)
    double mean = 0;
    for (std::size_t j = 0; j < length; ++j) {
      for (Index c = row.column; c < row.column + row.width; ++c)
        dp[j] += dout[c] * row_of(call.in[attention::v], j)[c];
      mean += row.probability[j] * row.factor * dp[j];
    }
    for (std::size_t j = 0; j < length; ++j) {
      const double p = row.probability[j];
      const double ds = p * (row.factor * dp[j] - mean) * row.slope[j] * scale;
      for (Index c = row.column; c < row.column + row.width; ++c) {
        if (const View& dq = call.in_grad[attention::q]; dq.data != nullptr)
          dq.row<double>(row.first + i)[c] += ds * row_of(call.in[attention::k], j)[c];
        if (const View& dk = call.in_grad[attention::k]; dk.data != nullptr)
          row_of(dk, j)[c] += ds * call.in[attention::q].row<double>(row.first + i)[c];
        if (const View& dv = call.in_grad[attention::v]; dv.data != nullptr)
          row_of(dv, j)[c] += row.factor * p * dout[c];
      }
      if (const View& dm = call.in_grad[attention::head_mask]; dm.data != nullptr) dm.as<double>()[head] += p * dp[j];
    }
  });
}

}  // namespace tessera::conformance
