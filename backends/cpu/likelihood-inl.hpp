// log_softmax and negative_log_likelihood: rows of scores over large vocabularies.
#if defined(TESSERA_CPU_LIKELIHOOD_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_LIKELIHOOD_INL
#undef TESSERA_CPU_LIKELIHOOD_INL
#else
#define TESSERA_CPU_LIKELIHOOD_INL
#endif

#include <cmath>

#include "tessera/backends/cpu/softmax-inl.hpp"
#include "tessera/base/assert.hpp"
#include "tessera/ops/log_softmax.hpp"
#include "tessera/ops/negative_log_likelihood.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

/// The largest of a row, and log sum e^(x - largest). Sums of 4096 are added in double: a vocabulary is long.
struct LogSum {
  float largest;
  double log_sum;
};
HWY_NOINLINE inline LogSum log_sum_of(const float* x, Index n) {
  const F32 d;
  const Index step = lanes();
  const Index whole = n / step * step;
  float largest = largest_of(x, whole);
  for (Index j = whole; j < n; ++j) largest = x[j] > largest ? x[j] : largest;
  const Vec m = constant(largest);
  double total = 0;
  for (Index block = 0; block < whole; block += 4096) {
    const Index end = block + 4096 < whole ? block + 4096 : whole;
    Vec sum = hn::Zero(d);
    for (Index j = block; j < end; j += step) sum = hn::Add(sum, exp_of_negative(hn::Sub(hn::LoadU(d, x + j), m)));
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
  }
  for (Index j = whole; j < n; ++j)
    total += static_cast<double>(hn::GetLane(exp_of_negative(constant(x[j] - largest))));
  return {largest, std::log(total)};
}

/// y = (x - largest) + shift
HWY_NOINLINE inline void shift_row(const float* x, float largest, float shift, float* y, Index n) {
  const F32 d;
  const Index step = lanes();
  const Vec m = constant(largest), c = constant(shift);
  Index j = 0;
  for (; j + step <= n; j += step) hn::StoreU(hn::Add(hn::Sub(hn::LoadU(d, x + j), m), c), d, y + j);
  for (; j < n; ++j) y[j] = (x[j] - largest) + shift;
}

inline void log_softmax(const Call& call) {
  const View& x = call.in[op::log_softmax::x];
  const View& given = call.in[op::log_softmax::given];
  const Index columns = x.columns(), column = call.as<op::log_softmax>().column;
  const Index each = columns < elements_each ? elements_each : columns + 1;
  for_each_tile(*call.executor, x.rows(), columns, each, [&](Index r, Index, Index) {
    const LogSum s = log_sum_of(x.row<float>(r), columns);
    const double add = given.present() ? static_cast<double>(given.row<float>(r)[column]) : 0.0;
    shift_row(x.row<float>(r), s.largest, static_cast<float>(add - s.log_sum), call.out.row<float>(r), columns);
  });
}

inline void negative_log_likelihood(const Call& call) {
  const View& logits = call.in[op::negative_log_likelihood::logits];
  const View& labels = call.in[op::negative_log_likelihood::labels];
  const Index columns = logits.columns();
  const Index each = columns < elements_each ? elements_each : columns + 1;
  for_each_tile(*call.executor, logits.rows(), columns, each, [&](Index r, Index, Index) {
    const Index label = labels.row<std::int32_t>(r / labels.columns())[r % labels.columns()];
    const bool inside = label >= 0 && label < columns;
    TESSERA_ASSERT(inside, "negative_log_likelihood: a label is not a class");
    const float* const x = logits.row<float>(r);
    float loss = 0;
    if (inside) {
      const LogSum s = log_sum_of(x, columns);
      loss = static_cast<float>(s.log_sum + (static_cast<double>(s.largest) - static_cast<double>(x[label])));
    }
    call.out.row<float>(r)[0] = loss;
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
