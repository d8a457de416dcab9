// Cases of ops that go element by element.
#pragma once

#include "conformance/case.hpp"

namespace tessera::conformance {

/// Shapes for ops that go element by element.
inline std::vector<std::vector<Index>> element_shapes() {
  return {{1, 1}, {3, 17}, {17, 33}, {33, 64}, {2, 129}, {0, 17}, {1, 768}, {64, 3}, {2, 3, 5, 17}};
}

inline std::vector<Case> elementwise(double scale, const std::vector<double>& specials) {
  Random random(11);
  std::vector<Case> cases;
  for (const auto& shape : element_shapes()) {
    Case c;
    c.label = sizes(shape);
    c.in[0] = normal(random, shape, scale);
    c.in[0].strided = shape.size() == 2;
    c.out = shape;
    cases.push_back(c);
  }
  Case c;
  c.label = "special numbers";
  c.in[0] = array({3, static_cast<Index>(specials.size())});
  for (std::size_t i = 0; i < c.in[0].number.size(); ++i)
    c.in[0].number[i] = static_cast<double>(static_cast<float>(specials[i % specials.size()]));
  c.out = c.in[0].dim;
  c.gradients = false;
  cases.push_back(c);
  return cases;
}

// Formulas give NaN at -infinity for gelu and swish (-infinity * 0); no model needs it to be anything.
inline std::vector<Case> activation_cases() {
  return elementwise(
      3, {0.0, -0.0, 1e-30, -1e-30, 5.5, -5.5, 9.25, -9.25, 30.0, -30.0, 1e4, -1e4, infinity, not_a_number});
}

inline std::vector<Case> saturating_cases() {
  return elementwise(3, {0.0, -0.0, 1e-30, -1e-30, 5.5, -5.5, 9.25, -9.25, 100.0, -100.0, 1e30, -1e30, infinity,
                         -infinity, not_a_number});
}

inline std::vector<Case> scale_cases() {
  std::vector<Case> cases = saturating_cases();
  const double factors[] = {0.125, 0.1, -3.0, 0.088388347648318447};
  for (std::size_t i = 0; i < cases.size(); ++i) cases[i].set<op::scale>({factors[i % 4]});
  return cases;
}

inline std::vector<Case> add_cases() {
  Random random(12);
  std::vector<Case> cases = saturating_cases();
  for (Case& c : cases) {
    c.in[1] = normal(random, c.out);
    c.in[1].strided = c.in[0].strided;
  }
  return cases;
}

inline std::vector<Case> bias_cases() {
  Random random(13);
  std::vector<Case> cases = saturating_cases();
  for (Case& c : cases) c.in[1] = normal(random, {c.out.back()});
  Case& last = cases[2];  // any shape with as many elements, such as [heads, width]
  last.in[1] = normal(random, {3, 11});
  return cases;
}

inline std::vector<Case> dropout_cases() {
  std::vector<Case> cases = elementwise(2, {0.0, 1.0, -1.0});
  const double rates[] = {0.1, 0.5, 0.0, 0.9};
  for (std::size_t i = 0; i < cases.size(); ++i)
    cases[i].set<op::dropout>({rates[i % 4], 1234567890123ULL + i, i * 77});
  return cases;
}

inline std::vector<Case> scale_heads_cases() {
  Random random(20);
  std::vector<Case> cases;
  const std::vector<std::vector<Index>> shapes = {
      {1, 1, 1, 1}, {2, 3, 5, 17}, {1, 12, 33, 33}, {2, 2, 0, 3}, {3, 2, 1, 129}};
  for (const auto& shape : shapes) {
    Case c;
    c.label = sizes(shape);
    c.in[0] = normal(random, shape);
    c.in[1] = normal(random, {shape[1]});
    c.in[1].number[0] = 0;
    c.out = shape;
    cases.push_back(c);
  }
  return cases;
}

inline std::vector<Case> replace_hidden_cases() {
  Random random(34);
  std::vector<Case> cases = elementwise(2, {0.0, 1.0, -1.0, 1e30});
  const double values[] = {0.0, -1e30, -1e4, 2.5};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    Case& c = cases[i];
    Index row_count = 1;
    for (std::size_t d = 0; d + 1 < c.out.size(); ++d) row_count *= c.out[d];
    c.in[1] = i % 2 == 0 ? mask(random, c.out) : mask(random, {row_count});
    if (i % 2 != 0) c.label += ", by rows";
    c.set<op::replace_hidden>({values[i % 4]});
  }
  return cases;
}

}  // namespace tessera::conformance
