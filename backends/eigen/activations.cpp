// gelu, gelu_tanh, relu, swish, tanh, and their gradients, elementwise on Eigen's arrays.
#include <cmath>

#include "tessera/backends/eigen/maps.inl"
#include "tessera/ops/gelu.hpp"
#include "tessera/ops/gelu_tanh.hpp"
#include "tessera/ops/relu.hpp"
#include "tessera/ops/swish.hpp"
#include "tessera/ops/tanh.hpp"

namespace tessera::inline TESSERA_ISA::eigen {

namespace {
constexpr float root_two_over_pi = 0.79788456080286536F;  // sqrt(2 / pi)
constexpr float one_over_root = 0.39894228040143268F;     // 1 / sqrt(2 pi)
constexpr float cubic = 0.044715F;

/// A short line on the stack, for what is used more than once.
constexpr Index piece = 64;
using Piece = Eigen::Array<float, 1, Eigen::Dynamic, Eigen::RowMajor, 1, piece>;

/// Phi(-|x|) = exp(-x^2 / 2) t P(t), t = 4 / (4 + |x|): P was fitted to Chebyshev nodes of |x| in [0, 14], where it is
/// within 2e-8. 1 + erf(x) would lose the digits of negative x.
Piece normal_tail(const Piece& x) {
  const Piece t = 4.0F / (4.0F + x.abs());
  Piece p = 0.0153836033F * t - 0.0563454643F;
  for (const float c : {0.036615255F, 0.0483180834F, -0.00367795936F, 0.0953755683F, 0.0690116361F, 0.0961508647F,
                        0.0994166231F, 0.0997517922F})
    p = p * t + c;
  return t * p * (-0.5F * x.square()).exp();
}

/// to = f(from) for lines of the only input.
template <class F>
void map_lines(const Call& call, const F& f) {
  const View& x = call.in[0];
  lines(*call.executor, x, x.contiguous() && call.out.contiguous(), [&](Index r, Index first, Index count) {
    f(ConstLine(x.row<const float>(r) + first, count), Line(call.out.row<float>(r) + first, count));
  });
}

/// dx += f(value, dy), with value the input or the output.
template <class F>
void map_gradients(const VjpCall& call, const View& value, const F& f) {
  const View& dx = call.in_grad[0];
  const View& dy = call.out_grad;
  if (dx.data == nullptr) return;
  lines(*call.executor, dx, value.contiguous() && dx.contiguous() && dy.contiguous(),
        [&](Index r, Index first, Index count) {
          f(ConstLine(value.row<const float>(r) + first, count), ConstLine(dy.row<const float>(r) + first, count),
            Line(dx.row<float>(r) + first, count));
        });
}
}  // namespace

void gelu(const Call& call) {
  map_lines(call, [](const ConstLine& from, Line to) {
    for (Index first = 0; first < from.size(); first += piece) {
      const Index n = std::min(piece, from.size() - first);
      const Piece x = from.segment(first, n);
      const Piece tail = normal_tail(x);
      to.segment(first, n) = x * (x < 0.0F).select(tail, 1.0F - tail);
    }
  });
}

void gelu_tanh(const Call& call) {
  // (1 + tanh u) / 2 = 1 / (1 + exp(-2 u)), without the cancellation of the left side.
  map_lines(call, [](const ConstLine& x, Line y) {
    y = x / (1.0F + (-2.0F * root_two_over_pi * (x + cubic * x.cube())).exp());
  });
}

void relu(const Call& call) {
  // NaN is not below zero, so it stays.
  map_lines(call, [](const ConstLine& x, Line y) { y = (x < 0.0F).select(0.0F, x); });
}

void swish(const Call& call) {
  map_lines(call, [](const ConstLine& x, Line y) { y = x / (1.0F + (-x).exp()); });
}

void tanh(const Call& call) {
  // The standard library's: Eigen's stops three units short of 1, and poolers are few rows.
  map_lines(call, [](const ConstLine& x, Line y) { y = x.unaryExpr([](float v) { return std::tanh(v); }); });
}

void gelu_vjp(const VjpCall& call) {
  map_gradients(call, call.in[0], [](const ConstLine& from, const ConstLine& dy, Line dx) {
    for (Index first = 0; first < from.size(); first += piece) {
      const Index n = std::min(piece, from.size() - first);
      const Piece x = from.segment(first, n);
      const Piece tail = normal_tail(x);
      const Piece phi = one_over_root * (-0.5F * x.square()).exp();
      dx.segment(first, n) += dy.segment(first, n) * ((x < 0.0F).select(tail, 1.0F - tail) + x * phi);
    }
  });
}

void gelu_tanh_vjp(const VjpCall& call) {
  map_gradients(call, call.in[0], [](const ConstLine& x, const ConstLine& dy, Line dx) {
    for (Index i = 0; i < x.size(); ++i) {
      const float v = x[i];
      const float t = std::tanh(root_two_over_pi * (v + cubic * v * v * v));
      const float slope = root_two_over_pi * (1.0F + 3.0F * cubic * v * v);
      dx[i] += dy[i] * (0.5F * (1.0F + t) + 0.5F * v * (1.0F - t * t) * slope);
    }
  });
}

void relu_vjp(const VjpCall& call) {
  map_gradients(call, call.out,
                [](const ConstLine& y, const ConstLine& dy, Line dx) { dx += (y > 0.0F).select(dy, 0.0F); });
}

void swish_vjp(const VjpCall& call) {
  map_gradients(call, call.in[0], [](const ConstLine& x, const ConstLine& dy, Line dx) {
    for (Index i = 0; i < x.size(); ++i) {
      const float s = 1.0F / (1.0F + std::exp(-x[i]));
      dx[i] += dy[i] * (s + x[i] * s * (1.0F - s));
    }
  });
}

void tanh_vjp(const VjpCall& call) {
  map_gradients(call, call.out,
                [](const ConstLine& y, const ConstLine& dy, Line dx) { dx += dy * (1.0F - y.square()); });
}

}  // namespace tessera::eigen
