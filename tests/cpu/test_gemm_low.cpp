// Linears in bf16 and int8 on every instruction set of this machine, with and without dot-product instructions:
//   int8: integers multiply exactly; other numbers stay within the bound of rounding both factors
//   bf16: numbers that are bfloat16 already stay within f32's rounding of the sums; others within 2^-8 of each factor
// the same bits in any order of tiles, for both layouts of a weight; nothing written outside; numbers that are not
// finite are not lost.
#define BOOST_TEST_MODULE cpu_gemm_low
#include <boost/test/unit_test.hpp>

#ifdef TESSERA_WITH_CPU
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "cpu/every_target.hpp"
#include "tessera/backends/cpu/gemm_low.hpp"
#include "tessera/backends/cpu/tables.hpp"
#include "tessera/base/thread_pool.hpp"
#include "tessera/ops/linear.hpp"

using namespace tessera;

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

std::vector<float> numbers(Index count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> v(at(count));
  for (float& x : v) x = uniform(random);
  return v;
}

/// h(i, j) of cpu::rotation_block.
double hadamard(Index i, Index j) { return std::popcount(static_cast<unsigned>(i & j)) % 2 == 0 ? 1 : -1; }

/// The definition of cpu::rotation_block, for one row.
std::vector<double> rotated(const std::vector<double>& x, double factor) {
  std::vector<double> y = x;
  for (std::size_t block = 0; block + 128 <= x.size(); block += 128)
    for (Index i = 0; i < 8; ++i)
      for (Index l = 0; l < 16; ++l) {
        double sum = 0;
        for (Index j = 0; j < 8; ++j) sum += hadamard(i, j) * x[block + at(16 * j + l)];
        y[block + at(16 * i + l)] = factor * sum;
      }
  return y;
}

/// Memory aligned to 64, with guards behind it.
class Block {
 public:
  explicit Block(std::size_t bytes) : bytes_(bytes), store_(bytes + 192, 0xa5) {
    const auto address = reinterpret_cast<std::uintptr_t>(store_.data());
    data_ = store_.data() + (64 - address % 64);
  }
  void* data() { return data_; }
  bool intact() const {
    for (std::size_t i = 0; i < 64; ++i)
      if (data_[bytes_ + i] != 0xa5) return false;
    return true;
  }

 private:
  std::size_t bytes_;
  std::vector<std::uint8_t> store_;
  std::uint8_t* data_;
};

/// y = x w^T + bias by the cpu backend. x: [rows, inner], `gap` numbers apart; w: [columns, inner].
struct Linear {
  Index rows, inner, columns;
  Precision precision;
  std::vector<float> x, w, bias;
  Index gap = 0;
  bool in_out = false;

  std::vector<float> run(const Executor& executor) const {
    const Packing packing = cpu::make_packing();
    const Kernels kernels = cpu::make_kernels();
    std::vector<float> stored = w;
    if (in_out)
      for (Index j = 0; j < columns; ++j)
        for (Index k = 0; k < inner; ++k) stored[at(k * columns + j)] = w[at(j * inner + k)];
    const View plain = in_out ? View::of(stored.data(), DType::f32, inner, columns)
                              : View::of(stored.data(), DType::f32, columns, inner);
    const ParamUse use = in_out ? ParamUse::matrix_io : ParamUse::matrix;
    Block packed(packing.bytes(plain, use, precision));
    View in[max_inputs];
    in[op::linear::weight] = packing.pack(plain, use, precision, packed.data(), executor);
    BOOST_TEST(packed.intact());
    std::vector<float> spaced(at(rows * (inner + gap)), 1e9F);
    for (Index r = 0; r < rows; ++r)
      std::memcpy(spaced.data() + r * (inner + gap), x.data() + r * inner, at(inner) * sizeof(float));
    in[op::linear::x] = View::of(spaced.data(), DType::f32, rows, inner);
    in[op::linear::x].row_stride = inner + gap;
    in[op::linear::bias] = View::of_const(bias.data(), DType::f32, columns);
    std::vector<float> y(at(rows * (columns + gap)), 7.0F);
    Call call;
    call.in = in;
    call.out = View::of(y.data(), DType::f32, rows, columns);
    call.out.row_stride = columns + gap;
    const op::linear::Attributes attributes{in_out};
    call.attributes = &attributes;
    call.executor = &executor;
    const int id = static_cast<int>(OpId::linear);
    Block scratch(kernels.scratch[id] != nullptr ? kernels.scratch[id](call) : 0);
    call.scratch = scratch.data();
    kernels.run[id](call);
    BOOST_TEST(scratch.intact());
    std::vector<float> dense;
    for (Index r = 0; r < rows; ++r) {
      const float* const row = y.data() + r * (columns + gap);
      dense.insert(dense.end(), row, row + columns);
      for (Index j = 0; j < gap; ++j) BOOST_TEST(row[columns + j] == 7.0F);
    }
    return dense;
  }
  /// The one result that all executors and both layouts give.
  std::vector<float> checked() {
    const Executor backwards(
        [](void*, std::int64_t count, Executor::Body body, void* argument) {
          for (std::int64_t i = count; i-- > 0;) body(argument, i);
        },
        nullptr, 5);
    static ThreadPool pool;
    if (pool.threads() == 1) BOOST_REQUIRE(pool.start(3));
    const std::vector<float> first = run(Executor());
    for (const Executor& executor : {backwards, pool.executor()}) {
      const std::vector<float> again = run(executor);
      BOOST_TEST((std::memcmp(first.data(), again.data(), first.size() * sizeof(float)) == 0));
    }
    in_out = !in_out;
    const std::vector<float> other = run(Executor());
    in_out = !in_out;
    BOOST_TEST((std::memcmp(first.data(), other.data(), first.size() * sizeof(float)) == 0));
    return first;
  }

  /// The largest |y - exact| / bound(row, column) over all, where `a` and `b` are what is multiplied.
  template <class Bound>
  double worst(const std::vector<float>& y, const std::vector<std::vector<double>>& a,
               const std::vector<std::vector<double>>& b, const Bound& bound) const {
    double most = 0;
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < columns; ++j) {
        double sum = static_cast<double>(bias[at(j)]);
        for (Index k = 0; k < inner; ++k) sum += a[at(i)][at(k)] * b[at(j)][at(k)];
        const double error = std::fabs(static_cast<double>(y[at(i * columns + j)]) - sum) / bound(i, j);
        if (!(error <= most)) most = error;
      }
    return most;
  }
};

std::vector<std::vector<double>> split(const std::vector<float>& x, Index width) {
  std::vector<std::vector<double>> rows;
  for (std::size_t i = 0; i < x.size(); i += at(width))
    rows.emplace_back(x.begin() + static_cast<std::ptrdiff_t>(i), x.begin() + static_cast<std::ptrdiff_t>(i) + width);
  return rows;
}

struct Size {
  Index rows, inner, columns;
};
const std::vector<Size> sizes = {{1, 1, 1},     {1, 3, 17},    {2, 4, 16},    {3, 5, 48},   {4, 127, 49},
                                 {5, 128, 100}, {7, 129, 31},  {8, 130, 96},  {9, 256, 15}, {17, 300, 145},
                                 {33, 64, 64},  {1, 700, 200}, {12, 513, 47}, {6, 384, 50}};

template <class F>
void for_all(const F& f) {
  for_every_target([&](const char* target) {
    for (const Size& size : sizes)
      BOOST_TEST_CONTEXT(target << ": " << size.rows << " x " << size.inner << " x " << size.columns) { f(size); }
  });
}

/// Integers whose rotated forms are integers of at most 8 bits, with the largest range there is: scales are 1.
Linear integers(const Size& size) {
  Linear linear{size.rows, size.inner, size.columns, Precision::int8, {}, {}, {}, 3, false};
  std::mt19937 random(5);
  const auto fill = [&](Index rows, Index low, Index high, double factor, std::vector<float>& to) {
    for (Index i = 0; i < rows; ++i) {
      std::vector<double> q;
      for (Index k = 0; k < size.inner; ++k) q.push_back(static_cast<double>(static_cast<int>(random() % 7) - 3));
      q[random() % q.size()] = static_cast<double>(low);
      q[random() % q.size()] = static_cast<double>(high);
      for (const double x : rotated(q, factor)) to.push_back(static_cast<float>(x));
    }
  };
  fill(size.rows, -100, 154, 0.125, linear.x);
  fill(size.columns, -2, 127, 1, linear.w);
  for (Index j = 0; j < size.columns; ++j) linear.bias.push_back(static_cast<float>(j % 9));
  return linear;
}

}  // namespace

BOOST_AUTO_TEST_CASE(integers_multiply_exactly) {
  for_all([](const Size& size) {
    if (size.inner < 3) return;
    Linear linear = integers(size);
    const std::vector<float> y = linear.checked();
    // A row that lost one end of its range to the other has another scale; it is left to the other tests.
    const auto a = split(linear.x, size.inner);
    for (Index i = 0; i < size.rows; ++i) {
      const std::vector<double> q = rotated(a[at(i)], 1);
      if (*std::min_element(q.begin(), q.end()) != -100 || *std::max_element(q.begin(), q.end()) != 154) continue;
      for (Index j = 0; j < size.columns; ++j) {
        double sum = static_cast<double>(linear.bias[at(j)]);
        for (Index k = 0; k < size.inner; ++k)
          sum += static_cast<double>(linear.x[at(i * size.inner + k)]) *
                 static_cast<double>(linear.w[at(j * size.inner + k)]);
        BOOST_TEST(static_cast<double>(y[at(i * size.columns + j)]) == sum);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(int8_stays_within_its_bound) {
  for_all([](const Size& size) {
    Linear linear{size.rows,
                  size.inner,
                  size.columns,
                  Precision::int8,
                  numbers(size.rows * size.inner, 1),
                  numbers(size.inner * size.columns, 2),
                  numbers(size.columns, 3),
                  size.rows % 3,
                  false};
    linear.x[0] = 30;  // far larger than the others
    const std::vector<float> y = linear.checked();
    auto a = split(linear.x, size.inner);
    auto b = split(linear.w, size.inner);
    std::vector<double> a_step, b_step;
    for (auto& row : a) {
      row = rotated(row, 1);
      const double low = std::min(0.0, *std::min_element(row.begin(), row.end()));
      const double high = std::max(0.0, *std::max_element(row.begin(), row.end()));
      a_step.push_back((high - low) / 254);
    }
    for (auto& row : b) {
      row = rotated(row, 0.125);
      double most = 0;
      for (const double w : row) most = std::max(most, std::fabs(w));
      b_step.push_back(most / 127);
    }
    const double worst = linear.worst(y, a, b, [&](Index i, Index j) {
      double bound = 1e-6;
      for (Index k = 0; k < size.inner; ++k) {
        const double x = std::fabs(a[at(i)][at(k)]);
        const double w = std::fabs(b[at(j)][at(k)]);
        bound += x * b_step[at(j)] / 2 + w * a_step[at(i)] / 2 + a_step[at(i)] * b_step[at(j)] / 4 + 2e-6 * x * w;
      }
      return bound;
    });
    BOOST_TEST(worst <= 1);
  });
}

BOOST_AUTO_TEST_CASE(bf16_multiplies_what_it_rounded) {
  for_all([](const Size& size) {
    Linear linear{size.rows,
                  size.inner,
                  size.columns,
                  Precision::bf16,
                  numbers(size.rows * size.inner, 4),
                  numbers(size.inner * size.columns, 5),
                  numbers(size.columns, 6),
                  size.rows % 3,
                  false};
    // Rows that bf16 can hold: a backend may round them or not.
    for (float& x : linear.x) x = from_bf16(to_bf16(x));
    const std::vector<float> y = linear.checked();
    auto a = split(linear.x, size.inner);
    auto b = split(linear.w, size.inner);
    for (auto& row : b)
      for (double& w : row) w = static_cast<double>(from_bf16(to_bf16(static_cast<float>(w))));
    const double worst = linear.worst(y, a, b, [&](Index i, Index j) {
      double sizes_of_terms = std::fabs(static_cast<double>(linear.bias[at(j)])) + 1e-6;
      for (Index k = 0; k < size.inner; ++k) sizes_of_terms += std::fabs(a[at(i)][at(k)] * b[at(j)][at(k)]);
      return 2e-6 * sizes_of_terms;  // as the f32 product
    });
    BOOST_TEST(worst <= 1);
  });
}

BOOST_AUTO_TEST_CASE(bf16_stays_within_its_bound) {
  for_all([](const Size& size) {
    Linear linear{size.rows,
                  size.inner,
                  size.columns,
                  Precision::bf16,
                  numbers(size.rows * size.inner, 7),
                  numbers(size.inner * size.columns, 8),
                  numbers(size.columns, 9),
                  0,
                  false};
    const std::vector<float> y = linear.run(Executor());
    const auto a = split(linear.x, size.inner);
    const auto b = split(linear.w, size.inner);
    const double worst = linear.worst(y, a, b, [&](Index i, Index j) {
      double sizes_of_terms = 1e-6;
      for (Index k = 0; k < size.inner; ++k) sizes_of_terms += std::fabs(a[at(i)][at(k)] * b[at(j)][at(k)]);
      return 0x1.01p-8 * sizes_of_terms;  // each factor to nearest of 8 bits
    });
    BOOST_TEST(worst <= 1);
  });
}

BOOST_AUTO_TEST_CASE(several_blocks_along_inner_and_several_tiles) {
  for (const Precision precision : {Precision::bf16, Precision::int8})
    for (const Size& size : {Size{150, 800, 100}, {64, 3500, 129}, {3, 6401, 300}, {270, 260, 97}}) {
      BOOST_TEST_CONTEXT(name(precision) << " " << size.rows << " x " << size.inner << " x " << size.columns) {
        Linear linear{size.rows,
                      size.inner,
                      size.columns,
                      precision,
                      numbers(size.rows * size.inner, 1),
                      numbers(size.inner * size.columns, 2),
                      numbers(size.columns, 3),
                      0,
                      false};
        const std::vector<float> y = linear.checked();
        const auto a = split(linear.x, size.inner);
        const auto b = split(linear.w, size.inner);
        // Errors of the terms are independent: in units of the root of their number.
        const double unit = (precision == Precision::bf16 ? 0x1p-8 : 0x1.8p-6) / 3;
        const double worst =
            linear.worst(y, a, b, [&](Index, Index) { return 6 * unit * std::sqrt(static_cast<double>(size.inner)); });
        BOOST_TEST(worst <= 1);
      }
    }
}

BOOST_AUTO_TEST_CASE(a_number_that_is_not_finite_spoils_its_row_and_no_other) {
  for_every_target([](const char* target) {
    for (const Precision precision : {Precision::bf16, Precision::int8})
      for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity()})
        for (const Index place : {Index{5}, Index{199}}) {
          BOOST_TEST_CONTEXT(target << " " << name(precision) << " " << bad << " at " << place) {
            Linear linear{3, 200, 20, precision, numbers(600, 1), numbers(4000, 2), numbers(20, 3), 0, false};
            linear.x[at(200 + place)] = bad;
            const std::vector<float> y = linear.run(Executor());
            for (Index j = 0; j < 20; ++j) {
              BOOST_TEST(std::isfinite(y[at(j)]));
              BOOST_TEST(!std::isfinite(y[at(20 + j)]));
              BOOST_TEST(std::isfinite(y[at(40 + j)]));
            }
            Linear spoilt{3, 200, 20, precision, numbers(600, 1), numbers(4000, 2), numbers(20, 3), 0, false};
            spoilt.w[at(200 * 7 + place)] = bad;
            const std::vector<float> z = spoilt.run(Executor());
            for (Index i = 0; i < 3; ++i)
              for (Index j = 0; j < 20; ++j) BOOST_TEST(std::isfinite(z[at(20 * i + j)]) == (j != 7));
          }
        }
  });
}

BOOST_AUTO_TEST_CASE(rows_and_columns_of_zeros_leave_the_bias) {
  for_every_target([](const char* target) {
    for (const Precision precision : {Precision::bf16, Precision::int8}) {
      BOOST_TEST_CONTEXT(target << " " << name(precision)) {
        Linear linear{2, 150, 5, precision, std::vector<float>(300, 0.0F), numbers(750, 2), numbers(5, 3), 0, false};
        linear.x[299] = 1e-38F;
        const std::vector<float> y = linear.run(Executor());
        for (Index j = 0; j < 10; ++j) BOOST_TEST(y[at(j)] == linear.bias[at(j % 5)]);
        Linear zeros{2, 150, 5, precision, numbers(300, 1), std::vector<float>(750, 0.0F), numbers(5, 3), 0, false};
        const std::vector<float> z = zeros.run(Executor());
        for (Index j = 0; j < 10; ++j) BOOST_TEST(z[at(j)] == zeros.bias[at(j % 5)]);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(memory_is_a_half_and_a_quarter) {
  const Packing packing = cpu::make_packing();
  const View w = View::of(nullptr, DType::f32, Index{768}, Index{768});
  const std::size_t f32 = packing.bytes(w, ParamUse::matrix, Precision::f32);
  BOOST_TEST(packing.bytes(w, ParamUse::matrix, Precision::bf16) * 2 == f32);
  BOOST_TEST(packing.bytes(w, ParamUse::matrix, Precision::int8) * 100 < f32 * 26);
  BOOST_TEST(packing.bytes(w, ParamUse::table, Precision::int8) == 0U);
}
#else
BOOST_AUTO_TEST_CASE(not_built_here) { BOOST_TEST_MESSAGE("the cpu backend is not built here"); }
#endif
