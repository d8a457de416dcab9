// All golden cases together: every class is known, and over all tensors the errors of a backend are no larger than
// those of the reference's own float32 evaluations, at the median and at the 99th percentile.
#define BOOST_TEST_MODULE golden_models
#include "golden/model_cases.hpp"

using namespace tessera;

namespace {
double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
}
}  // namespace

BOOST_AUTO_TEST_CASE(over_all_tensors_errors_are_no_larger_than_the_references) {
  const std::vector<parity::GoldenCase> cases = model_cases::read_cases("");
  BOOST_TEST_REQUIRE(cases.size() >= 157U);
  for (const AnyBackend& backend : model_cases::backends()) {
    std::vector<double> ours, theirs;
    parity::RunOptions options;
    options.gradients = true;
    const auto tally = model_cases::run_all(cases, backend, options, [&](const parity::Verdict& v) {
      if (v.scale <= 0) return;
      ours.push_back(v.error / v.scale);
      theirs.push_back(v.ref_err / v.scale);
    });
    BOOST_TEST(tally.cases == static_cast<int>(cases.size()));
    BOOST_TEST_REQUIRE(ours.size() > 1000U);
    std::printf("%-9s %d cases, %d tensors; error/scale median %.2e (reference's float32 %.2e), p99 %.2e (%.2e)\n",
                backend.name(), tally.cases, tally.tensors, quantile(ours, 0.5), quantile(theirs, 0.5),
                quantile(ours, 0.99), quantile(theirs, 0.99));
    BOOST_TEST(quantile(ours, 0.5) <= quantile(theirs, 0.5));
    BOOST_TEST(quantile(ours, 0.99) <= quantile(theirs, 0.99));
  }
}
