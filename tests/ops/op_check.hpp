// What the tests of ops share: small inputs, the reference kernels on them, central differences, and a planning
// context.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/base/philox.hpp"
#include "tessera/context/infer.hpp"

namespace tessera::op_check {

/// Numbers that are exact in float too, so that float and double kernels see the same ones.
inline double number(std::uint64_t seed, std::uint64_t i) {
  return static_cast<double>(uniform(Philox::at(seed, i, 0).value[0]) * 4 - 2);
}

/// An input of an op; rows may be apart, with NaN between them.
struct Input {
  std::vector<Index> dim;
  std::vector<double> value;
  bool integer = false;
  bool gradient = false;
  Index gap = 0;

  Index count() const {
    Index n = dim.empty() ? 0 : 1;
    for (Index d : dim) n *= d;
    return n;
  }
  double operator[](Index i) const { return value[static_cast<std::size_t>(i)]; }
};

/// Random numbers in [-2, 2) times `scale`; the op has a gradient for them.
inline Input numbers(std::vector<Index> dim, std::uint64_t seed, double scale = 1) {
  Input in{std::move(dim), {}, false, true, 0};
  for (Index i = 0; i < in.count(); ++i)
    in.value.push_back(static_cast<double>(static_cast<float>(number(seed, static_cast<std::uint64_t>(i)) * scale)));
  return in;
}
inline Input given(std::vector<Index> dim, std::vector<double> value) {
  return {std::move(dim), std::move(value), false, false, 0};
}
inline Input integers(std::vector<Index> dim, std::vector<double> value) {
  return {std::move(dim), std::move(value), true, false, 0};
}
inline Input apart(Input in, Index gap = 3) {
  in.gap = gap;
  return in;
}
inline Input constant(Input in) {
  in.gradient = false;
  return in;
}

/// Bytes behind a view. Nothing but the numbers is a number.
template <class T>
class Memory {
 public:
  Memory(const Input& in, bool poisoned = false) {
    view_.rank = static_cast<int>(in.dim.size());
    for (std::size_t i = 0; i < in.dim.size(); ++i) view_.dim[i] = in.dim[i];
    view_.row_stride = view_.columns() + in.gap;
    view_.type = in.integer ? DType::i32 : dtype_of<T>;
    const auto places = static_cast<std::size_t>(view_.rows() * view_.row_stride);
    numbers_.assign(in.integer ? 0 : places + 1, std::numeric_limits<T>::quiet_NaN());
    ids_.assign(in.integer ? places + 1 : 0, -1);
    view_.data = !view_.present() ? nullptr : in.integer ? static_cast<void*>(ids_.data()) : numbers_.data();
    for (Index i = 0; !poisoned && i < in.count(); ++i) {
      if (in.integer)
        ids_[place(i)] = static_cast<std::int32_t>(in[i]);
      else
        numbers_[place(i)] = static_cast<T>(in[i]);
    }
  }
  Memory(Memory&&) = default;

  const View& view() const { return view_; }
  std::vector<double> read() const {
    std::vector<double> all;
    for (Index i = 0; i < view_.count(); ++i) all.push_back(static_cast<double>(numbers_[place(i)]));
    return all;
  }

 private:
  std::size_t place(Index i) const {
    return static_cast<std::size_t>(i / view_.columns() * view_.row_stride + i % view_.columns());
  }
  View view_;
  std::vector<T> numbers_;
  std::vector<std::int32_t> ids_;
};

inline void check_close(const std::vector<double>& found, const std::vector<double>& expected, double relative,
                        double absolute) {
  BOOST_REQUIRE_EQUAL(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool equal = found[i] == expected[i] || (std::isnan(found[i]) && std::isnan(expected[i]));
    BOOST_CHECK_MESSAGE(equal || std::abs(found[i] - expected[i]) <= relative * std::abs(expected[i]) + absolute,
                        "element " << i << ": expected " << expected[i] << ", found " << found[i]);
  }
}

/// One application of an op on the reference backend.
template <class Op>
class Check {
 public:
  Check(std::vector<Input> in, std::vector<Index> out, const typename Op::Attributes& attributes = {})
      : in_(std::move(in)), attributes_(attributes) {
    in_.resize(max_inputs);
    out_.dim = std::move(out);
    out_.value.assign(static_cast<std::size_t>(out_.count()), 0.0);
  }

  /// Another function than the reference's: the formula of a fused op.
  Check& function(void (*kernel)(const Call&), void (*vjp)(const VjpCall&)) {
    kernel_ = kernel;
    vjp_ = vjp;
    return *this;
  }

  template <class T = double>
  std::vector<double> forward(bool in_place = false) const {
    std::vector<Memory<T>> memory;
    View views[max_inputs];
    for (int i = 0; i < max_inputs; ++i) {
      memory.emplace_back(in_[static_cast<std::size_t>(i)]);
      views[i] = memory.back().view();
    }
    memory.emplace_back(out_, true);
    Call call;
    call.in = views;
    call.out = in_place ? views[0] : memory.back().view();
    call.attributes = &attributes_;
    if (kernel_ != nullptr)
      kernel_(call);
    else
      Reference<T>::kernels().run[static_cast<int>(Op::id)](call);
    return in_place ? memory.front().read() : memory.back().read();
  }

  /// The result is this: in double up to the order of sums, in float up to one rounding (half of 2^-23).
  const Check& gives(const std::vector<double>& expected) const {
    check_close(forward<double>(), expected, 1e-12, 1e-12);
    check_close(forward<float>(), expected, 6.0e-8, 1e-12);
    return *this;
  }
  /// Element i of the result is formula(i).
  const Check& gives(const std::function<double(Index)>& formula) const {
    std::vector<double> expected;
    for (Index i = 0; i < out_.count(); ++i) expected.push_back(formula(i));
    return gives(expected);
  }
  /// The same bits when the result overwrites the first input.
  const Check& in_place() const {
    check_close(forward<double>(true), forward<double>(), 0, 0);
    check_close(forward<float>(true), forward<float>(), 0, 0);
    return *this;
  }

  /// The gradients of sum(w * out) with random w, in `T`, added to random numbers which are subtracted again.
  template <class T = double>
  std::vector<std::vector<double>> gradients() const {
    std::vector<Memory<T>> memory;
    std::vector<Memory<T>> grads;
    View views[max_inputs];
    View grad_views[max_inputs];
    for (int i = 0; i < max_inputs; ++i) {
      const Input& in = in_[static_cast<std::size_t>(i)];
      memory.emplace_back(in, (Op::keeps & keeps_input(i)) == 0);
      views[i] = memory.back().view();
      grads.emplace_back(in.gradient ? numbers(in.dim, beginning(i)) : Input());
      grad_views[i] = grads.back().view();
    }
    Input result = out_;
    result.value = forward<T>();
    const Memory<T> out(result, (Op::keeps & keeps_output) == 0);
    const Memory<T> out_grad(weights());
    VjpCall call;
    call.in = views;
    call.in_grad = grad_views;
    call.out = out.view();
    call.out_grad = out_grad.view();
    call.attributes = &attributes_;
    const auto need = Reference<T>::vjps().scratch[static_cast<int>(Op::id)];
    std::vector<double> scratch(need != nullptr ? need(call) / sizeof(double) + 1 : 1);
    call.scratch = scratch.data();
    if (vjp_ != nullptr)
      vjp_(call);
    else
      Reference<T>::vjps().run[static_cast<int>(Op::id)](call);
    std::vector<std::vector<double>> all;
    for (int i = 0; i < max_inputs; ++i) {
      all.push_back(grads[static_cast<std::size_t>(i)].read());
      for (std::size_t k = 0; k < all.back().size(); ++k) all.back()[k] -= number(beginning(i), k);
    }
    return all;
  }

  /// The gradient agrees with central differences in double. With a step of 1e-5 these are off by 1e-10 times the third
  /// derivative from the curve and by 1e-16 / 1e-5 times the sum from rounding: 1e-7 leaves room for both.
  const Check& differentiates() const {
    const std::vector<std::vector<double>> found = gradients();
    for (std::size_t i = 0; i < max_inputs; ++i) {
      if (!in_[i].gradient) continue;
      BOOST_TEST_CONTEXT("gradient of input " << i) {
        std::vector<double> expected;
        for (std::size_t k = 0; k < in_[i].value.size(); ++k) {
          const double step = 1e-5;
          Check moved = *this;
          moved.in_[i].value[k] = in_[i].value[k] + step;
          const double above = moved.weighted_sum();
          moved.in_[i].value[k] = in_[i].value[k] - step;
          const double below = moved.weighted_sum();
          expected.push_back((above - below) / (2 * step));
        }
        check_close(found[i], expected, 1e-7, 1e-7);
      }
    }
    return *this;
  }

 private:
  static constexpr std::uint64_t beginning(int input) { return 1000 + static_cast<std::uint64_t>(input); }
  Input weights() const { return numbers(out_.dim, 999); }
  double weighted_sum() const {
    const Input w = weights();
    const std::vector<double> y = forward();
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += w.value[i] * y[i];
    return sum;
  }

  std::vector<Input> in_;
  Input out_;
  typename Op::Attributes attributes_;
  void (*kernel_)(const Call&) = nullptr;
  void (*vjp_)(const VjpCall&) = nullptr;
};

/// A walk that plans: what shape rules say. No tensor in it has memory, so an op that went on would crash.
class Walk {
 public:
  using Context = Infer<Reference<float>>;

  Walk() { context.begin_plan(); }

  /// A tensor without bytes.
  template <class... I>
  Tensor<Context, Extents<((void)sizeof(I), dyn)...>> tensor(I... sizes) {
    return {context, View::of(nullptr, DType::f32, sizes...), Slot(), -1};
  }
  template <class... I>
  static Operand operand(DType type, I... sizes) {
    return {View::of(nullptr, type, sizes...), -1};
  }
  bool fine() { return context.plan().fault.code == Code::ok; }
  /// The sentence of the first error; starts the walk anew.
  std::string refusal(Code code = Code::shape_mismatch) {
    const Fault fault = context.plan().fault;
    BOOST_CHECK(fault.code == code);
    const std::string sentence = fault.error().message();
    context.begin_plan();
    return sentence;
  }

  Context context{Reference<float>()};
};

/// True when `text` begins with `start`.
inline bool begins(const std::string& text, const std::string& start) {
  if (text.compare(0, start.size(), start) == 0) return true;
  BOOST_TEST_MESSAGE("found: " << text);
  return false;
}

/// Runs `f` and tells whether the assert handler was called.
template <class F>
bool asserts(const F& f) {
  static bool called;
  called = false;
  const AssertHandler before = set_assert_handler([](const Assertion&) noexcept { called = true; });
  f();
  set_assert_handler(before);
  return called;
}

}  // namespace tessera::op_check
