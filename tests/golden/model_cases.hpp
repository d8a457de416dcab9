// What every architecture's golden cases are tested for: outputs and gradients inside the rule on every backend of this
// build, padded and ragged, from inference and from the tape, and the same bits for any number of threads.
//
//   TESSERA_MODEL_CASES("bert-", 31, 26)   // folders that begin so, how many there are, how many may be ragged
#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "model_classes.hpp"
#include "tessera/backends/reference/reference.hpp"
#include "tessera/base/thread_pool.hpp"
#ifdef TESSERA_WITH_CPU
#include "tessera/backends/cpu/cpu.hpp"
#endif
#ifdef TESSERA_WITH_EIGEN
#include "tessera/backends/eigen/eigen.hpp"
#endif

namespace tessera::model_cases {

inline std::vector<AnyBackend> backends() {
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

/// The cases whose folder begins with `prefix`.
inline std::vector<parity::GoldenCase> read_cases(const std::string& prefix) {
  std::vector<parity::GoldenCase> cases;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(TESSERA_GOLDEN_DIR) + "/models")) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    auto c = parity::read_case(entry.path().string());
    BOOST_TEST_REQUIRE(c.ok(), c.error().message());
    cases.push_back(std::move(*c));
  }
  std::sort(cases.begin(), cases.end(), [](const auto& a, const auto& b) { return a.folder < b.folder; });
  return cases;
}

struct Tally {
  int cases = 0, tensors = 0, skipped = 0;
};

/// Runs all cases; calls seen(verdict) for each tensor.
template <class Seen>
Tally run_all(const std::vector<parity::GoldenCase>& cases, const AnyBackend& backend,
              const parity::RunOptions& options, const Seen& seen) {
  Tally tally;
  for (const parity::GoldenCase& c : cases) {
    BOOST_TEST_CONTEXT(backend.name() << ", " << c.folder) {
      const auto results = parity::run_case(c, backend, options);
      if (!results && options.ragged && parity::is_not_applicable(results.error())) {
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

/// Values and gradients inside the rule.
inline void check_rule(const std::vector<parity::GoldenCase>& cases) {
  for (const AnyBackend& backend : backends()) {
    parity::RunOptions options;
    options.gradients = true;
    const Tally tally = run_all(cases, backend, options, [](const parity::Verdict&) {});
    BOOST_TEST(tally.cases == static_cast<int>(cases.size()));
  }
}

inline void check_ragged(const std::vector<parity::GoldenCase>& cases, int expected) {
  for (const AnyBackend& backend : backends()) {
    parity::RunOptions options;
    options.ragged = true;
    const Tally tally = run_all(cases, backend, options, [](const parity::Verdict&) {});
    BOOST_TEST(tally.cases == expected);
    BOOST_TEST(tally.cases + tally.skipped == static_cast<int>(cases.size()));
  }
}

inline void check_tape(const std::vector<parity::GoldenCase>& cases) {
  for (const AnyBackend& backend : backends()) {
    parity::RunOptions options;
    options.outputs_from_tape = true;
    BOOST_TEST(run_all(cases, backend, options, [](const parity::Verdict&) {}).cases == static_cast<int>(cases.size()));
  }
}

inline void check_threads(const std::vector<parity::GoldenCase>& cases) {
  ThreadPool pool;
  BOOST_TEST_REQUIRE(pool.start(2).ok());
  for (const AnyBackend& backend : backends())
    for (const parity::GoldenCase& c : cases) {
      parity::RunOptions one, two;
      one.gradients = two.gradients = true;
      two.executor = pool.executor();
      const auto a = parity::run_case(c, backend, one), b = parity::run_case(c, backend, two);
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

}  // namespace tessera::model_cases

#define TESSERA_MODEL_CASES(prefix, count, ragged)                                                                     \
  static const std::vector<tessera::parity::GoldenCase>& all_cases() {                                                 \
    static const std::vector<tessera::parity::GoldenCase> all = tessera::model_cases::read_cases(prefix);              \
    BOOST_TEST_REQUIRE(all.size() == count);                                                                           \
    return all;                                                                                                        \
  }                                                                                                                    \
  BOOST_AUTO_TEST_CASE(every_value_and_gradient_is_inside_the_rule) { tessera::model_cases::check_rule(all_cases()); } \
  BOOST_AUTO_TEST_CASE(ragged_batches_give_the_values_of_the_padded_ones_at_real_positions) {                          \
    tessera::model_cases::check_ragged(all_cases(), ragged);                                                           \
  }                                                                                                                    \
  BOOST_AUTO_TEST_CASE(the_tape_gives_the_same_outputs_inside_the_rule) {                                              \
    tessera::model_cases::check_tape(all_cases());                                                                     \
  }                                                                                                                    \
  BOOST_AUTO_TEST_CASE(two_threads_give_the_bits_of_one) { tessera::model_cases::check_threads(all_cases()); }
