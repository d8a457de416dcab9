// Views as Eigen maps, and the cutting of work into tiles; included by the kernels of this folder alone.
//
// All tiles depend on shapes only. Eigen's own threads stay off: ours run one tile each.
#pragma once

#ifndef EIGEN_DONT_PARALLELIZE
#define EIGEN_DONT_PARALLELIZE
#endif
#include <Eigen/Core>
#include <algorithm>

#include "tessera/backends/eigen/kernels.hpp"

namespace tessera::inline TESSERA_ISA::eigen {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
/// Rows that may lie apart.
using Map = Eigen::Map<Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;
using ConstMap = Eigen::Map<const Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;
/// One row, or any line of numbers, for elementwise work.
using Line = Eigen::Map<Eigen::Array<float, 1, Eigen::Dynamic>>;
using ConstLine = Eigen::Map<const Eigen::Array<float, 1, Eigen::Dynamic>>;

inline Map map(float* data, Index rows, Index columns, Index row_stride) {
  return Map(data, rows, columns, Eigen::OuterStride<>(row_stride));
}
inline ConstMap map(const float* data, Index rows, Index columns, Index row_stride) {
  return ConstMap(data, rows, columns, Eigen::OuterStride<>(row_stride));
}
/// Rows [first, first + rows) of a view, columns [column, column + columns).
inline ConstMap read(const View& v, Index first, Index rows, Index column, Index columns) {
  return map(v.row<const float>(first) + column, rows, columns, v.row_stride);
}
inline Map write(const View& v, Index first, Index rows, Index column, Index columns) {
  return map(v.row<float>(first) + column, rows, columns, v.row_stride);
}

/// body(first, count) for [0, n) in pieces of `tile`.
template <class F>
void tiles(const Executor& executor, Index n, Index tile, const F& body) {
  executor.parallel_for((n + tile - 1) / tile,
                        [&](Index t) { body(t * tile, std::min(tile, n - t * tile)); });
}

/// body(row, column, rows, columns) for a result of these sizes in rectangles.
template <class F>
void rectangles(const Executor& executor, Index rows, Index columns, Index row_tile, Index column_tile, const F& body) {
  const Index across = (columns + column_tile - 1) / column_tile;
  const Index down = (rows + row_tile - 1) / row_tile;
  executor.parallel_for(down * across, [&](Index t) {
    const Index row = t / across * row_tile, column = t % across * column_tile;
    body(row, column, std::min(row_tile, rows - row), std::min(column_tile, columns - column));
  });
}

/// Numbers in a tile of elementwise work: enough that handing it out costs little.
inline constexpr Index line_tile = 4096;

/// body(r, column, count) for pieces of rows: whole rows of strided views, long lines of contiguous ones (r is 0 then).
template <class F>
void lines(const Executor& executor, const View& shape, bool contiguous, const F& body) {
  if (contiguous) {
    tiles(executor, shape.count(), line_tile, [&](Index first, Index count) { body(Index{0}, first, count); });
    return;
  }
  const Index rows_each = std::max<Index>(1, line_tile / std::max<Index>(1, shape.columns()));
  tiles(executor, shape.rows(), rows_each, [&](Index first, Index count) {
    for (Index r = first; r < first + count; ++r) body(r, Index{0}, shape.columns());
  });
}

}  // namespace tessera::eigen
