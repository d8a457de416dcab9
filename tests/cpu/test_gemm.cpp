// The matrix product against sums in double: odd sizes, packed and plain, transposed, strided, accumulated, batched;
// the same bits in any order of tiles; nothing written outside. On every instruction set of this machine.
#define BOOST_TEST_MODULE cpu_gemm
#include <boost/test/unit_test.hpp>

#ifdef TESSERA_WITH_CPU
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "cpu/every_target.hpp"
#include "tessera/backends/cpu/gemm.hpp"
#include "tessera/backends/cpu/prefetch.hpp"
#include "tessera/backends/cpu/tables.hpp"

using tessera::Executor;
using tessera::Index;
using tessera::cpu::Gemm;

namespace {

std::vector<float> numbers(Index count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> v(static_cast<std::size_t>(count));
  for (float& x : v) x = uniform(random);
  return v;
}

Executor backwards() {
  return Executor(
      [](void*, std::int64_t count, Executor::Body body, void* argument) {
        for (std::int64_t i = count; i-- > 0;) body(argument, i);
      },
      nullptr, 5);
}

struct Form {
  bool packed = false;
  bool a_turned = false;  ///< a is stored [inner, rows]
  bool b_turned = false;  ///< b is stored [columns, inner]
  bool bias = false;
  bool accumulate = false;
  Index batch = 1;
  Index gap = 0;  ///< between the rows of a and c
};

void check(Index rows, Index inner, Index columns, const Form& form) {
  const Index a_row = (form.a_turned ? rows : inner) + form.gap;
  const Index a_rows = form.a_turned ? inner : rows;
  const Index c_row = columns + form.gap;
  const std::vector<float> a = numbers(form.batch * a_rows * a_row, 1);
  const std::vector<float> b = numbers(form.batch * inner * columns, 2);
  const std::vector<float> bias = numbers(columns, 3);
  const std::vector<float> before = numbers(form.batch * rows * c_row, 4);
  std::vector<float> c = before;
  // Packed panels: aligned, as an arena gives them.
  std::vector<float> store(static_cast<std::size_t>(tessera::cpu::packed_count(inner, columns)) + 16);
  void* panels = store.data();
  std::size_t space = store.size() * sizeof(float);
  std::align(64, space - 64, panels, space);

  Gemm g;
  g.batch = form.batch;
  g.rows = rows;
  g.inner = inner;
  g.columns = columns;
  g.a = a.data();
  g.a_row = form.a_turned ? 1 : a_row;
  g.a_step = form.a_turned ? a_row : 1;
  g.a_batch = a_rows * a_row;
  g.b = b.data();
  g.b_step = form.b_turned ? 1 : columns;
  g.b_column = form.b_turned ? inner : 1;
  g.b_batch = inner * columns;
  g.bias = form.bias ? bias.data() : nullptr;
  g.accumulate = form.accumulate;
  g.scale = form.packed ? 1.0F : 0.37F;
  g.c = c.data();
  g.c_row = c_row;
  g.c_batch = rows * c_row;
  if (form.packed) {
    const tessera::Packing packing = tessera::cpu::make_packing();
    const auto plain = form.b_turned ? tessera::View::of_const(b.data(), tessera::DType::f32, columns, inner)
                                     : tessera::View::of_const(b.data(), tessera::DType::f32, inner, columns);
    const auto use = form.b_turned ? tessera::ParamUse::matrix : tessera::ParamUse::matrix_io;
    BOOST_REQUIRE(packing.bytes(plain, use, tessera::Precision::f32) ==
                  static_cast<std::size_t>(tessera::cpu::packed_count(inner, columns)) * sizeof(float));
    g.b = packing.pack(plain, use, tessera::Precision::f32, panels, Executor()).as<float>();
    g.packed = true;
    g.panel_stride = inner * tessera::cpu::panel_width;
  }
  tessera::cpu::gemm(g, Executor());

  double worst = 0;
  bool outside = false;
  for (Index n = 0; n < form.batch; ++n)
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < c_row; ++j) {
        const std::size_t place = static_cast<std::size_t>((n * rows + i) * c_row + j);
        if (j >= columns) {
          outside = outside || c[place] != before[place];
          continue;
        }
        double sum = 0;
        double sizes = 0;
        for (Index k = 0; k < inner; ++k) {
          const Index from_a = n * g.a_batch + i * g.a_row + k * g.a_step;
          const Index from_b = n * g.b_batch + (form.b_turned ? j * inner + k : k * columns + j);
          const double term = static_cast<double>(a[static_cast<std::size_t>(from_a)]) *
                              static_cast<double>(b[static_cast<std::size_t>(from_b)]) * static_cast<double>(g.scale);
          sum += term;
          sizes += std::fabs(term);
        }
        const float start = form.accumulate ? before[place] : form.bias ? bias[static_cast<std::size_t>(j)] : 0.0F;
        sum += static_cast<double>(start);
        sizes += std::fabs(static_cast<double>(start)) + 1e-6;
        // A sum of n terms in f32 errs by less than n half units of its sizes; in practice far less.
        const double error = std::fabs(static_cast<double>(c[place]) - sum) / sizes;
        if (!(error <= worst)) worst = error;
      }
  BOOST_TEST_CONTEXT(rows << " x " << inner << " x " << columns << " packed " << form.packed << " turned "
                          << form.a_turned << form.b_turned << " bias " << form.bias << " accumulate "
                          << form.accumulate << " gap " << form.gap) {
    BOOST_TEST(worst < 2e-6);
    BOOST_TEST(!outside);
    std::vector<float> again = before;
    g.c = again.data();
    tessera::cpu::gemm(g, backwards());
    BOOST_TEST((std::memcmp(again.data(), c.data(), c.size() * sizeof(float)) == 0));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(odd_sizes) {
  tessera::for_every_target([](const char* name) {
    BOOST_TEST_CONTEXT(name) {
      for (const Index rows : {1, 2, 3, 4, 5, 7, 8, 9, 17, 33})
        for (const Index inner : {1, 3, 4, 13, 64})
          for (const Index columns : {1, 3, 15, 16, 17, 47, 48, 49, 100})
            for (int kind = 0; kind < 4; ++kind) {
              Form form;
              form.packed = kind < 2;
              form.b_turned = kind % 2 == 0;
              form.bias = columns % 2 == 1;
              form.gap = rows % 3;
              check(rows, inner, columns, form);
            }
    }
  });
}

BOOST_AUTO_TEST_CASE(forms_of_gradients) {
  tessera::for_every_target([](const char* name) {
    BOOST_TEST_CONTEXT(name) {
      for (const Index rows : {1, 5, 48})
        for (const Index inner : {1, 9, 40})
          for (const Index columns : {7, 48, 50})
            for (const bool turned : {false, true}) {
              Form form;
              form.a_turned = turned;
              form.b_turned = !turned;
              form.accumulate = true;
              form.batch = 3;
              form.gap = 2;
              check(rows, inner, columns, form);
            }
    }
  });
}

BOOST_AUTO_TEST_CASE(several_blocks_along_inner_and_several_tiles) {
  for (const bool packed : {false, true})
    for (const auto& [rows, inner, columns] :
         {std::tuple<Index, Index, Index>{150, 800, 100}, {64, 1601, 129}, {3, 1000, 700}}) {
      Form form;
      form.packed = packed;
      form.b_turned = true;
      form.bias = true;
      check(rows, inner, columns, form);
    }
}

BOOST_AUTO_TEST_CASE(a_part_of_the_tiles_ends_where_the_pool_ends_it) {
  for (Index threads = 1; threads <= 9; ++threads) {
    for (Index tiles = 1; tiles <= 40; ++tiles) {
      std::vector<Index> start(static_cast<std::size_t>(tiles), -1);  // by the last tile of each part
      for (Index part = 0; part < threads; ++part) {
        const Index first = tiles * part / threads, end = tiles * (part + 1) / threads;  // ThreadPool::run_tiles
        if (first < end) start[static_cast<std::size_t>(end - 1)] = first;
      }
      const tessera::cpu::TileParts parts{tiles, threads};
      for (Index tile = 0; tile < tiles; ++tile)
        BOOST_TEST(parts.next_start(tile) == start[static_cast<std::size_t>(tile)]);
    }
  }
}

BOOST_AUTO_TEST_CASE(nothing_along_inner_leaves_the_bias) {
  const float bias[3] = {1, 2, 3};
  float c[6] = {9, 9, 9, 9, 9, 9};
  Gemm g;
  g.a = bias;
  g.b = bias;
  g.rows = 2;
  g.columns = 3;
  g.b_step = 1;
  g.bias = bias;
  g.c = c;
  g.c_row = 3;
  tessera::cpu::gemm(g, Executor());
  for (int i = 0; i < 6; ++i) BOOST_TEST(c[i] == bias[i % 3]);
}
#else
BOOST_AUTO_TEST_CASE(not_built_here) { BOOST_TEST_MESSAGE("the cpu backend is not built here"); }
#endif
