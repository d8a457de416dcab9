// Cases: for each op, inputs of many shapes, and how far a backend may be from the formula.
//
// A new op gets one registration here (`registrations`), and with it the conformance test on every backend.
#pragma once

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "conformance/fused.hpp"
#include "tessera/backends/reference/reference.hpp"
#include "tessera/base/philox.hpp"

namespace tessera::conformance {

/// A stream of numbers that are floats, so that every backend gets the same ones.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  double uniform() { return static_cast<double>(tessera::uniform(Philox::at(seed_, count_++, 0).value[0])); }
  /// Close to a normal distribution, and bounded.
  double normal() {
    double sum = 0;
    for (int i = 0; i < 6; ++i) sum += uniform() - 0.5;
    return static_cast<double>(static_cast<float>(sum * 1.4142135623730951));
  }
  Index below(Index limit) { return static_cast<Index>(uniform() * static_cast<double>(limit)); }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
};

/// An input: sizes and numbers, in row-major order without gaps.
struct Array {
  std::vector<Index> dim;
  std::vector<double> number;
  bool integer = false;
  bool gradient = false;  ///< the op gives one for it
  bool strided = false;   ///< also tested with rows that lie apart

  bool present() const { return !dim.empty(); }
  Index count() const {
    Index n = 1;
    for (Index d : dim) n *= d;
    return dim.empty() ? 0 : n;
  }
  View view(void* data, DType type) const {
    View v;
    v.data = data;
    v.type = type;
    v.rank = static_cast<int>(dim.size());
    for (std::size_t i = 0; i < dim.size(); ++i) v.dim[i] = dim[i];
    v.row_stride = v.columns();
    return v;
  }
};

struct Case {
  std::string label;
  Array in[max_inputs];
  std::vector<Index> out;
  std::shared_ptr<const void> attributes = std::make_shared<int>(0);
  bool gradients = true;        ///< false where a case is about infinite numbers
  bool gives_integers = false;  ///< the result is i32
  double slack = 1;             ///< multiplies the tolerance

  template <class Op>
  void set(const typename Op::Attributes& a) {
    attributes = std::make_shared<typename Op::Attributes>(a);
  }
};

/// Allowed distance to the formula, in machine epsilons of the element type:
/// |found - expected| <= relative |expected| + of_largest max |expected|. Both 0: the same bits.
struct Tolerance {
  double relative = 0;
  double of_largest = 0;
};

/// The test of one op.
struct Registration {
  OpId id;
  unsigned keeps;
  bool in_place;  ///< the output may be the memory of the first input
  Tolerance forward;
  Tolerance gradient;
  std::vector<Case> (*cases)();
  void (*formula)(const Call&) = nullptr;  ///< of a fused op; else the reference kernel is the formula
  void (*formula_vjp)(const VjpCall&) = nullptr;
};

// --- making inputs ---

inline Array array(std::vector<Index> dim) {
  Array a;
  a.dim = std::move(dim);
  a.number.resize(static_cast<std::size_t>(a.count()));
  return a;
}
/// scale * normal + shift, with a gradient.
inline Array normal(Random& random, std::vector<Index> dim, double scale = 1, double shift = 0) {
  Array a = array(std::move(dim));
  for (double& x : a.number) x = static_cast<double>(static_cast<float>(random.normal() * scale + shift));
  a.gradient = true;
  return a;
}
/// The same, tested with strided rows too.
inline Array rows(Random& random, Index n, Index width, double scale = 1, double shift = 0) {
  Array a = normal(random, {n, width}, scale, shift);
  a.strided = true;
  return a;
}
inline Array constant(Array a) {
  a.gradient = false;
  return a;
}
inline Array ids(Random& random, std::vector<Index> dim, Index limit) {
  Array a = array(std::move(dim));
  a.integer = true;
  for (double& x : a.number) x = static_cast<double>(random.below(limit));
  return a;
}
/// First rows of texts with these lengths, and the end.
inline Array offsets(const std::vector<Index>& lengths) {
  Array a = array({static_cast<Index>(lengths.size()) + 1});
  a.integer = true;
  for (std::size_t i = 0; i < lengths.size(); ++i) a.number[i + 1] = a.number[i] + static_cast<double>(lengths[i]);
  return a;
}
inline Index total(const std::vector<Index>& lengths) {
  Index n = 0;
  for (Index l : lengths) n += l;
  return n;
}
inline Index longest(const std::vector<Index>& lengths) {
  Index n = 0;
  for (Index l : lengths) n = l > n ? l : n;
  return n;
}
/// Zeros and ones, the first key of each row always 1.
inline Array mask(Random& random, std::vector<Index> dim) {
  Array a = array(std::move(dim));
  const Index keys = a.dim.back();
  for (Index i = 0; i < a.count(); ++i) a.number[static_cast<std::size_t>(i)] = i % keys == 0 || random.uniform() < 0.7;
  return a;
}
inline std::string sizes(const std::vector<Index>& dim) {
  std::string text;
  for (Index d : dim) {
    if (!text.empty()) text += 'x';
    text += std::to_string(d);
  }
  return text;
}

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// --- cases of each op ---

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

inline std::vector<Case> embedding_cases() {
  Random random(14);
  std::vector<Case> cases;
  const Index shapes[][3] = {{1, 1, 1}, {5, 3, 17}, {129, 33, 64}, {33, 129, 768}, {7, 0, 3}, {3, 64, 33}};  // V, n, H
  for (const auto& s : shapes) {
    Case c;
    c.label = "table " + sizes({s[0], s[2]}) + ", ids " + std::to_string(s[1]);
    c.in[0] = rows(random, s[0], s[2]);
    c.in[1] = ids(random, {s[1]}, s[0]);
    c.out = {s[1], s[2]};
    c.set<op::embedding>({s[0] > 4 ? Index{1} : Index{-1}});
    cases.push_back(c);
  }
  cases[1].in[1].dim = {1, 3};  // ids of any shape
  return cases;
}

inline std::vector<Case> linear_cases() {
  Random random(15);
  std::vector<Case> cases;
  const Index shapes[][3] = {{1, 1, 1},     {1, 64, 64},  {3, 17, 33}, {17, 33, 3},  {33, 129, 17},
                             {64, 64, 129}, {129, 3, 1},  {0, 17, 33}, {5, 768, 65}, {129, 65, 96},
                             {2, 16, 2},    {8, 48, 160}, {31, 1, 17}, {1, 300, 257}};  // n, in, out
  for (bool in_out : {false, true})
    for (bool has_bias : {true, false})
      for (const auto& s : shapes) {
        Case c;
        c.label = sizes({s[0], s[1]}) + " to " + std::to_string(s[2]) + (in_out ? ", weight in x out" : "") +
                  (has_bias ? "" : ", no bias");
        c.in[0] = rows(random, s[0], s[1]);
        c.in[1] = in_out ? normal(random, {s[1], s[2]}, 0.5) : normal(random, {s[2], s[1]}, 0.5);
        if (has_bias) c.in[2] = normal(random, {s[2]});
        c.out = {s[0], s[2]};
        c.set<op::linear>({in_out});
        cases.push_back(c);
      }
  Case c = cases[2];
  c.label = "NaN and infinity stay in their rows";
  c.in[0].number[5] = not_a_number;
  c.in[0].number[2 * 17 + 1] = infinity;
  c.gradients = false;
  cases.push_back(c);
  return cases;
}

/// No backend has a gradient of its own for it: tapes record the composition.
inline std::vector<Case> feed_forward_cases() {
  Random random(24);
  std::vector<Case> cases;
  const Index shapes[][4] = {
      {1, 1, 1, 1},    {1, 64, 256, 64}, {3, 17, 33, 5},  {17, 33, 3, 17},  {33, 65, 129, 7},
      {0, 17, 33, 17}, {5, 96, 384, 96}, {129, 5, 20, 5}, {300, 16, 50, 33}};  // n, in, inner, out: more rows than a
                                                                               // chunk too
  for (bool in_out : {false, true})
    for (const Activation activation :
         {Activation::gelu, Activation::gelu_tanh, Activation::relu, Activation::swish, Activation::tanh})
      for (const auto& s : shapes) {
        Case c;
        c.label = sizes({s[0], s[1], s[2], s[3]}) + ", activation " + std::to_string(static_cast<int>(activation)) +
                  (in_out ? ", weights in x out" : "");
        c.in[0] = rows(random, s[0], s[1]);
        c.in[1] = in_out ? normal(random, {s[1], s[2]}, 0.5) : normal(random, {s[2], s[1]}, 0.5);
        c.in[2] = normal(random, {s[2]});
        c.in[3] = in_out ? normal(random, {s[2], s[3]}, 0.5) : normal(random, {s[3], s[2]}, 0.5);
        c.in[4] = normal(random, {s[3]});
        c.out = {s[0], s[3]};
        c.set<op::feed_forward>({activation, in_out});
        c.gradients = false;
        cases.push_back(c);
      }
  Case c = cases[2];
  c.label = "NaN stays in its row";
  c.in[0].number[20] = not_a_number;
  cases.push_back(c);
  return cases;
}

inline std::vector<Case> matmul_cases() {
  Random random(16);
  std::vector<Case> cases;
  const Index shapes[][5] = {{1, 1, 1, 1, 1},    {2, 3, 17, 33, 5},   {1, 2, 33, 64, 33},
                             {2, 1, 3, 129, 64}, {1, 4, 64, 16, 129}, {2, 2, 0, 8, 3},
                             {1, 12, 7, 64, 31}, {3, 2, 1, 64, 17},   {1, 1, 129, 3, 1}};  // B, h, M, K, L
  for (bool transposed : {true, false})
    for (const auto& s : shapes) {
      Case c;
      c.label = sizes({s[0], s[1]}) + " times " + sizes({s[2], s[3], s[4]}) + (transposed ? ", b transposed" : "");
      c.in[0] = normal(random, {s[0], s[1], s[2], s[3]});
      c.in[1] = transposed ? normal(random, {s[0], s[1], s[4], s[3]}) : normal(random, {s[0], s[1], s[3], s[4]});
      c.out = {s[0], s[1], s[2], s[4]};
      c.set<op::matmul>({transposed, transposed ? 0.125 : 1.0});
      cases.push_back(c);
    }
  return cases;
}

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

/// Padded without offsets, padded with offsets, ragged: of texts with these lengths.
struct Batch {
  std::vector<Index> lengths;
  bool has_offsets;
};
inline std::vector<Batch> batches() {
  return {{{1}, false},      {{5, 5, 5}, false}, {{4, 4}, true}, {{3, 7, 1, 5}, true},
          {{2, 0, 3}, true}, {{33, 17}, true},   {{64}, false}};
}

inline std::vector<Case> heads_cases(bool split) {
  Random random(21);
  std::vector<Case> cases;
  const Index shapes[][2] = {{1, 1}, {2, 3}, {12, 64}, {3, 17}};  // h, d
  for (const Batch& batch : batches())
    for (const auto& s : shapes) {
      Case c;
      const std::vector<Index> matrices = {static_cast<Index>(batch.lengths.size()), s[0], longest(batch.lengths),
                                           s[1]};
      const std::vector<Index> flat = {total(batch.lengths), s[0] * s[1]};
      c.label =
          "lengths " + sizes(batch.lengths) + (batch.has_offsets ? "" : " padded") + ", heads " + sizes({s[0], s[1]});
      c.in[0] = split ? rows(random, flat[0], flat[1]) : normal(random, matrices);
      if (batch.has_offsets) c.in[1] = offsets(batch.lengths);
      c.out = split ? matrices : flat;
      if (split) c.set<op::split_heads>({s[0]});
      cases.push_back(c);
    }
  return cases;
}
inline std::vector<Case> split_heads_cases() { return heads_cases(true); }
inline std::vector<Case> merge_heads_cases() { return heads_cases(false); }

inline std::vector<Case> rel_shift_cases() {
  Random random(22);
  std::vector<Case> cases;
  const Index shapes[][6] = {
      {1, 1, 1, 1, 2, 1},  {2, 2, 3, 5, 10, 5},  {1, 1, 2, 17, 50, 33}, {1, 1, 1, 3, 130, 129},
      {2, 2, 1, 4, 12, 7}, {1, 3, 2, 5, 18, 13}, {2, 4, 3, 7, 34, 27}};  // groups, texts, heads, Q, P, K
  for (const auto& s : shapes) {
    Case c;
    c.label = sizes({s[1], s[2], s[3], s[4]}) + " to keys " + std::to_string(s[5]) + ", groups " + std::to_string(s[0]);
    c.in[0] = normal(random, {s[0], s[2], s[1] / s[0] * s[3], s[4]});
    c.out = {s[1], s[2], s[3], s[5]};
    cases.push_back(c);
  }
  return cases;
}

inline std::vector<Case> relative_scores_cases() {
  Random random(40);
  std::vector<Case> cases;
  const Index shapes[][6] = {{1, 1, 1, 1, 2, 1},    {2, 2, 3, 5, 10, 5},
                             {1, 3, 2, 17, 50, 33}, {1, 1, 1, 3, 130, 129},
                             {2, 4, 3, 7, 34, 27},  {1, 2, 2, 64, 193, 128}};  // groups, texts, heads, Q, P, K
  for (const auto& s : shapes)
    for (bool segments : {false, true}) {
      Case c;
      c.label = sizes({s[1], s[2], s[3], s[5]}) + ", positions " + std::to_string(s[4]) + ", groups " +
                std::to_string(s[0]) + (segments ? ", segments" : "");
      c.in[0] = normal(random, {s[1], s[2], s[3], s[5]});
      c.in[1] = normal(random, {s[0], s[2], s[1] / s[0] * s[3], s[4]});
      if (segments) {
        c.in[2] = normal(random, {1, s[2], s[1] * s[3], 2});
        c.in[3] = ids(random, {s[1], s[3], s[5]}, 2);
      }
      c.out = c.in[0].dim;
      c.set<op::relative_scores>({1 / std::sqrt(12.0)});
      cases.push_back(c);
    }
  return cases;
}

inline std::vector<Case> segment_select_cases() {
  Random random(23);
  std::vector<Case> cases;
  const Index shapes[][5] = {{1, 1, 1, 2, 1}, {2, 3, 5, 2, 17}, {1, 2, 33, 2, 33}, {1, 1, 3, 4, 129}, {2, 1, 0, 2, 3}};
  for (const auto& s : shapes) {
    Case c;
    c.label = sizes({s[0], s[1], s[2], s[3]}) + " to keys " + std::to_string(s[4]);
    c.in[0] = normal(random, {1, s[1], s[0] * s[2], s[3]});
    c.in[1] = ids(random, {s[0], s[2], s[4]}, s[3]);
    c.out = {s[0], s[1], s[2], s[4]};
    cases.push_back(c);
  }
  return cases;
}

inline std::vector<Case> columns_cases() {
  Random random(24);
  std::vector<Case> cases;
  const Index shapes[][4] = {{1, 1, 0, 1},    {3, 17, 5, 3}, {33, 129, 64, 64},
                             {17, 33, 0, 33}, {0, 3, 1, 1},  {5, 64, 63, 1}};
  for (const auto& s : shapes) {  // n, W, first, count
    Case c;
    c.label = sizes({s[0], s[1]}) + ", " + std::to_string(s[3]) + " from " + std::to_string(s[2]);
    c.in[0] = rows(random, s[0], s[1]);
    c.out = {s[0], s[3]};
    c.set<op::columns>({s[2]});
    cases.push_back(c);
  }
  return cases;
}

inline std::vector<Case> concat_cases() {
  Random random(31);
  std::vector<Case> cases;
  // Columns: all inputs have as many rows.
  const std::vector<std::vector<Index>> widths = {{1, 1}, {17, 3}, {33, 64, 1}, {5, 1, 7, 129, 16, 2}, {40}};
  for (const auto& w : widths)
    for (Index n : {1, 5, 0}) {
      Case c;
      c.label = "columns " + sizes(w) + " of rows " + std::to_string(n);
      for (std::size_t i = 0; i < w.size(); ++i) c.in[i] = rows(random, n, w[i]);
      c.out = {n, total(w)};
      c.set<op::concat>({n});
      cases.push_back(c);
    }
  const Index shapes[][4] = {{1, 3, 5, 17}, {3, 4, 1, 33}, {2, 0, 3, 8}, {1, 1, 1, 1}, {4, 33, 17, 129}};
  for (const auto& s : shapes) {  // texts, rows of each, width
    Case c;
    c.label = "texts " + sizes({s[0]}) + ", rows " + sizes({s[1], s[2]}) + " of " + std::to_string(s[3]);
    c.in[0] = rows(random, s[0] * s[1], s[3]);
    c.in[1] = rows(random, s[0] * s[2], s[3]);
    c.out = {s[0] * (s[1] + s[2]), s[3]};
    c.set<op::concat>({s[0]});
    cases.push_back(c);
  }
  return cases;
}

inline std::vector<Case> add_rows_cases() {
  Random random(32);
  std::vector<Case> cases;
  const Index shapes[][3] = {{1, 1, 1}, {5, 3, 17}, {33, 33, 64}, {17, 0, 3}, {7, 2, 768}};  // n, m, W
  for (const auto& s : shapes) {
    Case c;
    c.label = sizes({s[1], s[2]}) + " to rows of " + sizes({s[0], s[2]});
    c.in[0] = rows(random, s[0], s[2]);
    c.in[1] = rows(random, s[1], s[2]);
    c.in[2] = ids(random, {s[1]}, s[0]);
    for (Index i = 0; i < s[1]; ++i) c.in[2].number[static_cast<std::size_t>(i)] = static_cast<double>(s[0] - 1 - i);
    c.out = {s[0], s[2]};
    cases.push_back(c);
  }
  return cases;
}

inline std::vector<Case> zeros_cases() {
  std::vector<Case> cases;
  const std::vector<std::vector<Index>> shapes = {{1, 1}, {3, 17}, {0, 5}, {33, 129}, {2, 3, 5}};
  for (const auto& shape : shapes) {
    Case c;
    c.label = sizes(shape);
    c.out = shape;
    c.gradients = false;
    cases.push_back(c);
  }
  return cases;
}

inline std::vector<Case> sinusoids_cases() {
  Random random(33);
  std::vector<Case> cases;
  const Index shapes[][2] = {{1, 2}, {5, 24}, {33, 64}, {7, 1024}, {257, 34}, {0, 8}};
  for (const auto& s : shapes)
    for (bool given : {false, true}) {
      Case c;
      c.label = sizes({s[0], s[1]}) + (given ? ", given frequencies" : "");
      c.in[0] = ids(random, {s[0]}, 4000);
      for (std::size_t i = 0; i < c.in[0].number.size(); ++i)
        c.in[0].number[i] = i < 100 ? static_cast<double>(s[0] / 2 - static_cast<Index>(i)) : c.in[0].number[i];
      if (given) {
        c.in[1] = constant(normal(random, {s[1] / 2}, 0.5));
      }
      c.out = {s[0], s[1]};
      c.gradients = false;
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

inline std::vector<Case> top_k_cases() {
  Random random(35);
  std::vector<Case> cases;
  const Index shapes[][4] = {{1, 1, 1, 1}, {2, 1, 17, 5}, {3, 4, 33, 3}, {2, 3, 7, 7}, {1, 1, 1000, 20}};
  for (const auto& s : shapes) {  // B, S, C, k
    Case c;
    c.label = sizes({s[0], s[1], s[2]}) + ", k " + std::to_string(s[3]);
    c.in[0] = constant(normal(random, {s[0], s[1], s[2]}));
    for (std::size_t i = 0; i < c.in[0].number.size(); i += 3) c.in[0].number[i] = 0.5;  // many are equal
    c.out = {s[0], s[3], s[1]};
    c.gives_integers = true;
    c.gradients = false;
    c.set<op::top_k>({s[0] % 2 == 0 ? s[2] : 0});
    cases.push_back(c);
  }
  Case c = cases[1];
  c.label = "NaN and infinity";
  c.in[0].number[4] = not_a_number;
  c.in[0].number[5] = infinity;
  c.in[0].number[20] = -infinity;
  cases.push_back(c);
  return cases;
}

inline std::vector<Case> pick_cases() {
  Random random(36);
  std::vector<Case> cases;
  const Index shapes[][4] = {{1, 1, 1, 1}, {2, 1, 17, 5}, {3, 4, 33, 3}, {2, 3, 7, 9}};
  for (const auto& s : shapes) {  // B, S, C, k
    Case c;
    c.label = sizes({s[0], s[1], s[2]}) + ", k " + std::to_string(s[3]);
    c.in[0] = normal(random, {s[0], s[1], s[2]});
    c.in[1] = ids(random, {s[0], s[3], s[1]}, s[2]);
    c.out = {s[0], s[3], s[1]};
    cases.push_back(c);
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

inline std::vector<Case> store_rows_cases() {
  Random random(30);
  std::vector<Case> cases;
  const Index shapes[][3] = {{1, 1, 1}, {3, 17, 8}, {5, 64, 5}, {2, 768, 40}, {0, 17, 4}};  // rows, width, memory
  for (const auto& s : shapes) {
    Case c;
    c.label = sizes({s[0], s[1], s[2]});
    c.in[op::store_rows::x] = rows(random, s[0], s[1]);
    Array places = array({s[0]});
    places.integer = true;
    // Every row of the memory at most once, in no order.
    for (Index i = 0; i < s[0]; ++i)
      places.number[static_cast<std::size_t>(i)] = static_cast<double>((i * 3 + 1) % s[2]);
    c.in[op::store_rows::ids] = places;
    c.out = {s[2], s[1]};
    cases.push_back(c);
  }
  return cases;
}

inline std::vector<Case> attention_cases() {
  Random random(29);
  std::vector<Case> cases;
  const auto push = [&](const std::string& label, const Batch& batch, Index heads, Index width, const Visibility& v,
                        Array keep = {}, Array head_mask = {}) {
    Case c;
    const Index n = total(batch.lengths);
    c.label = label + ", lengths " + sizes(batch.lengths) + (batch.has_offsets ? "" : " padded") + ", heads " +
              sizes({heads, width});
    for (int i : {op::attention::q, op::attention::k, op::attention::v}) c.in[i] = rows(random, n, heads * width);
    if (batch.has_offsets) c.in[op::attention::offsets] = offsets(batch.lengths);
    c.in[op::attention::keep] = std::move(keep);
    c.in[op::attention::head_mask] = std::move(head_mask);
    c.out = {n, heads * width};
    c.set<op::attention>({heads, static_cast<Index>(batch.lengths.size()), longest(batch.lengths),
                          1 / std::sqrt(static_cast<double>(width)), v});
    cases.push_back(c);
  };
  // Keys of a cache: K of each text, in `key_rows` rows.
  const auto push_cached = [&](const std::string& label, Index texts, Index queries, Index keys, Index key_rows,
                               Index heads, Index width, const Visibility& v, Array keep = {}, Array head_mask = {}) {
    Case c;
    c.label = label + ", texts x queries x keys x rows " + sizes({texts, queries, keys, key_rows}) + ", heads " +
              sizes({heads, width});
    c.in[op::attention::q] = rows(random, texts * queries, heads * width);
    c.in[op::attention::k] = rows(random, texts * key_rows, heads * width);
    c.in[op::attention::v] = rows(random, texts * key_rows, heads * width);
    c.in[op::attention::offsets] = offsets(std::vector<Index>(static_cast<std::size_t>(texts), queries));
    c.in[op::attention::keep] = std::move(keep);
    c.in[op::attention::head_mask] = std::move(head_mask);
    c.out = {texts * queries, heads * width};
    c.set<op::attention>({heads, texts, queries, 1 / std::sqrt(static_cast<double>(width)), v, keys, key_rows});
    cases.push_back(c);
  };
  const Index shapes[][2] = {{1, 1}, {2, 3}, {12, 64}, {3, 17}, {2, 33}};
  for (const Batch& batch : batches())
    for (const auto& s : shapes) push("plain", batch, s[0], s[1], {});
  push("long", {{129, 65}, true}, 2, 64, {});
  push("long, causal", {{129, 65}, true}, 2, 64, {true, Fill::set, -infinity});
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
    const Batch padded = {{17, 17}, false};
    push(label + ", key mask", padded, 2, 16, {false, f.fill, f.value}, mask(random, {2, 17}));
    push(label + ", pair mask", padded, 2, 16, {false, f.fill, f.value}, mask(random, {2, 17, 17}));
    push(label + ", causal", padded, 2, 16, {true, f.fill, f.value});
    push(label + ", causal, key mask", padded, 2, 16, {true, f.fill, f.value}, mask(random, {2, 17}));
    push(label + ", causal", {{5, 17, 1}, true}, 2, 16, {true, f.fill, f.value});
    push(label + ", causal, head mask", {{5, 17, 1}, true}, 2, 16, {true, f.fill, f.value}, {}, normal(random, {2}));
    push_cached(label + ", cached", 2, 5, 17, 17, 2, 16, {true, f.fill, f.value});
    push_cached(label + ", cached, key mask", 3, 1, 18, 24, 2, 16, {true, f.fill, f.value}, mask(random, {3, 18}));
    push_cached(label + ", cached, pair mask", 2, 4, 9, 9, 3, 8, {false, f.fill, f.value}, mask(random, {2, 4, 9}));
  }
  push_cached("one query", 1, 1, 1, 1, 12, 64, {true, Fill::replace, -1e4});
  push_cached("one query", 2, 1, 130, 256, 12, 64, {true, Fill::replace, -1e4}, {}, normal(random, {12}));
  push_cached("long", 2, 33, 1037, 1040, 2, 33, {true, Fill::set, -infinity});
  push_cached("long, one query", 1, 1, 1037, 1040, 3, 17, {true, Fill::set, -infinity});
  push_cached("all visible", 2, 7, 12, 16, 2, 33, {});
  return cases;
}

/// Every op once. Why each tolerance: see the groups.
inline const std::vector<Registration>& registrations() {
  // Copies: the same bits. Their gradients add two numbers.
  constexpr Tolerance same{0, 0};
  // One operation, one rounding more than the formula; two where a constant is rounded before.
  constexpr Tolerance rounding{2, 0};
  // The same, added to a gradient that is there already and may cancel it.
  constexpr Tolerance added{2, 2};
  // Inner products: the error of n terms in any order grows like sqrt(n), and terms cancel in the result.
  constexpr Tolerance product{0, 32};
  // A polynomial of exp, erf or tanh with an error of a few units in the last place.
  constexpr Tolerance function{8, 4};
  // Exponentials of rounded differences, divided by their sum.
  constexpr Tolerance probability{32, 4};
  // Sums of all elements in one order or another: up to 8000 terms of one sign.
  constexpr Tolerance total{128, 0};
  static const std::vector<Registration> all = {
      {OpId::embedding, op::embedding::keeps, false, same, {64, 4}, &embedding_cases},
      {OpId::linear, op::linear::keeps, false, product, product, &linear_cases},
      {OpId::matmul, op::matmul::keeps, false, product, product, &matmul_cases},
      {OpId::softmax, op::softmax::keeps, true, probability, probability, &softmax_cases},
      {OpId::layer_norm, op::layer_norm::keeps, true, product, product, &layer_norm_cases},
      {OpId::gelu, op::gelu::keeps, true, function, function, &activation_cases},
      {OpId::gelu_tanh, op::gelu_tanh::keeps, true, function, function, &activation_cases},
      {OpId::relu, op::relu::keeps, true, same, added, &saturating_cases},
      {OpId::swish, op::swish::keeps, true, function, function, &activation_cases},
      {OpId::tanh, op::tanh::keeps, true, function, function, &saturating_cases},
      {OpId::add, op::add::keeps, true, rounding, added, &add_cases},
      {OpId::multiply, op::multiply::keeps, true, rounding, added, &add_cases},
      {OpId::bias, op::bias::keeps, true, rounding, product, &bias_cases},
      {OpId::scale, op::scale::keeps, true, rounding, added, &scale_cases},
      {OpId::scale_heads, op::scale_heads::keeps, true, rounding, product, &scale_heads_cases},
      {OpId::dropout, op::dropout::keeps, true, rounding, added, &dropout_cases},
      {OpId::split_heads, op::split_heads::keeps, false, same, added, &split_heads_cases},
      {OpId::merge_heads, op::merge_heads::keeps, false, same, added, &merge_heads_cases},
      {OpId::rel_shift, op::rel_shift::keeps, false, same, added, &rel_shift_cases},
      {OpId::segment_select, op::segment_select::keeps, false, same, product, &segment_select_cases},
      {OpId::columns, op::columns::keeps, false, same, added, &columns_cases},
      {OpId::concat, op::concat::keeps, false, same, added, &concat_cases},
      {OpId::add_rows, op::add_rows::keeps, true, added, added, &add_rows_cases},
      {OpId::zeros, op::zeros::keeps, false, same, same, &zeros_cases},
      // An angle of some thousands, rounded to float, may be off by 2^-13: backends reduce it with more digits.
      {OpId::sinusoids, op::sinusoids::keeps, false, function, same, &sinusoids_cases},
      {OpId::replace_hidden, op::replace_hidden::keeps, true, rounding, added, &replace_hidden_cases},
      {OpId::top_k, op::top_k::keeps, false, same, same, &top_k_cases},
      {OpId::pick, op::pick::keeps, false, same, {64, 4}, &pick_cases},
      {OpId::store_rows, op::store_rows::keeps, false, same, added, &store_rows_cases},
      {OpId::sum, op::sum::keeps, false, total, added, &reduce_cases},
      {OpId::mean, op::mean::keeps, false, total, added, &reduce_cases},
      {OpId::mean_pool, op::mean_pool::keeps, false, product, product, &mean_pool_cases},
      {OpId::log_softmax, op::log_softmax::keeps, true, function, product, &log_softmax_cases},
      {OpId::negative_log_likelihood, op::negative_log_likelihood::keeps, false, function, product,
       &negative_log_likelihood_cases},
      {OpId::binary_cross_entropy, op::binary_cross_entropy::keeps, false, total, product, &binary_cross_entropy_cases},
      {OpId::cross_entropy, op::cross_entropy::keeps, false, total, product, &cross_entropy_cases},
      {OpId::mean_squared_error, op::mean_squared_error::keeps, false, total, product, &mean_squared_error_cases},
      {OpId::residual_norm, op::residual_norm::keeps, true, product, product, &residual_norm_cases, &residual_norm,
       &residual_norm_vjp},
      // Three numbers that may cancel.
      {OpId::relative_scores,
       op::relative_scores::keeps,
       true,
       {2, 2},
       product,
       &relative_scores_cases,
       &relative_scores,
       &relative_scores_vjp},
      {OpId::attention,
       op::attention::keeps,
       false,
       probability,
       {32, 16},
       &attention_cases,
       &attention,
       &attention_vjp},
      // Two products, the second of what the first rounded.
      {OpId::feed_forward,
       op::feed_forward::keeps,
       false,
       {product.relative * 2, product.of_largest * 2},
       product,
       &feed_forward_cases,
       &feed_forward},
  };
  return all;
}

}  // namespace tessera::conformance
