// matmul: out = scale * a b, or scale * a b^T, for each text and head, and its gradient.
#include "tessera/ops/matmul.hpp"
#include "tessera/backends/eigen/maps.inl"

namespace tessera::inline TESSERA_ISA::eigen {

namespace {
constexpr Index row_tile = 64;

/// body(batch, row, rows) for row tiles of all matrices of a [B, h, M, N] view.
template <class F>
void each_matrix(const Executor& executor, const View& v, const F& body) {
  const Index rows = v.dim[2], batches = v.dim[0] * v.dim[1];
  const Index down = (rows + row_tile - 1) / row_tile;
  executor.parallel_for(batches * down, [&](Index t) {
    const Index row = t % down * row_tile;
    body(t / down, row, std::min(row_tile, rows - row));
  });
}
}  // namespace

void matmul(const Call& call) {
  using op = tessera::op::matmul;
  const View& a = call.in[op::a];
  const View& b = call.in[op::b];
  const View& out = call.out;
  const bool transposed = call.as<op>().transpose_b;
  const auto scale = static_cast<float>(call.as<op>().scale);
  const Index m = a.dim[2], inner = a.dim[3], columns = out.dim[3];
  each_matrix(*call.executor, out, [&](Index batch, Index row, Index rows) {
    const ConstMap left = read(a, batch * m + row, rows, 0, inner);
    const ConstMap right = read(b, batch * b.dim[2], b.dim[2], 0, b.dim[3]);
    Map to = write(out, batch * m + row, rows, 0, columns);
    if (transposed)
      to.noalias() = left * right.transpose();
    else
      to.noalias() = left * right;
    if (scale != 1.0F) to *= scale;
  });
}

void matmul_vjp(const VjpCall& call) {
  using op = tessera::op::matmul;
  const View& a = call.in[op::a];
  const View& b = call.in[op::b];
  const View& dout = call.out_grad;
  const View& da = call.in_grad[op::a];
  const View& db = call.in_grad[op::b];
  const bool transposed = call.as<op>().transpose_b;
  const auto scale = static_cast<float>(call.as<op>().scale);
  const Index m = a.dim[2], inner = a.dim[3], columns = dout.dim[3];
  if (da.data != nullptr)
    each_matrix(*call.executor, a, [&](Index batch, Index row, Index rows) {
      const ConstMap gradient = read(dout, batch * m + row, rows, 0, columns);
      const ConstMap right = read(b, batch * b.dim[2], b.dim[2], 0, b.dim[3]);
      Map to = write(da, batch * m + row, rows, 0, inner);
      if (transposed)
        to.noalias() += scale * (gradient * right);
      else
        to.noalias() += scale * (gradient * right.transpose());
    });
  if (db.data != nullptr)
    each_matrix(*call.executor, b, [&](Index batch, Index row, Index rows) {
      Map to = write(db, batch * b.dim[2] + row, rows, 0, b.dim[3]);
      if (transposed)
        to.noalias() += scale * (read(dout, batch * m, m, row, rows).transpose() * read(a, batch * m, m, 0, inner));
      else
        to.noalias() += scale * (read(a, batch * m, m, row, rows).transpose() * read(dout, batch * m, m, 0, columns));
    });
}

}  // namespace tessera::eigen
