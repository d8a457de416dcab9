// linear: y = x W^T + b on Eigen's GEMM, and its gradient.
#include "tessera/ops/linear.hpp"
#include "tessera/backends/eigen/maps.inl"

namespace tessera::inline TESSERA_ISA::eigen {

namespace {
// Large enough that packing, which Eigen does in each product, stays near a hundredth of the work.
constexpr Index row_tile = 128;
constexpr Index column_tile = 384;

/// The sum of each column of rows [0, v.rows()), columns [column, column + count), added to `to`. In double, row after
/// row: a batch has thousands.
void add_column_sums(const View& v, Index column, Index count, float* to) {
  constexpr Index chunk = 64;
  for (Index first = 0; first < count; first += chunk) {
    const Index n = std::min(chunk, count - first);
    double sum[chunk] = {};
    for (Index r = 0; r < v.rows(); ++r) {
      const float* row = v.row<const float>(r) + column + first;
      for (Index i = 0; i < n; ++i) sum[i] += static_cast<double>(row[i]);
    }
    for (Index i = 0; i < n; ++i) to[first + i] += static_cast<float>(sum[i]);
  }
}
}  // namespace

void linear(const Call& call) {
  using op = tessera::op::linear;
  const View& x = call.in[op::x];
  const View& weight = call.in[op::weight];
  const View& bias = call.in[op::bias];
  const View& y = call.out;
  const Index inner = x.columns();
  const bool in_out = call.as<op>().in_out;
  rectangles(*call.executor, y.rows(), y.columns(), row_tile, column_tile,
             [&](Index row, Index column, Index rows, Index columns) {
               const ConstMap from = read(x, row, rows, 0, inner);
               Map to = write(y, row, rows, column, columns);
               if (in_out)
                 to.noalias() = from * read(weight, 0, inner, column, columns);
               else
                 to.noalias() = from * read(weight, column, columns, 0, inner).transpose();
               if (bias.present())
                 to.rowwise() += Eigen::Map<const Eigen::RowVectorXf>(bias.as<const float>() + column, columns);
             });
}

void linear_vjp(const VjpCall& call) {
  using op = tessera::op::linear;
  const View& x = call.in[op::x];
  const View& weight = call.in[op::weight];
  const View& dy = call.out_grad;
  const View& dx = call.in_grad[op::x];
  const View& dw = call.in_grad[op::weight];
  const View& db = call.in_grad[op::bias];
  const Index n = dy.rows(), inner = x.columns(), outer = dy.columns();
  const bool in_out = call.as<op>().in_out;

  if (dx.data != nullptr)
    rectangles(*call.executor, n, inner, row_tile, column_tile,
               [&](Index row, Index column, Index rows, Index columns) {
                 const ConstMap from = read(dy, row, rows, 0, outer);
                 if (in_out)
                   write(dx, row, rows, column, columns).noalias() +=
                       from * read(weight, column, columns, 0, outer).transpose();
                 else
                   write(dx, row, rows, column, columns).noalias() += from * read(weight, 0, outer, column, columns);
               });
  if (dw.data != nullptr) {
    // [out, in] = dy^T x, or [in, out] = x^T dy.
    const View& left = in_out ? x : dy;
    const View& right = in_out ? dy : x;
    rectangles(*call.executor, left.columns(), right.columns(), row_tile, column_tile,
               [&](Index row, Index column, Index rows, Index columns) {
                 write(dw, row, rows, column, columns).noalias() +=
                     read(left, 0, n, row, rows).transpose() * read(right, 0, n, column, columns);
               });
  }
  if (db.present() && db.data != nullptr)
    tiles(*call.executor, outer, 64,
          [&](Index first, Index count) { add_column_sums(dy, first, count, db.as<float>() + first); });
}

}  // namespace tessera::eigen
