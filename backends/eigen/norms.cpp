// layer_norm and residual_norm, and their gradients. Mean and variance in double, from the centred values.
#include <cmath>

#include "tessera/backends/eigen/maps.inl"
#include "tessera/ops/residual_norm.hpp"

namespace tessera::inline TESSERA_ISA::eigen {

namespace {
constexpr Index row_tile = 16;
constexpr Index column_tile = 64;

struct Moments {
  double mean, inverse;  ///< inverse: 1 / sqrt(variance + eps)
};

Moments moments(const ConstLine& x, double eps) {
  const auto n = static_cast<double>(x.size());
  const double mean = x.cast<double>().sum() / n;
  const double variance = (x.cast<double>() - mean).square().sum() / n;
  return {mean, 1.0 / std::sqrt(variance + eps)};
}

void normalize(const float* from, float* to, Index n, const float* weight, const float* bias, double eps) {
  const ConstLine x(from, n);
  const Moments m = moments(x, eps);
  Line(to, n) = ((x.cast<double>() - m.mean) * m.inverse).cast<float>() * ConstLine(weight, n) + ConstLine(bias, n);
}

/// What both gradients share, for the normed values x. dx2 gets the same gradient as dx.
void norm_vjp(const Executor& executor, const View& x, const View& weight, const View& dy, double eps, const View& dx,
              const View& dx2, const View& dweight, const View& dbias, double* scratch) {
  const Index n = x.rows(), columns = x.columns();
  auto* row_moments = reinterpret_cast<Moments*>(scratch);
  tiles(executor, n, row_tile, [&](Index first, Index count) {
    for (Index r = first; r < first + count; ++r) {
      const ConstLine row(x.row<const float>(r), columns);
      row_moments[r] = moments(row, eps);
      if (dx.data == nullptr && dx2.data == nullptr) continue;
      // dx = inverse * (g - mean(g) - z * mean(g z)), g = dy * weight, z the normed row.
      const Moments m = row_moments[r];
      const ConstLine w(weight.as<const float>(), columns);
      const ConstLine gradient(dy.row<const float>(r), columns);
      const auto z = (row.cast<double>() - m.mean) * m.inverse;
      const auto g = gradient.cast<double>() * w.cast<double>();
      const double mean_g = g.sum() / static_cast<double>(columns);
      const double mean_gz = (g * z).sum() / static_cast<double>(columns);
      const auto change = ((g - mean_g - z * mean_gz) * m.inverse).cast<float>();
      if (dx.data != nullptr) Line(dx.row<float>(r), columns) += change;
      if (dx2.data != nullptr) Line(dx2.row<float>(r), columns) += change;
    }
  });
  if (dweight.data == nullptr && dbias.data == nullptr) return;
  // By columns, rows in order: no partial results to add up.
  tiles(executor, columns, column_tile, [&](Index first, Index count) {
    double of_weight[column_tile] = {}, of_bias[column_tile] = {};
    for (Index r = 0; r < n; ++r) {
      const float* row = x.row<const float>(r) + first;
      const float* gradient = dy.row<const float>(r) + first;
      for (Index i = 0; i < count; ++i) {
        const auto g = static_cast<double>(gradient[i]);
        of_weight[i] += g * (static_cast<double>(row[i]) - row_moments[r].mean) * row_moments[r].inverse;
        of_bias[i] += g;
      }
    }
    for (Index i = 0; i < count; ++i) {
      if (dweight.data != nullptr) dweight.as<float>()[first + i] += static_cast<float>(of_weight[i]);
      if (dbias.data != nullptr) dbias.as<float>()[first + i] += static_cast<float>(of_bias[i]);
    }
  });
}
}  // namespace

void layer_norm(const Call& call) {
  using op = tessera::op::layer_norm;
  const View& x = call.in[op::x];
  tiles(*call.executor, x.rows(), row_tile, [&](Index first, Index count) {
    for (Index r = first; r < first + count; ++r)
      normalize(x.row<const float>(r), call.out.row<float>(r), x.columns(), call.in[op::weight].as<const float>(),
                call.in[op::bias].as<const float>(), call.as<op>().eps);
  });
}

void residual_norm(const Call& call) {
  using op = tessera::op::residual_norm;
  const View& x = call.in[op::x];
  const View& residual = call.in[op::residual];
  tiles(*call.executor, x.rows(), row_tile, [&](Index first, Index count) {
    for (Index r = first; r < first + count; ++r) {
      float* to = call.out.row<float>(r);
      Line(to, x.columns()) =
          ConstLine(x.row<const float>(r), x.columns()) + ConstLine(residual.row<const float>(r), x.columns());
      normalize(to, to, x.columns(), call.in[op::weight].as<const float>(), call.in[op::bias].as<const float>(),
                call.as<op>().eps);
    }
  });
}

void layer_norm_vjp(const VjpCall& call) {
  using op = tessera::op::layer_norm;
  norm_vjp(*call.executor, call.in[op::x], call.in[op::weight], call.out_grad, call.as<op>().eps, call.in_grad[op::x],
           View(), call.in_grad[op::weight], call.in_grad[op::bias], static_cast<double*>(call.scratch));
}

void residual_norm_vjp(const VjpCall& call) {
  using op = tessera::op::residual_norm;
  const View& x = call.in[op::x];
  const View& residual = call.in[op::residual];
  auto* row_moments = static_cast<double*>(call.scratch);
  View sum = x;
  sum.row_stride = sum.columns();
  sum.data = row_moments + 2 * x.rows();
  tiles(*call.executor, x.rows(), row_tile, [&](Index first, Index count) {
    write(sum, first, count, 0, x.columns()) =
        read(x, first, count, 0, x.columns()) + read(residual, first, count, 0, x.columns());
  });
  norm_vjp(*call.executor, sum, call.in[op::weight], call.out_grad, call.as<op>().eps, call.in_grad[op::x],
           call.in_grad[op::residual], call.in_grad[op::weight], call.in_grad[op::bias], row_moments);
}

}  // namespace tessera::eigen
