// The stub's linear: y = x W^T + b, the one kernel that every backend must have.
//
// A kernel is a plain function of a Call. It takes what it needs out of the call's views, whose shapes were checked
// before, and writes call.out. The op's header (ops/linear.hpp) says what the inputs are.
#pragma once

#include <algorithm>

#include "tessera/ops/linear.hpp"

namespace tessera::inline TESSERA_ISA::stub {

inline void linear(const Call& call) {
  using op = tessera::op::linear;
  const View& x = call.in[op::x];            // [n, in]; rows may lie apart: always go through View::row
  const View& weight = call.in[op::weight];  // [out, in], or [in, out] when the attributes say so
  const View& bias = call.in[op::bias];      // [out]; rank 0 when there is none
  const View& y = call.out;                  // [n, out]
  const bool in_out = call.as<op>().in_out;
  const Index inner = x.columns();
  const Index outer = y.columns();

  // Work is cut by shape alone, never by the number of threads: then a result has the same bits on any machine load.
  constexpr Index tile = 8;
  const Index rows = y.rows();
  call.executor->parallel_for((rows + tile - 1) / tile, [&](Index t) {
    for (Index r = t * tile; r < (std::min)((t + 1) * tile, rows); ++r) {
      const float* from = x.row<const float>(r);
      float* to = y.row<float>(r);
      for (Index o = 0; o < outer; ++o) {
        // In double, because a long sum in float loses digits; a fast kernel adds in several short chains instead.
        double sum = bias.present() ? static_cast<double>(bias.as<const float>()[o]) : 0.0;
        for (Index i = 0; i < inner; ++i) {
          const float w = in_out ? weight.row<const float>(i)[o] : weight.row<const float>(o)[i];
          sum += static_cast<double>(from[i]) * static_cast<double>(w);
        }
        to[o] = static_cast<float>(sum);
      }
    }
  });
}

}  // namespace tessera::stub
