// Cases of reductions and losses.
#pragma once

#include "conformance/case.hpp"

namespace tessera::conformance {

inline std::vector<Case> negative_log_likelihood_cases() {
  Random random(38);
  std::vector<Case> cases;
  const Index shapes[][2] = {{1, 1}, {1, 2}, {3, 17}, {33, 64}, {17, 129}, {5, 1000}, {0, 4}};
  for (const auto& s : shapes) {
    Case c;
    c.label = sizes({s[0], s[1]});
    c.in[0] = rows(random, s[0], s[1], 3);
    c.in[1] = ids(random, {s[0]}, s[1]);
    c.out = {s[0], 1};
    // The difference of a logarithm and a score: errors are of the size of the scores, however small the difference.
    double scores = 0, likelihoods = 0;
    for (Index r = 0; r < s[0]; ++r) {
      const double* row = c.in[0].number.data() + r * s[1];
      double sum = 0;
      for (Index k = 0; k < s[1]; ++k) {
        sum += std::exp(row[k]);
        scores = (std::max)(scores, std::fabs(row[k]));
      }
      const auto label = static_cast<Index>(c.in[1].number[static_cast<std::size_t>(r)]);
      likelihoods = (std::max)(likelihoods, std::log(sum) - row[label]);
    }
    if (likelihoods > 0) c.slack = (std::max)(1.0, scores / likelihoods);
    cases.push_back(c);
  }
  return cases;
}

inline std::vector<Case> binary_cross_entropy_cases() {
  Random random(39);
  std::vector<Case> cases;
  const std::vector<std::vector<Index>> shapes = {{1, 1}, {17, 1}, {3, 17}, {129}};
  for (const auto& shape : shapes) {
    Case c;
    c.label = sizes(shape);
    c.in[0] = normal(random, shape, 4);
    c.in[0].strided = shape.size() == 2;
    c.in[1] = array({c.in[0].count()});
    for (double& x : c.in[1].number) x = static_cast<double>(random.below(2));
    c.out = {1};
    cases.push_back(c);
  }
  Case c = cases[2];
  c.label = "large logits";
  for (double& x : c.in[0].number) x *= 100;
  cases.push_back(c);
  return cases;
}

/// The sum of all elements: around 0.5 each, so that the result does not cancel.
inline std::vector<Case> reduce_cases() {
  Random random(25);
  std::vector<Case> cases;
  const std::vector<std::vector<Index>> shapes = {{1, 1}, {3, 17}, {33, 64}, {129, 33}, {17, 129}, {5}, {2, 3, 5, 7}};
  for (const auto& shape : shapes) {
    Case c;
    c.label = sizes(shape);
    c.in[0] = normal(random, shape, 0.25, 0.5);
    c.in[0].strided = shape.size() == 2;
    c.out = {1};
    cases.push_back(c);
  }
  return cases;
}

inline std::vector<Case> mean_pool_cases() {
  Random random(26);
  std::vector<Case> cases;
  for (const Batch& batch : batches())
    for (Index width : {1, 17, 64, 129}) {
      Case c;
      const auto texts = static_cast<Index>(batch.lengths.size());
      c.label =
          "lengths " + sizes(batch.lengths) + (batch.has_offsets ? "" : " padded") + ", width " + std::to_string(width);
      c.in[0] = rows(random, total(batch.lengths), width);
      if (batch.has_offsets) c.in[1] = offsets(batch.lengths);
      c.out = {texts, width};
      cases.push_back(c);
      if (batch.has_offsets) continue;
      c.label += ", mask";
      c.in[2] = mask(random, {texts, batch.lengths[0]});
      for (std::size_t t = 0; texts > 1 && t < static_cast<std::size_t>(batch.lengths[0]); ++t) c.in[2].number[t] = 0;
      cases.push_back(c);
    }
  return cases;
}

inline std::vector<Case> cross_entropy_cases() {
  Random random(27);
  std::vector<Case> cases;
  const Index shapes[][2] = {{1, 1}, {1, 2}, {3, 17}, {33, 64}, {17, 129}, {5, 1000}};
  for (const auto& s : shapes) {
    Case c;
    c.label = sizes({s[0], s[1]});
    c.in[0] = rows(random, s[0], s[1], 3);
    c.in[1] = ids(random, {s[0]}, s[1]);
    c.out = {1};
    c.set<op::cross_entropy>({-1});
    cases.push_back(c);
    if (s[0] < 3) continue;
    c.label += ", some ignored";
    for (std::size_t i = 0; i < c.in[1].number.size(); i += 3) c.in[1].number[i] = -100;
    c.set<op::cross_entropy>({-100});
    cases.push_back(c);
  }
  Case c = cases[2];
  c.label = "no label counts";
  for (double& x : c.in[1].number) x = -1;
  cases.push_back(c);
  c = cases[2];
  c.label = "an ignored class, and large logits";
  for (double& x : c.in[0].number) x *= 64;
  c.in[1].number[0] = 3;
  c.set<op::cross_entropy>({3});
  c.slack = 16;
  cases.push_back(c);
  return cases;
}

inline std::vector<Case> mean_squared_error_cases() {
  Random random(28);
  std::vector<Case> cases;
  const std::vector<std::vector<Index>> shapes = {{1, 1}, {17, 1}, {3, 17}, {33, 64}, {129}};
  for (const auto& shape : shapes) {
    Case c;
    c.label = sizes(shape);
    c.in[0] = normal(random, shape);
    c.in[0].strided = shape.size() == 2;
    c.in[1] = constant(normal(random, {c.in[0].count()}));
    c.out = {1};
    cases.push_back(c);
  }
  return cases;
}

}  // namespace tessera::conformance
