// split_heads and merge_heads: padded and ragged, and each other's inverse.
#define BOOST_TEST_MODULE ops_heads
#include "ops/op_check.hpp"
#include "tessera/ops/heads.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
const std::vector<std::vector<double>> all_offsets = {{}, {0, 4, 8, 12}, {0, 2, 6, 6}, {0, 1, 2, 6}};
constexpr Index texts = 3, heads = 2, longest = 4, width = 3;

Index rows(const std::vector<double>& offsets) {
  return offsets.empty() ? texts * longest : static_cast<Index>(offsets.back());
}
Input as_input(const std::vector<double>& offsets) {
  return offsets.empty() ? Input() : integers({texts + 1}, offsets);
}
Index first(const std::vector<double>& offsets, Index text) {
  return offsets.empty() ? text * longest : static_cast<Index>(offsets[static_cast<std::size_t>(text)]);
}
}  // namespace

BOOST_AUTO_TEST_CASE(split) {
  for (const auto& offsets : all_offsets) {
    const Input x = numbers({rows(offsets), heads * width}, 1);
    const auto formula = [&](Index i) {
      const Index text = i / (heads * longest * width);
      const Index head = i / (longest * width) % heads;
      const Index row = first(offsets, text) + i / width % longest;
      return row < first(offsets, text + 1) ? x[row * heads * width + head * width + i % width] : 0.0;
    };
    const std::vector<Index> out = {texts, heads, longest, width};
    Check<op::split_heads>({x, as_input(offsets)}, out, {heads}).gives(formula).differentiates();
    Check<op::split_heads>({apart(x), as_input(offsets)}, out, {heads}).gives(formula);
  }
}

BOOST_AUTO_TEST_CASE(merge) {
  for (const auto& offsets : all_offsets) {
    const Input x = numbers({texts, heads, longest, width}, 1);
    const auto formula = [&](Index i) {
      const Index row = i / (heads * width);
      Index text = 0;
      while (first(offsets, text + 1) <= row) ++text;
      const Index head = i / width % heads;
      return x[((text * heads + head) * longest + row - first(offsets, text)) * width + i % width];
    };
    const std::vector<Index> out = {rows(offsets), heads * width};
    Check<op::merge_heads>({x, as_input(offsets)}, out).gives(formula).differentiates();
    Check<op::merge_heads>({apart(x), as_input(offsets)}, out).gives(formula);
  }
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  Sequence sequence;
  sequence.layout = Layout::padded(2, 5);
  {
    auto x = walk.tensor(10, 12);
    auto y = split_heads(x, 3, sequence);
    BOOST_CHECK(walk.fine());
    BOOST_CHECK_EQUAL(y.size(0), 2);
    BOOST_CHECK_EQUAL(y.size(1), 3);
    BOOST_CHECK_EQUAL(y.size(2), 5);
    BOOST_CHECK_EQUAL(y.size(3), 4);
    auto z = merge_heads(y, sequence);
    BOOST_CHECK_EQUAL(z.size(0), 10);
    BOOST_CHECK_EQUAL(z.size(1), 12);
    auto wrong = split_heads(x, 5, sequence);
    BOOST_CHECK(begins(walk.refusal(), "split_heads: columns must be a multiple of the heads: expected 5, found 12"));
    auto none = split_heads(x, 0, sequence);
    BOOST_CHECK(begins(walk.refusal(), "split_heads: columns must be a multiple of the heads"));
  }
  {
    auto x = walk.tensor(9, 12);
    auto y = split_heads(x, 3, sequence);
    BOOST_CHECK(begins(walk.refusal(), "split_heads: x must have a row for each token: expected 10, found 9"));
  }
  {
    auto x = walk.tensor(3, 3, 5, 4);
    auto y = merge_heads(x, sequence);
    BOOST_CHECK(begins(walk.refusal(), "merge_heads: x must have a matrix for each text: expected 2, found 3"));
  }
  auto x = walk.tensor(2, 3, 4, 4);
  auto y = merge_heads(x, sequence);
  BOOST_CHECK(
      begins(walk.refusal(), "merge_heads: x must have a row for each token of the longest text: expected 5, found 4"));
}
