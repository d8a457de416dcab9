// Cases of ops that gather, place and choose rows and columns.
#pragma once

#include "conformance/case.hpp"

namespace tessera::conformance {

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

}  // namespace tessera::conformance
