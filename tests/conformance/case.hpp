// A case: inputs of an op, what it may be compared with, and how inputs are made.
#pragma once

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "conformance/fused.hpp"
#include "tessera/backends/reference/reference.hpp"
#include "tessera/base/philox.hpp"

namespace tessera::conformance {

/// A stream of numbers that are floats, so that every backend gets the same ones.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  double uniform() { return static_cast<double>(tessera::uniform(Philox::at(seed_, count_++, 0).value[0])); }
  /// Close to a normal distribution, and bounded.
  double normal() {
    double sum = 0;
    for (int i = 0; i < 6; ++i) sum += uniform() - 0.5;
    return static_cast<double>(static_cast<float>(sum * 1.4142135623730951));
  }
  Index below(Index limit) { return static_cast<Index>(uniform() * static_cast<double>(limit)); }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
};

/// An input: sizes and numbers, in row-major order without gaps.
struct Array {
  std::vector<Index> dim;
  std::vector<double> number;
  bool integer = false;
  bool gradient = false;  ///< the op gives one for it
  bool strided = false;   ///< also tested with rows that lie apart

  bool present() const { return !dim.empty(); }
  Index count() const {
    Index n = 1;
    for (Index d : dim) n *= d;
    return dim.empty() ? 0 : n;
  }
  View view(void* data, DType type) const {
    View v;
    v.data = data;
    v.type = type;
    v.rank = static_cast<int>(dim.size());
    for (std::size_t i = 0; i < dim.size(); ++i) v.dim[i] = dim[i];
    v.row_stride = v.columns();
    return v;
  }
};

struct Case {
  std::string label;
  Array in[max_inputs];
  std::vector<Index> out;
  std::shared_ptr<const void> attributes = std::make_shared<int>(0);
  bool gradients = true;        ///< false where a case is about infinite numbers
  bool gives_integers = false;  ///< the result is i32
  double slack = 1;             ///< multiplies the tolerance

  template <class Op>
  void set(const typename Op::Attributes& a) {
    attributes = std::make_shared<typename Op::Attributes>(a);
  }
};

/// Allowed distance to the formula, in machine epsilons of the element type:
/// |found - expected| <= relative |expected| + of_largest max |expected|. Both 0: the same bits.
struct Tolerance {
  double relative = 0;
  double of_largest = 0;
};

/// The test of one op.
struct Registration {
  OpId id;
  unsigned keeps;
  bool in_place;  ///< the output may be the memory of the first input
  Tolerance forward;
  Tolerance gradient;
  std::vector<Case> (*cases)();
  void (*formula)(const Call&) = nullptr;  ///< of a fused op; else the reference kernel is the formula
  void (*formula_vjp)(const VjpCall&) = nullptr;
};

// --- making inputs ---

inline Array array(std::vector<Index> dim) {
  Array a;
  a.dim = std::move(dim);
  a.number.resize(static_cast<std::size_t>(a.count()));
  return a;
}
/// scale * normal + shift, with a gradient.
inline Array normal(Random& random, std::vector<Index> dim, double scale = 1, double shift = 0) {
  Array a = array(std::move(dim));
  for (double& x : a.number) x = static_cast<double>(static_cast<float>(random.normal() * scale + shift));
  a.gradient = true;
  return a;
}
/// The same, tested with strided rows too.
inline Array rows(Random& random, Index n, Index width, double scale = 1, double shift = 0) {
  Array a = normal(random, {n, width}, scale, shift);
  a.strided = true;
  return a;
}
inline Array constant(Array a) {
  a.gradient = false;
  return a;
}
inline Array ids(Random& random, std::vector<Index> dim, Index limit) {
  Array a = array(std::move(dim));
  a.integer = true;
  for (double& x : a.number) x = static_cast<double>(random.below(limit));
  return a;
}
/// First rows of texts with these lengths, and the end.
inline Array offsets(const std::vector<Index>& lengths) {
  Array a = array({static_cast<Index>(lengths.size()) + 1});
  a.integer = true;
  for (std::size_t i = 0; i < lengths.size(); ++i) a.number[i + 1] = a.number[i] + static_cast<double>(lengths[i]);
  return a;
}
inline Index total(const std::vector<Index>& lengths) {
  Index n = 0;
  for (Index l : lengths) n += l;
  return n;
}
inline Index longest(const std::vector<Index>& lengths) {
  Index n = 0;
  for (Index l : lengths) n = l > n ? l : n;
  return n;
}
/// Zeros and ones, the first key of each row always 1.
inline Array mask(Random& random, std::vector<Index> dim) {
  Array a = array(std::move(dim));
  const Index keys = a.dim.back();
  for (Index i = 0; i < a.count(); ++i) a.number[static_cast<std::size_t>(i)] = i % keys == 0 || random.uniform() < 0.7;
  return a;
}
inline std::string sizes(const std::vector<Index>& dim) {
  std::string text;
  for (Index d : dim) {
    if (!text.empty()) text += 'x';
    text += std::to_string(d);
  }
  return text;
}

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace tessera::conformance
