// The conformance suite: what every backend must do, checked for each op that it has a kernel or a gradient for.
//
//   TESSERA_CONFORMANCE(f32, tessera::Cpu())
//
// makes a suite with one test case an op. Each kernel runs on the cases of cases.hpp and is compared with
// Reference<double> (a fused op with its formula), plainly and
//   - with rows of the inputs that lie apart, NaN between them;
//   - in place, where the op may be;
//   - with two threads, and with tiles in reverse order: the same bits;
//   - with guards around inputs, output and scratch: nothing outside is written, no input changes;
//   - gradients: added to what is there; inputs that the op does not keep are NaN; with each gradient asked for alone.
// Memory of a device is reached through the backend's Memory alone.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "conformance/cases.hpp"
#include "tessera/base/executor.hpp"
#include "tessera/context/backend.hpp"
#include "tessera/context/frame.hpp"

namespace tessera::conformance {

// --- executors ---

inline Executor two_threads() {
  return Executor(
      [](void*, std::int64_t count, Executor::Body body, void* argument) {
        std::atomic<std::int64_t> next{0};
        const auto work = [&] {
          for (std::int64_t i = next++; i < count; i = next++) body(argument, i);
        };
        std::thread helper(work);
        work();
        helper.join();
      },
      nullptr, 2);
}
/// Claims seven threads and runs the last tile first.
inline Executor backwards() {
  return Executor(
      [](void*, std::int64_t count, Executor::Body body, void* argument) {
        for (std::int64_t i = count; i-- > 0;) body(argument, i);
      },
      nullptr, 7);
}

// --- memory ---

/// Bytes of a backend with guards on both sides. Every byte that nobody writes is 0xff: NaN as a number, -1 as an id.
class Block {
 public:
  Block(const Memory& memory, std::size_t bytes) : memory_(memory), before_(bytes + 2 * guard, std::byte{0xff}) {
    data_ = static_cast<std::byte*>(detail::allocate(memory, before_.size()));
    BOOST_REQUIRE_MESSAGE(data_ != nullptr, "no memory for a test");
    send();
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { detail::release(memory_, data_, before_.size()); }

  std::byte* data() const { return data_ + guard; }
  /// The bytes as the test wrote them; `send` carries them over.
  std::byte* host() { return before_.data() + guard; }
  void send() { detail::upload(memory_, data_, before_.data(), before_.size()); }
  /// The bytes as they are now.
  const std::byte* receive() {
    after_.resize(before_.size());
    detail::download(memory_, after_.data(), data_, after_.size());
    return after_.data() + guard;
  }
  /// After receive().
  bool guards_intact() const {
    return std::equal(after_.begin(), after_.begin() + guard, before_.begin()) &&
           std::equal(after_.end() - guard, after_.end(), before_.end() - guard);
  }
  bool unchanged() const { return after_ == before_; }

 private:
  static constexpr std::ptrdiff_t guard = 256;
  Memory memory_;
  std::byte* data_ = nullptr;
  std::vector<std::byte> before_;
  std::vector<std::byte> after_;
};

/// An array in a backend's memory.
template <class E>
class Placed {
 public:
  Placed(const Memory& memory, const Array& a, Index gap = 0, bool poisoned = false)
      : view_(a.view(nullptr, a.integer ? DType::i32 : dtype_of<E>)) {
    view_.row_stride += gap;
    block_ = std::make_unique<Block>(memory,
                                     static_cast<std::size_t>(view_.rows() * view_.row_stride) * size_of(view_.type));
    view_.data = block_->data();
    for (Index i = 0; !poisoned && i < a.count(); ++i) {
      const Index place = i / view_.columns() * view_.row_stride + i % view_.columns();
      const double x = a.number[static_cast<std::size_t>(i)];
      std::byte* host = block_->host() + static_cast<std::size_t>(place) * size_of(view_.type);
      if (a.integer) {
        const auto id = static_cast<std::int32_t>(x);
        std::memcpy(host, &id, sizeof id);
      } else {
        const E number = static_cast<E>(x);
        std::memcpy(host, &number, sizeof number);
      }
    }
    block_->send();
  }

  const View& view() const { return view_; }
  Block& block() { return *block_; }

  /// The numbers as they are now; `error` tells of bytes written outside of them.
  std::vector<double> read(std::string& error) {
    return view_.type == DType::i32 ? read_as<std::int32_t>(error) : read_as<E>(error);
  }

 private:
  template <class T>
  std::vector<double> read_as(std::string& error) {
    const std::byte* bytes = block_->receive();
    if (!block_->guards_intact()) error = "wrote outside of the result";
    std::vector<double> numbers;
    for (Index r = 0; r < view_.rows(); ++r)
      for (Index c = 0; c < view_.row_stride; ++c) {
        T x;
        const std::byte* from = bytes + static_cast<std::size_t>(r * view_.row_stride + c) * sizeof(T);
        std::memcpy(&x, from, sizeof x);
        if (c < view_.columns())
          numbers.push_back(static_cast<double>(x));
        else if (std::any_of(from, from + sizeof(T), [](std::byte b) { return b != std::byte{0xff}; }))
          error = "wrote between the rows of the result";
      }
    return numbers;
  }

  View view_;
  std::unique_ptr<Block> block_;
};

// --- comparison ---

inline bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])))) return false;
  return true;
}

/// The worst error as a fraction of what is allowed; infinite where a number should be none, or the other way round.
struct Distance {
  double fraction = 0;
  std::size_t index = 0;
  double expected = 0;
  double found = 0;
};
inline Distance distance(const std::vector<double>& expected, const std::vector<double>& found,
                         const Tolerance& tolerance, double unit) {
  Distance worst;
  if (expected.size() != found.size())
    return {infinity, 0, static_cast<double>(expected.size()), static_cast<double>(found.size())};
  double largest = 0;
  for (double e : expected)
    if (std::isfinite(e)) largest = std::max(largest, std::abs(e));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double e = expected[i];
    const double f = found[i];
    double fraction = infinity;
    if (e == f || (std::isnan(e) && std::isnan(f))) continue;
    if (std::isfinite(e) && std::isfinite(f)) {
      // Below the normal numbers of float, results may be zero.
      const double allowed = (tolerance.relative * std::abs(e) + tolerance.of_largest * largest) * unit;
      if (std::abs(e - f) < 1e-37 && allowed > 0) continue;
      if (allowed > 0) fraction = std::abs(e - f) / allowed;
    }
    if (fraction > worst.fraction) worst = {fraction, i, e, f};
  }
  return worst;
}

// --- the suite ---

template <class B>
class Suite {
  using E = typename B::element;
  static constexpr double unit = static_cast<double>(std::numeric_limits<E>::epsilon());

 public:
  explicit Suite(const B& backend) : backend_(backend), memory_(backend.memory()) {}

  /// How many promises an op breaks, without failing the test: so the suite itself is tested.
  int broken(OpId id) {
    quiet_ = true;
    check(id);
    return broken_;
  }

  /// All there is to check of one op.
  void check(OpId id) {
    const auto& all = registrations();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Registration& r) { return r.id == id; });
    BOOST_REQUIRE_MESSAGE(found != all.end(), name(id) << " has no registration in tests/conformance/cases.hpp");
    const Registration& op = *found;
    const int i = static_cast<int>(id);
    const bool fused = op.formula != nullptr;
    const Origin forward = backend_.kernels().origin[i];
    const Origin gradient = backend_.vjps().origin[i];
    that(fused || forward != Origin::none, "no kernel, not even the reference's");
    if (forward == Origin::reference)
      that(backend_.kernels().run[i] == Reference<E>::kernels().run[i], "inherited from something else");
    if (gradient == Origin::reference)
      that(backend_.vjps().run[i] == Reference<E>::vjps().run[i], "inherited from something else");

    int cases = 0;
    if (forward == Origin::own || gradient == Origin::own)
      for (const Case& c : op.cases()) {
        BOOST_TEST_CONTEXT(name(id) << ": " << c.label) {
          if (forward == Origin::own) check_forward(op, c);
          if (gradient == Origin::own && c.gradients) check_gradient(op, c);
        }
        ++cases;
      }
    if (!quiet_)
      BOOST_TEST_MESSAGE(name(id) << ": kernel " << origin(forward) << ", gradient " << origin(gradient) << ", "
                                  << cases << " cases, worst error " << worst_ << " of the allowed, gradients "
                                  << worst_gradient_);
  }

  /// Allocation, alignment, copies.
  void check_memory() {
    const Memory& memory = memory_;
    for (std::size_t bytes : {std::size_t{1}, std::size_t{64}, std::size_t{1000003}}) {
      void* data = detail::allocate(memory, bytes);
      BOOST_REQUIRE(data != nullptr);
      BOOST_CHECK_EQUAL(reinterpret_cast<std::uintptr_t>(data) % 64, 0U);
      std::vector<unsigned char> sent(bytes);
      for (std::size_t i = 0; i < bytes; ++i) sent[i] = static_cast<unsigned char>(i * 7 + 1);
      detail::upload(memory, data, sent.data(), bytes);
      std::vector<unsigned char> received(bytes);
      detail::download(memory, received.data(), data, bytes);
      that(sent == received, "memory: other bytes come back");
      detail::zero(memory, data, bytes);
      detail::download(memory, received.data(), data, bytes);
      that(std::all_of(received.begin(), received.end(), [](unsigned char b) { return b == 0; }), "memory: not zero");
      detail::release(memory, data, bytes);
    }
    finish();
    that(memory.host() || (memory.allocate != nullptr && memory.release != nullptr && memory.download != nullptr),
         "memory: a device needs allocate, release, upload and download");
  }

  /// Linears with weights in each form that the backend packs.
  void check_packing() {
    const Packing& packing = backend_.packing();
    if (packing.bytes == nullptr || packing.pack == nullptr) {
      that(packing.bytes == nullptr && packing.pack == nullptr, "bytes and pack belong together");
      return;
    }
    struct Form {
      Precision precision;
      const char* label;
      Tolerance tolerance;
    };
    // bf16 has 8 bits, int8 has 7 and rounds both factors; errors of the terms are independent.
    const Form forms[] = {{Precision::f32, "f32", {0, 32}},
                          {Precision::bf16, "bf16", {0, 0x1p-7 / unit}},
                          {Precision::int8, "int8", {0, 0x1p-5 / unit}}};
    for (const Form& form : forms) {
      double worst = 0;
      int packed = 0;
      std::size_t packed_bytes = 0;
      for (const Case& c : linear_cases()) {
        if (!c.gradients && form.precision != Precision::f32) continue;
        const bool in_out = static_cast<const op::linear::Attributes*>(c.attributes.get())->in_out;
        const ParamUse use = in_out ? ParamUse::matrix_io : ParamUse::matrix;
        std::vector<E> plain(c.in[1].number.begin(), c.in[1].number.end());
        const View stored = c.in[1].view(plain.data(), dtype_of<E>);
        const std::size_t bytes = packing.bytes(stored, use, form.precision);
        if (bytes == 0) continue;
        ++packed;
        packed_bytes += bytes;
        BOOST_TEST_CONTEXT("linear, packed as " << form.label << ": " << c.label) {
          Block weight(memory_, bytes);
          // Packing writes to host memory, aligned like the backend's.
          Block host(Memory(), bytes);
          const View view = packing.pack(stored, use, form.precision, host.data(), Executor());
          const std::byte* content = host.receive();
          that(host.guards_intact(), "packing wrote more bytes than it asked for");
          that(same_shape(view, stored), "the packed weight must have the sizes of the plain one");
          std::memcpy(weight.host(), content, bytes);
          weight.send();
          View on_backend = view;
          on_backend.data = weight.data();
          const Registration& op = registration(OpId::linear);
          const std::vector<double> expected = expect(op, c);
          std::vector<double> first;
          for (const Executor& executor : {Executor(), two_threads(), backwards()}) {
            const std::vector<double> found = run(c, op, {&executor, false, false, &on_backend});
            if (first.empty()) first = found;
            that(same_bits(first, found), "other bits with another executor");
            worst = std::max(worst, report(distance(expected, found, form.tolerance, unit)));
          }
          for (const Executor& executor : {Executor(), two_threads()}) {
            const View again = packing.pack(stored, use, form.precision, host.data(), executor);
            that(same_shape(again, stored), "the packed weight must have the sizes of the plain one");
            const std::byte* now = host.receive();
            that(std::equal(now, now + bytes, weight.host()), "packing gives other bytes the next time");
          }
        }
      }
      BOOST_TEST_MESSAGE("packed as " << form.label << ": " << packed << " cases of " << packed_bytes
                                      << " bytes, worst error " << worst << " of the allowed");
    }
  }

 private:
  struct Variant {
    const Executor* executor;
    bool strided;
    bool in_place;
    const View* packed_weight = nullptr;
    bool one_gradient = false;  ///< inputs 0 and 1 are the same value: their gradients are the same memory
  };

  static const char* origin(Origin o) {
    return o == Origin::own ? "its own" : o == Origin::reference ? "the reference's" : "none";
  }
  static const Registration& registration(OpId id) {
    for (const Registration& r : registrations())
      if (r.id == id) return r;
    return registrations().front();
  }
  static std::string text(double x) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.9g", x);
    return buffer;
  }
  /// A promise of the backend. `quietly` only counts what is broken: the suite is tested so.
  void that(bool kept, const std::string& sentence) {
    if (!kept) ++broken_;
    if (!quiet_) BOOST_CHECK_MESSAGE(kept, sentence);
  }
  double report(const Distance& d) {
    if (d.fraction > 1)
      that(false, "element " + std::to_string(d.index) + ": expected " + text(d.expected) + ", found " + text(d.found) +
                      ", off by " + text(d.fraction) + " of the allowed");
    return d.fraction;
  }
  static bool any_strided(const Case& c) {
    return std::any_of(c.in, c.in + max_inputs, [](const Array& a) { return a.strided; });
  }
  /// Odd, so that rows are not aligned.
  static Index gap(const Array& a, bool strided) { return strided && a.strided ? 5 : 0; }

  void finish() { that(memory_.finish == nullptr || memory_.finish(), "the device failed"); }

  /// The sizes and the type of what a case gives.
  static Array result_of(const Case& c) {
    Array a = array(c.out);
    a.integer = c.gives_integers;
    return a;
  }

  // The formula, in double.
  static std::vector<double> expect(const Registration& op, const Case& c) {
    std::vector<std::unique_ptr<Placed<double>>> in;
    View views[max_inputs];
    place(Memory(), c, false, in, views);
    Placed<double> out(Memory(), result_of(c));
    Call call;
    const Executor serial;
    call.in = views;
    call.out = out.view();
    call.attributes = c.attributes.get();
    call.executor = &serial;
    if (op.formula != nullptr)
      op.formula(call);
    else
      Reference<double>::kernels().run[static_cast<int>(op.id)](call);
    std::string error;
    std::vector<double> numbers = out.read(error);
    BOOST_REQUIRE_MESSAGE(error.empty(), "the formula " << error);
    return numbers;
  }

  template <class T>
  static void place(const Memory& memory, const Case& c, bool strided, std::vector<std::unique_ptr<Placed<T>>>& in,
                    View* views, unsigned keeps = ~0U) {
    for (int i = 0; i < max_inputs; ++i) {
      in.push_back(nullptr);
      if (!c.in[i].present()) continue;
      in.back() = std::make_unique<Placed<T>>(memory, c.in[i], gap(c.in[i], strided), (keeps & keeps_input(i)) == 0);
      views[i] = in.back()->view();
    }
  }

  std::vector<double> run(const Case& c, const Registration& op, const Variant& variant) {
    const Memory& memory = memory_;
    std::vector<std::unique_ptr<Placed<E>>> in;
    View views[max_inputs];
    place(memory, c, variant.strided, in, views);
    if (variant.packed_weight != nullptr) views[op::linear::weight] = *variant.packed_weight;
    Placed<E> apart(memory, result_of(c));
    Placed<E>& out = variant.in_place ? *in[0] : apart;

    Call call;
    call.in = views;
    call.out = out.view();
    call.attributes = c.attributes.get();
    call.executor = variant.executor;
    const Kernels& kernels = backend_.kernels();
    const int i = static_cast<int>(op.id);
    std::size_t scratch_bytes = 0;
    if (kernels.scratch[i] != nullptr) {
      // Asked while planning: no view has data.
      View planned[max_inputs];
      for (int k = 0; k < max_inputs; ++k) {
        planned[k] = views[k];
        planned[k].data = nullptr;
      }
      Call plan = call;
      plan.in = planned;
      plan.out.data = nullptr;
      scratch_bytes = kernels.scratch[i](plan);
    }
    Block scratch(memory, scratch_bytes);
    call.scratch = scratch_bytes > 0 ? scratch.data() : nullptr;
    kernels.run[i](call);
    finish();

    std::string error;
    std::vector<double> numbers = out.read(error);
    that(error.empty(), error + describe(variant));
    scratch.receive();
    that(scratch.guards_intact(), "wrote outside of its scratch" + describe(variant));
    for (int k = 0; k < max_inputs; ++k) {
      if (in[static_cast<std::size_t>(k)] == nullptr || (k == 0 && variant.in_place)) continue;
      in[static_cast<std::size_t>(k)]->block().receive();
      that(in[static_cast<std::size_t>(k)]->block().unchanged(),
           "changed input " + std::to_string(k) + describe(variant));
    }
    return numbers;
  }

  static std::string describe(const Variant& v) {
    return std::string(v.strided ? ", rows apart" : "") + (v.in_place ? ", in place" : "") + ", claimed threads " +
           std::to_string(v.executor->threads());
  }

  void check_forward(const Registration& op, const Case& c) {
    const Executor serial;
    const Executor two = two_threads();
    const Executor reverse = backwards();
    Tolerance tolerance = op.forward;
    tolerance.relative *= c.slack;
    tolerance.of_largest *= c.slack;
    const std::vector<double> expected = expect(op, c);
    const std::vector<double> found = run(c, op, {&serial, false, false});
    worst_ = std::max(worst_, report(distance(expected, found, tolerance, unit)));
    that(same_bits(found, run(c, op, {&two, false, false})), "other bits with two threads");
    that(same_bits(found, run(c, op, {&reverse, false, false})), "other bits with tiles in reverse");
    if (op.in_place) {
      BOOST_TEST_CONTEXT("in place") {
        report(distance(expected, run(c, op, {&serial, false, true}), tolerance, unit));
        report(distance(expected, run(c, op, {&two, false, true}), tolerance, unit));
      }
    }
    if (any_strided(c)) {
      BOOST_TEST_CONTEXT("rows apart") {
        report(distance(expected, run(c, op, {&serial, true, false}), tolerance, unit));
        if (op.in_place) report(distance(expected, run(c, op, {&serial, true, true}), tolerance, unit));
      }
    }
  }

  /// What the gradients of a case begin with, end with, and are made from.
  struct Gradients {
    std::vector<double> in[max_inputs];
    std::vector<double> begin[max_inputs];
  };

  /// The gradients that a table adds to random ones. `wanted`: bits of inputs.
  template <class T>
  Gradients differentiate(const Memory& memory, Vjp vjp, VjpScratch need, const Case& c,
                          const std::vector<double>& result, unsigned wanted, const Variant& variant, unsigned keeps) {
    Random random(99);
    std::vector<std::unique_ptr<Placed<T>>> in;
    View views[max_inputs];
    place(memory, c, variant.strided, in, views, keeps);
    Array values = array(c.out);
    values.number = result;
    Placed<T> out(memory, values, 0, (keeps & keeps_output) == 0);
    Placed<T> out_grad(memory, normal(random, c.out));
    std::unique_ptr<Placed<T>> grads[max_inputs];
    View grad_views[max_inputs];
    std::vector<double> begins[max_inputs];
    for (int i = 0; i < max_inputs; ++i) {
      if (!c.in[i].present()) continue;
      // Drawn even where it is not wanted, so that the numbers do not depend on what is. Not wanted: an absent view.
      const Array begin = normal(random, c.in[i].dim);
      if (!c.in[i].gradient || (wanted & keeps_input(i)) == 0) continue;
      begins[i] = begin.number;
      if (i == 1 && variant.one_gradient) {
        grad_views[1] = grad_views[0];
        continue;
      }
      grads[i] = std::make_unique<Placed<T>>(memory, begin);
      grad_views[i] = grads[i]->view();
    }

    VjpCall call;
    call.in = views;
    call.in_grad = grad_views;
    call.out = out.view();
    call.out_grad = out_grad.view();
    call.attributes = c.attributes.get();
    call.executor = variant.executor;
    std::size_t scratch_bytes = 0;
    if (need != nullptr) {
      View planned[max_inputs];
      View planned_grads[max_inputs];
      for (int k = 0; k < max_inputs; ++k) {
        planned[k] = views[k];
        planned[k].data = nullptr;
        planned_grads[k] = grad_views[k];
        planned_grads[k].data = nullptr;
      }
      VjpCall plan = call;
      plan.in = planned;
      plan.in_grad = planned_grads;
      plan.out.data = nullptr;
      plan.out_grad.data = nullptr;
      scratch_bytes = need(plan);
    }
    Block scratch(memory, scratch_bytes);
    call.scratch = scratch_bytes > 0 ? scratch.data() : nullptr;
    vjp(call);
    finish();

    Gradients gradients;
    for (int i = 0; i < max_inputs; ++i) {
      gradients.begin[i] = std::move(begins[i]);
      if (grads[i] == nullptr) continue;
      std::string error;
      gradients.in[i] = grads[i]->read(error);
      that(error.empty(), "gradient of input " + std::to_string(i) + ": " + error);
    }
    for (const auto& input : in) {
      if (input == nullptr) continue;
      input->block().receive();
      that(input->block().unchanged(), "the gradient changed an input");
    }
    out.block().receive();
    out_grad.block().receive();
    scratch.receive();
    that(out.block().unchanged() && out_grad.block().unchanged(), "the gradient changed the output or its gradient");
    that(scratch.guards_intact(), "the gradient wrote outside of its scratch");
    return gradients;
  }

  void check_gradient(const Registration& op, const Case& c) {
    const Executor serial;
    const Executor two = two_threads();
    const Executor reverse = backwards();
    const int id = static_cast<int>(op.id);
    const Tolerance tolerance{op.gradient.relative * c.slack, op.gradient.of_largest * c.slack};
    const std::vector<double> result = expect(op, c);
    const bool fused = op.formula_vjp != nullptr;
    const Gradients expected = differentiate<double>(
        Memory(), fused ? op.formula_vjp : Reference<double>::vjps().run[id],
        fused ? nullptr : Reference<double>::vjps().scratch[id], c, result, ~0U, {&serial, false, false}, ~0U);
    const auto own = [&](unsigned wanted, const Variant& variant) {
      return differentiate<E>(memory_, backend_.vjps().run[id], backend_.vjps().scratch[id], c, result, wanted, variant,
                              op.keeps);
    };
    const auto compare = [&](const Gradients& found, unsigned wanted) {
      for (int i = 0; i < max_inputs; ++i)
        if (c.in[i].gradient && (wanted & keeps_input(i)) != 0) {
          BOOST_TEST_CONTEXT("gradient of input " << i) {
            worst_gradient_ = std::max(worst_gradient_, report(distance(expected.in[i], found.in[i], tolerance, unit)));
          }
        }
    };
    const Gradients found = own(~0U, {&serial, false, false});
    compare(found, ~0U);
    for (const Executor* executor : {&two, &reverse}) {
      const Gradients other = own(~0U, {executor, false, false});
      for (int i = 0; i < max_inputs; ++i)
        that(same_bits(found.in[i], other.in[i]),
             "gradient of input " + std::to_string(i) + ": other bits with other threads");
    }
    if (any_strided(c)) {
      BOOST_TEST_CONTEXT("rows apart") { compare(own(~0U, {&serial, true, false}), ~0U); }
    }
    for (int i = 0; i < max_inputs; ++i) {
      if (!c.in[i].gradient) continue;
      BOOST_TEST_CONTEXT("asked for alone") { compare(own(keeps_input(i), {&serial, false, false}), keeps_input(i)); }
    }
    if (op.id == OpId::add || op.id == OpId::residual_norm) {
      BOOST_TEST_CONTEXT("x + x: one gradient for both") {
        Variant variant{&serial, false, false};
        variant.one_gradient = true;
        std::vector<double> both = expected.in[0];
        for (std::size_t k = 0; k < both.size(); ++k) both[k] += expected.in[1][k] - expected.begin[1][k];
        report(distance(both, own(~0U, variant).in[0], tolerance, unit));
      }
    }
  }

  const B backend_;
  const Memory memory_;
  bool quiet_ = false;
  int broken_ = 0;
  double worst_ = 0;
  double worst_gradient_ = 0;
};

/// False for the backend of a device that is not here: its suite is skipped, and the report says so.
template <class B>
boost::test_tools::assertion_result is_available(const B&) {
  boost::test_tools::assertion_result result(true);
  if constexpr (requires { B::available(); }) {
    if (!B::available()) {
      result = false;
      result.message() << B::name() << ": no such device here";
    }
  }
  return result;
}

/// Every op of one backend, and its memory and packing.
template <class B>
void run_conformance(const B& backend) {
  static_assert(Backend<B>);
  for (int i = 0; i < op_count; ++i) Suite<B>(backend).check(static_cast<OpId>(i));
  Suite<B>(backend).check_memory();
  Suite<B>(backend).check_packing();
}

}  // namespace tessera::conformance

#define TESSERA_CONFORMANCE_OP(op) \
  BOOST_AUTO_TEST_CASE(op) { tessera::conformance::Suite(make_backend()).check(tessera::OpId::op); }

/// A suite with one test case an op: --run_test=f32/softmax runs that one.
#define TESSERA_CONFORMANCE(suite, ...)                                                          \
  namespace suite {                                                                              \
  inline auto make_backend() { return __VA_ARGS__; }                                             \
  inline boost::test_tools::assertion_result available(boost::unit_test::test_unit_id) {         \
    return tessera::conformance::is_available(make_backend());                                   \
  }                                                                                              \
  static_assert(tessera::Backend<decltype(make_backend())>);                                     \
  }                                                                                              \
  BOOST_AUTO_TEST_SUITE(suite, *boost::unit_test::precondition(&suite::available))               \
  TESSERA_OPS(TESSERA_CONFORMANCE_OP)                                                            \
  BOOST_AUTO_TEST_CASE(memory) { tessera::conformance::Suite(make_backend()).check_memory(); }   \
  BOOST_AUTO_TEST_CASE(packing) { tessera::conformance::Suite(make_backend()).check_packing(); } \
  BOOST_AUTO_TEST_SUITE_END()
