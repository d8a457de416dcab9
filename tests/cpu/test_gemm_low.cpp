// Linears in bf16 and int8 on every instruction set of this machine, with and without dot-product instructions:
//   int8: integers multiply exactly; other numbers stay within the bound of rounding both factors
//   bf16: numbers that are bfloat16 already stay within f32's rounding of the sums; others within 2^-8 of each factor
// the same bits in any order of tiles, for both layouts of a weight; nothing written outside; numbers that are not
// finite are not lost. Matrix instructions and dot products agree; so do feed_forward and its two linears, and
// attention in bf16 and in f32.
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
#include "tessera/backends/cpu/attention_amx.hpp"
#include "tessera/backends/cpu/tables.hpp"
#include "tessera/base/thread_pool.hpp"
#include "tessera/ops/attention.hpp"
#include "tessera/ops/feed_forward.hpp"

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
    std::vector<float> first = run(Executor());
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
                                 {33, 64, 64},  {1, 700, 200}, {12, 513, 47}, {6, 384, 50}, {530, 40, 33}};

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

#if defined(TESSERA_CPU_HAS_MATRIX_TILES)
BOOST_AUTO_TEST_CASE(matrix_instructions_and_dot_products_agree) {
  for (const std::uint8_t form : {cpu::bf16_panels, cpu::int8_panels}) {
    const cpu::LowCode both{cpu::x86::tiles_for(form), cpu::amx::matrix_for(form)};
    if (both.tiles == nullptr || both.matrix == nullptr) {
      BOOST_TEST_MESSAGE("this machine has no matrix instructions");
      return;
    }
    for (const Size& size :
         {Size{8, 64, 48}, {16, 128, 97}, {31, 130, 16}, {33, 1000, 63}, {150, 300, 200}, {530, 70, 100}})
      for (const bool narrow : {false, true}) {
        const Precision precision = form == cpu::bf16_panels ? Precision::bf16 : Precision::int8;
        const std::vector<float> x = numbers(size.rows * size.inner, 1), bias = numbers(size.columns, 3);
        std::vector<float> w = numbers(size.inner * size.columns, 2);
        const View plain = View::of(w.data(), DType::f32, size.columns, size.inner);
        Block packed(cpu::make_packing().bytes(plain, ParamUse::matrix, precision));
        (void)cpu::make_packing().pack(plain, ParamUse::matrix, precision, packed.data(), Executor());
        const auto run = [&](const cpu::LowCode& code, std::vector<float>& y, Block& low) {
          cpu::LowGemm g;
          g.form = form;
          g.rows = size.rows;
          g.inner = size.inner;
          g.columns = size.columns;
          g.a = x.data();
          g.a_row = size.inner;
          g.b = static_cast<const std::uint8_t*>(packed.data());
          g.bias = bias.data();
          g.activate = [](float* c, Index c_row, Index rows, Index columns) {
            for (Index r = 0; r < rows; ++r)
              for (Index j = 0; j < columns; ++j) c[r * c_row + j] = std::fabs(c[r * c_row + j]);
          };
          if (narrow)
            g.low = cpu::PreparedRows::in(low.data(), cpu::bf16_panels, size.rows, size.columns);
          else
            g.c = y.data();
          g.c_row = size.columns;
          Block scratch(cpu::PreparedRows::bytes(form, size.rows, size.inner));
          const auto a = cpu::PreparedRows::in(scratch.data(), form, size.rows, size.inner);
          cpu::multiply_rows(code, g, a, Executor());
          BOOST_TEST((scratch.intact() && low.intact()));
          if (!narrow) return;
          for (Index r = 0; r < size.rows; ++r)
            for (Index j = 0; j < size.columns; ++j) {
              std::uint16_t half = 0;
              std::memcpy(&half, g.low.groups + r * g.low.row_bytes + 2 * j, sizeof half);
              y[at(r * size.columns + j)] = std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
            }
        };
        Block low(cpu::PreparedRows::bytes(cpu::bf16_panels, size.rows, size.columns));
        std::vector<float> dots(at(size.rows * size.columns), 7.0F), tiles = dots;
        run({both.tiles, nullptr}, dots, low);
        run(both, tiles, low);
        for (std::size_t i = 0; i < dots.size(); ++i) {
          BOOST_TEST(dots[i] >= 0.0F);
          // bf16 sums in another order: a rounding apart, which may be one of bf16 then.
          const float allowed = form == cpu::int8_panels ? 0.0F
                                : narrow                 ? 0x1p-7F * dots[i] + 1e-4F
                                                         : 1e-6F * static_cast<float>(size.inner);
          BOOST_TEST(std::fabs(dots[i] - tiles[i]) <= allowed);
        }
      }
  }
}
#endif

#if defined(TESSERA_CPU_HAS_DOT_TILES)
namespace {
TESSERA_DOT_TARGET void exponentials(const float* x, float* y) {
  _mm512_storeu_ps(y, cpu::x86::exp_for_bf16(_mm512_loadu_ps(x)));
}
}  // namespace

BOOST_AUTO_TEST_CASE(the_short_exponential_is_as_good_as_it_says) {
  if (cpu::x86::tiles_for(cpu::bf16_panels) == nullptr) return;
  double worst = 0;
  for (int i = 0; i < 16 * 20000; i += 16) {
    float x[16], y[16];
    for (int l = 0; l < 16; ++l) x[l] = -static_cast<float>(i + l) * (87.0F / (16 * 20000));
    exponentials(x, y);
    for (int l = 0; l < 16; ++l)
      worst = std::max(worst, std::fabs(static_cast<double>(y[l]) / std::exp(static_cast<double>(x[l])) - 1));
  }
  BOOST_TEST(worst <= 1.1e-4);
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const float ends[16] = {0, -88, -1000, -1e30F, -infinity, std::numeric_limits<float>::quiet_NaN()};
  float y[16];
  exponentials(ends, y);
  BOOST_TEST(y[0] == 1.0F);
  for (int l = 1; l < 5; ++l) BOOST_TEST(y[l] == 0.0F);
  BOOST_TEST(std::isnan(y[5]));
}
#endif

namespace {
View packed_view(const std::vector<float>& w, Index outputs, Index inputs, Precision precision, Block& room) {
  const View plain = View::of_const(w.data(), DType::f32, outputs, inputs);
  return cpu::make_packing().pack(plain, ParamUse::matrix, precision, room.data(), Executor());
}
std::size_t packed_bytes(Index outputs, Index inputs, Precision precision) {
  return cpu::make_packing().bytes(View::of(nullptr, DType::f32, outputs, inputs), ParamUse::matrix, precision);
}

/// Runs an op of the table, [rows, columns] out.
template <class Op>
std::vector<float> run_op(const View* in, const typename Op::Attributes& attributes, Index rows, Index columns,
                          const Executor& executor) {
  const Kernels kernels = cpu::make_kernels();
  const int id = static_cast<int>(Op::id);
  std::vector<float> y(at(rows * columns), 7.0F);
  Call call;
  call.in = in;
  call.out = View::of(y.data(), DType::f32, rows, columns);
  call.attributes = &attributes;
  call.executor = &executor;
  Block scratch(kernels.scratch[id] != nullptr ? kernels.scratch[id](call) : 0);
  call.scratch = scratch.data();
  kernels.run[id](call);
  BOOST_TEST(scratch.intact());
  return y;
}
}  // namespace

BOOST_AUTO_TEST_CASE(feed_forward_is_its_two_linears) {
  const Precision all[] = {Precision::f32, Precision::bf16, Precision::int8};
  for_every_target([&](const char* target) {
    for (const Precision first : all)
      for (const Precision second : all)
        for (const Index rows : {Index{1}, Index{7}, Index{40}, Index{290}})
          BOOST_TEST_CONTEXT(target << ": " << name(first) << " " << name(second) << " " << rows) {
            const Index inputs = 40, inner = 130, outputs = 52;
            std::vector<float> x = numbers(rows * inputs, 1);
            const std::vector<float> w = numbers(inner * inputs, 2), a = numbers(inner, 3);
            const std::vector<float> v = numbers(outputs * inner, 4), b = numbers(outputs, 5);
            Block w_room(packed_bytes(inner, inputs, first)), v_room(packed_bytes(outputs, inner, second));
            View in[max_inputs];
            in[op::feed_forward::x] = View::of(x.data(), DType::f32, rows, inputs);
            in[op::feed_forward::inner_weight] = packed_view(w, inner, inputs, first, w_room);
            in[op::feed_forward::inner_bias] = View::of_const(a.data(), DType::f32, inner);
            in[op::feed_forward::weight] = packed_view(v, outputs, inner, second, v_room);
            in[op::feed_forward::bias] = View::of_const(b.data(), DType::f32, outputs);
            const auto found = run_op<op::feed_forward>(in, {Activation::gelu, false}, rows, outputs, Executor());

            const View one[max_inputs] = {in[0], in[op::feed_forward::inner_weight], in[op::feed_forward::inner_bias]};
            std::vector<float> between = run_op<op::linear>(one, {false}, rows, inner, Executor());
            const View gelu_in[max_inputs] = {View::of(between.data(), DType::f32, rows, inner)};
            between = run_op<op::gelu>(gelu_in, {}, rows, inner, Executor());
            const View two[max_inputs] = {View::of(between.data(), DType::f32, rows, inner),
                                          in[op::feed_forward::weight], in[op::feed_forward::bias]};
            const auto expected = run_op<op::linear>(two, {false}, rows, outputs, Executor());
            BOOST_TEST((std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) == 0));
          }
  });
}

BOOST_AUTO_TEST_CASE(attention_in_bf16_stays_within_its_bound) {
  struct Shape {
    Index texts, heads, longest, depth, keys;  ///< keys: of a cache; 0: none
    Visibility visibility;
    bool keep, head_mask;
  };
  const Visibility all, causal{true, Fill::replace, -1e4}, cut{true, Fill::set, -1e30};
  for (const Shape& s : {Shape{1, 1, 1, 32, 0, all, false, false},
                         {2, 3, 17, 32, 0, all, true, false},
                         {1, 2, 33, 64, 0, causal, false, true},
                         {2, 2, 128, 64, 0, all, true, true},
                         {1, 1, 70, 20, 0, cut, false, false},
                         {1, 2, 5, 128, 90, causal, false, false},
                         {1, 1, 530, 48, 0, cut, true, false},
                         {1, 1, 600, 33, 0, all, false, false}}) {
    BOOST_TEST_CONTEXT(s.texts << " texts of " << s.longest << ", " << s.heads << " heads of " << s.depth) {
      const Index keys = s.keys > 0 ? s.keys : s.longest, width = s.heads * s.depth, rows = s.texts * s.longest;
      const auto q = numbers(rows * width, 1), k = numbers(s.texts * keys * width, 2);
      const auto v = numbers(s.texts * keys * width, 3), mask = numbers(s.heads, 4);
      std::vector<float> keep(at(s.texts * keys), 1.0F);
      for (Index i = 0; i < s.texts * keys; i += 5) keep[at(i)] = i % keys > 0 ? 0.0F : 1.0F;
      std::vector<std::int32_t> offsets;
      for (Index t = 0; t <= s.texts; ++t) offsets.push_back(static_cast<std::int32_t>(t * s.longest));
      View in[max_inputs];
      in[op::attention::q] = View::of_const(q.data(), DType::f32, rows, width);
      in[op::attention::k] = View::of_const(k.data(), DType::f32, s.texts * keys, width);
      in[op::attention::v] = View::of_const(v.data(), DType::f32, s.texts * keys, width);
      in[op::attention::offsets] = View::of(offsets.data(), DType::i32, s.texts + 1);
      if (s.keep) in[op::attention::keep] = View::of(keep.data(), DType::f32, s.texts, keys);
      if (s.head_mask) in[op::attention::head_mask] = View::of_const(mask.data(), DType::f32, s.heads);
      op::attention::Attributes attributes{s.heads, s.texts, s.longest, 1 / std::sqrt(static_cast<double>(s.depth)),
                                           s.visibility};
      attributes.keys = s.keys;
      attributes.key_rows = s.keys;
      const auto exact = run_op<op::attention>(in, attributes, rows, width, Executor());
      attributes.low_precision = true;
      const auto found = run_op<op::attention>(in, attributes, rows, width, Executor());
      // Keys and values are below 1. A score is off by 2^-8 of the sizes of its terms, a probability then by a factor
      // of e^(2 delta); probabilities and values round as well, to 2^-9 each.
      double mean = 0;
      for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < width; ++j) {
          double terms = 0;
          for (Index d = 0; d < s.depth; ++d)
            terms += std::fabs(static_cast<double>(q[at(i * width + j / s.depth * s.depth + d)]));
          const double bound = std::expm1(0x1p-7 * terms * attributes.scale) + 0x1.2p-8;
          const double error = std::fabs(static_cast<double>(found[at(i * width + j)] - exact[at(i * width + j)]));
          BOOST_TEST(error <= bound);
          mean += error / static_cast<double>(rows * width);
        }
      BOOST_TEST(mean <= 0x1p-9);
      static ThreadPool pool;
      if (pool.threads() == 1) BOOST_REQUIRE(pool.start(3));
      const auto again = run_op<op::attention>(in, attributes, rows, width, pool.executor());
      BOOST_TEST((std::memcmp(found.data(), again.data(), found.size() * sizeof(float)) == 0));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_chunk_of_hidden_keys_alone_changes_nothing) {
  const Index heads = 2, depth = 48, width = heads * depth, keys = 1100, hidden = 1000;
  for (const Index queries : {1, 2, 5}) {  // one and two are decoded
    const auto q = numbers(queries * width, 1), k = numbers(keys * width, 2), v = numbers(keys * width, 3);
    std::vector<float> keep(at(keys), 1.0F);
    std::fill(keep.begin(), keep.begin() + hidden, 0.0F);
    const Visibility minus_infinity{false, Fill::set, -std::numeric_limits<double>::infinity()};
    op::attention::Attributes attributes{heads, 1, queries, 1 / std::sqrt(static_cast<double>(depth)), minus_infinity};
    const auto run = [&](Index first, bool low) {
      View in[max_inputs];
      const Index count = keys - first;
      in[op::attention::q] = View::of_const(q.data(), DType::f32, queries, width);
      in[op::attention::k] = View::of_const(k.data() + first * width, DType::f32, count, width);
      in[op::attention::v] = View::of_const(v.data() + first * width, DType::f32, count, width);
      in[op::attention::keep] = View::of(keep.data() + first, DType::f32, Index{1}, count);
      attributes.keys = attributes.key_rows = count;
      attributes.low_precision = low;
      return run_op<op::attention>(in, attributes, queries, width, Executor());
    };
    for (const bool low : {false, true}) {
      const auto all = run(0, low), seen = run(hidden, low);
      for (std::size_t i = 0; i < all.size(); ++i)
        BOOST_TEST(std::fabs(all[i] - seen[i]) <= (low ? 0x1p-10F : 2e-6F));  // rounded beside another top
      keep.assign(at(keys), 0.0F);
      for (const float y : run(0, low)) BOOST_TEST(std::isnan(y));  // as softmax over nothing
      std::fill(keep.begin() + hidden, keep.end(), 1.0F);
    }
  }
}

BOOST_AUTO_TEST_CASE(texts_of_unequal_length_attend_as_each_alone) {
  const Index heads = 2, depth = 32, width = heads * depth;
  std::vector<std::int32_t> offsets = {0, 5, 75, 76, 109};
  const Index texts = 4, rows = offsets.back();
  const auto q = numbers(rows * width, 1), k = numbers(rows * width, 2), v = numbers(rows * width, 3);
  const auto run = [&](Index first, Index count, Index longest, std::vector<std::int32_t> ends) {
    View in[max_inputs];
    in[op::attention::q] = View::of_const(q.data() + first * width, DType::f32, count, width);
    in[op::attention::k] = View::of_const(k.data() + first * width, DType::f32, count, width);
    in[op::attention::v] = View::of_const(v.data() + first * width, DType::f32, count, width);
    in[op::attention::offsets] = View::of(ends.data(), DType::i32, static_cast<Index>(ends.size()));
    op::attention::Attributes attributes{heads, static_cast<Index>(ends.size()) - 1, longest, 0.2, Visibility{}};
    attributes.low_precision = true;
    return run_op<op::attention>(in, attributes, count, width, Executor());
  };
  const auto all = run(0, rows, 70, offsets);
  for (Index t = 0; t < texts; ++t) {
    const Index first = offsets[at(t)], count = offsets[at(t + 1)] - first;
    const auto alone = run(first, count, count, {0, static_cast<std::int32_t>(count)});
    BOOST_TEST((std::memcmp(all.data() + first * width, alone.data(), alone.size() * sizeof(float)) == 0));
  }
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
