// Cases of products of matrices.
#pragma once

#include "conformance/case.hpp"

namespace tessera::conformance {

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

}  // namespace tessera::conformance
