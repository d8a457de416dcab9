// Cases of heads, relative positions and attention.
#pragma once

#include "conformance/case.hpp"

namespace tessera::conformance {

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

}  // namespace tessera::conformance
