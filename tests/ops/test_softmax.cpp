// softmax: each way to hide keys, causal, ragged.
#define BOOST_TEST_MODULE ops_softmax
#include "ops/op_check.hpp"
#include "tessera/ops/softmax.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Shape {
  Index texts, heads, queries, keys;
  std::vector<Index> dim() const { return {texts, heads, queries, keys}; }
};

/// Softmax over a map of what each key keeps (-1: it does not exist), one entry for [text, query, key].
std::vector<double> formula(const Input& scores, const Shape& s, const Visibility& v, const std::vector<double>& keep) {
  std::vector<double> all;
  for (Index t = 0; t < s.texts; ++t)
    for (Index h = 0; h < s.heads; ++h)
      for (Index q = 0; q < s.queries; ++q) {
        std::vector<double> e;
        double sum = 0;
        for (Index j = 0; j < s.keys; ++j) {
          const double k = keep[static_cast<std::size_t>((t * s.queries + q) * s.keys + j)];
          double score = scores[((t * s.heads + h) * s.queries + q) * s.keys + j];
          if (v.fill == Fill::add && k < 1) score = score + (1 - k) * v.value;
          if (v.fill == Fill::replace) score = score * k + (1 - k) * v.value;
          if (v.fill == Fill::set && k == 0) score = v.value;
          e.push_back(k < 0 ? 0 : std::exp(score));
          sum += e.back();
        }
        for (double x : e) all.push_back(sum > 0 ? x / sum : 0);
      }
  return all;
}

/// What keeps what: the mask, the triangle and the lengths together.
std::vector<double> keep_of(const Shape& s, const Visibility& v, const Input& mask, const std::vector<Index>& lengths) {
  std::vector<double> keep;
  for (Index t = 0; t < s.texts; ++t)
    for (Index q = 0; q < s.queries; ++q)
      for (Index j = 0; j < s.keys; ++j) {
        double k = 1;
        if (mask.dim.size() == 2) k = mask[t * s.keys + j];
        if (mask.dim.size() == 3) k = mask[(t * s.queries + q) * s.keys + j];
        if (v.causal && j > q + s.keys - s.queries) k = 0;
        if (!lengths.empty()) {
          const Index length = lengths[static_cast<std::size_t>(t)];
          if (q >= length || j >= s.keys - s.queries + length) k = -1;
        }
        keep.push_back(k);
      }
  return keep;
}

Input offsets_of(const std::vector<Index>& lengths) {
  if (lengths.empty()) return {};
  std::vector<double> offsets = {0};
  for (Index l : lengths) offsets.push_back(offsets.back() + static_cast<double>(l));
  return integers({static_cast<Index>(offsets.size())}, offsets);
}

void check(const Shape& s, const Visibility& v, const Input& mask = {}, const std::vector<Index>& lengths = {}) {
  const Input scores = numbers(s.dim(), 1);
  const std::vector<double> expected = formula(scores, s, v, keep_of(s, v, mask, lengths));
  Check<op::softmax>({scores, offsets_of(lengths), mask}, s.dim(), {v}).gives(expected).in_place().differentiates();
  Check<op::softmax>({apart(scores), offsets_of(lengths), mask}, s.dim(), {v}).gives(expected).in_place();
}

Input mask(std::vector<Index> dim, bool halves = false) {
  Input m = given(std::move(dim), {});
  for (Index i = 0; i < m.count(); ++i) m.value.push_back(i % 3 == 1 ? (halves ? 0.5 : 0.0) : 1.0);
  return m;
}
}  // namespace

BOOST_AUTO_TEST_CASE(plain) {
  check({2, 3, 4, 5}, {});
  check({1, 1, 1, 1}, {});
  check({1, 2, 3, 9}, {});
  Check<op::softmax>({numbers({1, 2, 0, 3}, 1)}, {1, 2, 0, 3}).gives(std::vector<double>());
}

BOOST_AUTO_TEST_CASE(large_scores) {
  const Input scores = given({1, 1, 1, 3}, {1000, 1001, 999});
  const double sum = 1 + std::exp(1.0) + std::exp(-1.0);
  Check<op::softmax>({scores}, {1, 1, 1, 3}).gives({1 / sum, std::exp(1.0) / sum, std::exp(-1.0) / sum});
}

BOOST_AUTO_TEST_CASE(key_and_pair_masks) {
  const Visibility all[] = {{false, Fill::add, -1e4},   {false, Fill::add, -3},        {false, Fill::replace, -1e9},
                            {false, Fill::replace, -1}, {false, Fill::set, -infinity}, {false, Fill::set, -1}};
  for (const Visibility& v : all)
    for (bool halves : {false, true}) {
      check({2, 2, 3, 5}, v, mask({2, 5}, halves));
      check({2, 2, 3, 5}, v, mask({2, 3, 5}, halves));
    }
}

BOOST_AUTO_TEST_CASE(causal) {
  for (Fill fill : {Fill::add, Fill::replace, Fill::set}) {
    check({1, 2, 4, 4}, {true, fill, -1e4});
    check({2, 1, 3, 7}, {true, fill, -1e4});  // four keys of a memory before the queries
    check({2, 1, 1, 7}, {true, fill, -1e4});
    check({2, 1, 3, 3}, {true, fill, -2}, mask({2, 3}));
  }
}

BOOST_AUTO_TEST_CASE(ragged) {
  check({3, 2, 4, 4}, {}, {}, {4, 1, 0});
  check({2, 2, 4, 6}, {}, {}, {2, 4});  // two keys of a memory, whole for each text
  check({2, 2, 4, 4}, {true, Fill::set, -infinity}, {}, {3, 4});
}

BOOST_AUTO_TEST_CASE(no_visible_key) {
  // Added or replaced by one value: the row is as if nothing were hidden, or all equal. Under -infinity: NaN.
  const Input scores = given({1, 1, 1, 2}, {0, 1});
  const Input none = given({1, 2}, {0, 0});
  const double p = 1 / (1 + std::exp(1.0));
  Check<op::softmax>({scores, {}, none}, {1, 1, 1, 2}, {{false, Fill::add, -16384}}).gives({p, 1 - p});
  Check<op::softmax>({scores, {}, none}, {1, 1, 1, 2}, {{false, Fill::replace, -1e4}}).gives({0.5, 0.5});
  Check<op::softmax>({scores, {}, none}, {1, 1, 1, 2}, {{false, Fill::set, -1e30}}).gives({0.5, 0.5});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Check<op::softmax>({scores, {}, none}, {1, 1, 1, 2}, {{false, Fill::set, -infinity}}).gives({nan, nan});
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  const auto run = [&](const Operand& offsets, const Operand& keep) {
    auto y = softmax(walk.tensor(2, 3, 4, 5), {}, offsets, keep);
    return walk.fine() ? std::string() : walk.refusal();
  };
  BOOST_CHECK_EQUAL(run({}, {}), "");
  BOOST_CHECK_EQUAL(run({}, Walk::operand(DType::f32, 2, 5)), "");
  BOOST_CHECK_EQUAL(run(Walk::operand(DType::i32, 3), Walk::operand(DType::f32, 2, 4, 5)), "");
  BOOST_CHECK(begins(run({}, Walk::operand(DType::f32, 3, 5)), "softmax: the mask must have a row for each text"));
  BOOST_CHECK(begins(run({}, Walk::operand(DType::f32, 2, 4)), "softmax: the mask must have a column for each key"));
  BOOST_CHECK(
      begins(run({}, Walk::operand(DType::f32, 2, 1, 5)), "softmax: a pair mask must have a row for each query"));
  BOOST_CHECK(
      begins(run(Walk::operand(DType::i32, 2), {}), "softmax: there must be an offset for each text and the end"));
}
