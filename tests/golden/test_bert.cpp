// BERT's golden cases: every output and gradient of all eight classes inside the rule, on every backend of this build,
// padded and ragged, from inference and from the tape; and errors no larger than the reference's own.
#define BOOST_TEST_MODULE golden_bert
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <filesystem>
#include <map>

#include "../../examples/programs/parity/run_bert.hpp"
#include "tessera/backends/reference/reference.hpp"
#include "tessera/base/thread_pool.hpp"
#ifdef TESSERA_WITH_CPU
#include "tessera/backends/cpu/cpu.hpp"
#endif
#ifdef TESSERA_WITH_EIGEN
#include "tessera/backends/eigen/eigen.hpp"
#endif

using namespace tessera;

namespace {

std::vector<AnyBackend> backends() {
  return {
      AnyBackend::of(Reference<float>()),
#ifdef TESSERA_WITH_EIGEN
      AnyBackend::of(EigenBackend()),
#endif
#ifdef TESSERA_WITH_CPU
      AnyBackend::of(Cpu()),
#endif
  };
}

std::vector<parity::GoldenCase> read_cases() {
  std::vector<parity::GoldenCase> cases;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(TESSERA_GOLDEN_DIR) + "/models")) {
    if (entry.path().filename().string().compare(0, 5, "bert-") != 0) continue;
    auto c = parity::read_case(entry.path().string());
    BOOST_TEST_REQUIRE(c.ok(), c.error().message());
    cases.push_back(std::move(*c));
  }
  std::sort(cases.begin(), cases.end(), [](const auto& a, const auto& b) { return a.folder < b.folder; });
  return cases;
}
const std::vector<parity::GoldenCase>& cases() {
  static const std::vector<parity::GoldenCase> all = read_cases();
  return all;
}

struct Tally {
  int cases = 0, tensors = 0, skipped = 0;
};

/// Runs all cases; calls seen(verdict) for each tensor.
template <class Seen>
Tally run_all(const AnyBackend& backend, const parity::RunOptions& options, const Seen& seen) {
  Tally tally;
  for (const parity::GoldenCase& c : cases()) {
    BOOST_TEST_CONTEXT(backend.name() << ", " << c.folder) {
      const auto results = parity::run_bert(c, backend, options);
      if (!results && options.ragged &&
          std::string(results.error().message()).find("not applicable") != std::string::npos) {
        ++tally.skipped;
        continue;
      }
      BOOST_TEST(results.ok(), results.error().message());
      if (!results) continue;
      ++tally.cases;
      for (const parity::Expected& e : c.expected) {
        if (e.is_gradient && !options.gradients) continue;
        const parity::Verdict v = parity::compare(c, e, *results);
        BOOST_TEST(v.good(), v.name << ": " << (v.problem.empty() ? "too far" : v.problem) << ", error " << v.error
                                    << ", allowed " << v.allowed);
        ++tally.tensors;
        seen(v);
      }
    }
  }
  return tally;
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_value_and_gradient_is_inside_the_rule_and_errors_are_no_larger_than_the_references) {
  for (const AnyBackend& backend : backends()) {
    std::vector<double> ours, theirs;
    parity::RunOptions options;
    options.gradients = true;
    const Tally tally = run_all(backend, options, [&](const parity::Verdict& v) {
      if (v.scale <= 0) return;
      ours.push_back(v.error / v.scale);
      theirs.push_back(v.ref_err / v.scale);
    });
    BOOST_TEST(tally.cases == 31);
    BOOST_TEST(tally.tensors > 500);
    std::printf("%-9s %d cases, %d tensors; error/scale median %.2e (reference's float32 %.2e), p99 %.2e (%.2e)\n",
                backend.name(), tally.cases, tally.tensors, quantile(ours, 0.5), quantile(theirs, 0.5),
                quantile(ours, 0.99), quantile(theirs, 0.99));
    BOOST_TEST(quantile(ours, 0.5) <= quantile(theirs, 0.5));
    BOOST_TEST(quantile(ours, 0.99) <= quantile(theirs, 0.99));
  }
}

BOOST_AUTO_TEST_CASE(ragged_batches_give_the_values_of_the_padded_ones_at_real_positions) {
  for (const AnyBackend& backend : backends()) {
    parity::RunOptions options;
    options.ragged = true;
    const Tally tally = run_all(backend, options, [](const parity::Verdict&) {});
    BOOST_TEST(tally.cases >= 20);
    BOOST_TEST(tally.cases + tally.skipped == 31);
    std::printf("%-9s ragged: %d cases, %d tensors; %d cases do not apply\n", backend.name(), tally.cases,
                tally.tensors, tally.skipped);
  }
}

BOOST_AUTO_TEST_CASE(the_tape_gives_the_same_outputs_inside_the_rule) {
  for (const AnyBackend& backend : backends()) {
    parity::RunOptions options;
    options.outputs_from_tape = true;
    BOOST_TEST(run_all(backend, options, [](const parity::Verdict&) {}).cases == 31);
  }
}

BOOST_AUTO_TEST_CASE(two_threads_give_the_bits_of_one) {
  ThreadPool pool;
  BOOST_TEST_REQUIRE(pool.start(2).ok());
  for (const AnyBackend& backend : backends())
    for (const parity::GoldenCase& c : cases()) {
      parity::RunOptions one, two;
      one.gradients = two.gradients = true;
      two.executor = pool.executor();
      const auto a = parity::run_bert(c, backend, one), b = parity::run_bert(c, backend, two);
      BOOST_TEST_REQUIRE(a.ok());
      BOOST_TEST_REQUIRE(b.ok());
      BOOST_TEST_REQUIRE(a->size() == b->size());
      for (const auto& [name, value] : *a) {
        const auto& other = b->at(name).values;
        BOOST_TEST(std::memcmp(value.values.data(), other.data(), other.size() * sizeof(float)) == 0,
                   backend.name() << ", " << c.folder << ": " << name);
      }
    }
}
