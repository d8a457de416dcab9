// Cases of softmax and norms.
#pragma once

#include "conformance/case.hpp"

namespace tessera::conformance {

inline std::vector<Case> softmax_cases() {
  Random random(17);
  std::vector<Case> cases;
  const auto scores = [&](Index texts, Index heads, Index queries, Index keys) {
    Array a = normal(random, {texts, heads, queries, keys}, 3);
    // In sixteenths: adding -1e4 is exact in float, so that even a row without visible keys has one answer.
    for (double& x : a.number) x = std::round(x * 16) / 16;
    return a;
  };
  const auto push = [&](const std::string& label, Array in, const Visibility& v, Array begins = {}, Array keep = {}) {
    Case c;
    c.label = label + " " + sizes(in.dim);
    c.out = in.dim;
    c.in[0] = std::move(in);
    c.in[1] = std::move(begins);
    c.in[2] = std::move(keep);
    c.set<op::softmax>({v});
    cases.push_back(c);
  };
  const Index shapes[][4] = {{1, 1, 1, 1}, {2, 3, 5, 17}, {1, 2, 33, 33}, {1, 1, 3, 129}, {2, 1, 0, 3}, {1, 4, 17, 64}};
  for (const auto& s : shapes) push("plain", scores(s[0], s[1], s[2], s[3]), {});
  struct Filling {
    Fill fill;
    double value;
    const char* label;
  };
  const Filling fills[] = {{Fill::add, -1e4, "add -1e4"},
                           {Fill::add, -1e30, "add -1e30"},
                           {Fill::replace, -1e4, "replace by -1e4"},
                           {Fill::replace, -1e9, "replace by -1e9"},
                           {Fill::set, -1e30, "set to -1e30"},
                           {Fill::set, -infinity, "set to -infinity"}};
  for (const Filling& f : fills) {
    const std::string label = f.label;
    push(label + ", key mask", scores(3, 2, 5, 17), {false, f.fill, f.value}, {}, mask(random, {3, 17}));
    push(label + ", pair mask", scores(2, 3, 17, 33), {false, f.fill, f.value}, {}, mask(random, {2, 17, 33}));
    push(label + ", causal", scores(1, 2, 17, 17), {true, f.fill, f.value});
    push(label + ", causal with more keys", scores(2, 2, 3, 33), {true, f.fill, f.value});
    push(label + ", causal, key mask", scores(2, 2, 9, 9), {true, f.fill, f.value}, {}, mask(random, {2, 9}));
    push(label + ", causal, ragged", scores(3, 2, 7, 7), {true, f.fill, f.value}, offsets({7, 1, 4}));
    if (f.value == -infinity) continue;
    Array hidden = mask(random, {2, 17});
    for (std::size_t i = 0; i < 17; ++i) hidden.number[i] = 0;
    push(label + ", a text without visible keys", scores(2, 2, 3, 17), {false, f.fill, f.value}, {}, hidden);
  }
  Array half = mask(random, {2, 9});
  for (std::size_t i = 0; i < half.number.size(); i += 2) half.number[i] = 0.5;
  push("mask of halves, add", scores(2, 2, 3, 9), {false, Fill::add, -4}, {}, half);
  push("mask of halves, replace", scores(2, 2, 3, 9), {false, Fill::replace, -4}, {}, half);
  push("mask of halves, set", scores(2, 2, 3, 9), {false, Fill::set, -4}, {}, half);
  push("ragged", scores(4, 2, 9, 9), {}, offsets({3, 9, 0, 1}));
  push("ragged with memory", scores(2, 2, 5, 12), {}, offsets({5, 2}));
  push("large scores", constant(normal(random, {1, 2, 3, 33}, 30, 1000)), {});
  cases.back().slack = 64;  // the scores themselves have an error of 1000 epsilons in an exponent
  cases.back().gradients = false;
  Array special = scores(1, 1, 3, 9);
  special.number[4] = -infinity;
  special.number[9] = not_a_number;
  push("NaN and -infinity stay in their rows", special, {});
  cases.back().gradients = false;
  return cases;
}

inline std::vector<Case> layer_norm_cases() {
  Random random(18);
  std::vector<Case> cases;
  const Index shapes[][2] = {{1, 3}, {3, 17}, {17, 33}, {33, 64}, {5, 129}, {2, 768}, {0, 17}, {129, 16}};
  for (const auto& s : shapes)
    for (double eps : {1e-12, 1e-5}) {
      Case c;
      c.label = sizes({s[0], s[1]});
      c.in[0] = rows(random, s[0], s[1], 2, 0.5);
      c.in[1] = normal(random, {s[1]}, 0.5, 1);
      c.in[2] = normal(random, {s[1]}, 0.5);
      c.out = {s[0], s[1]};
      c.set<op::layer_norm>({eps});
      cases.push_back(c);
    }
  Case c = cases[4];
  c.label = "mean far from zero";  // where the mean of squares less the square of the mean would lose all digits
  c.in[0] = rows(random, 17, 33, 0.5, 100);
  c.slack = 100;
  c.gradients = false;
  cases.push_back(c);
  c = cases[4];
  c.label = "a row of zeros";
  for (std::size_t i = 0; i < 33; ++i) c.in[0].number[i] = 0;
  c.gradients = false;
  cases.push_back(c);
  c = cases[4];
  c.label = "NaN stays in its row";
  c.in[0].number[40] = not_a_number;
  c.gradients = false;
  cases.push_back(c);
  return cases;
}

inline std::vector<Case> residual_norm_cases() {
  Random random(19);
  std::vector<Case> cases = layer_norm_cases();
  for (Case& c : cases) {
    c.in[3] = c.in[2];
    c.in[2] = c.in[1];
    c.in[1] = rows(random, c.out[0], c.out[1]);
    // x + residual cancels in places, and the square root multiplies what is left of the rounding.
    c.slack *= 2;
  }
  return cases;
}

inline std::vector<Case> log_softmax_cases() {
  Random random(37);
  std::vector<Case> cases;
  const Index shapes[][2] = {{1, 1}, {1, 2}, {3, 17}, {33, 64}, {17, 129}, {5, 1000}, {0, 4}};
  for (const auto& s : shapes)
    for (bool given : {false, true}) {
      Case c;
      c.label = sizes({s[0], s[1]}) + (given ? ", given" : "");
      c.in[0] = rows(random, s[0], s[1], 3);
      if (given) c.in[1] = normal(random, {s[0], 5}, 1, -3);
      c.out = {s[0], s[1]};
      c.set<op::log_softmax>({given ? 3 : 0});
      cases.push_back(c);
    }
  Case c = cases[4];
  c.label = "large logits";
  for (double& x : c.in[0].number) x *= 64;
  cases.push_back(c);
  return cases;
}

}  // namespace tessera::conformance
