// A device with memory of its own, simulated (far_memory.hpp): models run on it as on the reference, and neither
// contexts nor blocks read or write its bytes. A broken promise is a segmentation fault here.
#define BOOST_TEST_MODULE context_far_memory
#include "context/far_memory.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "tessera/blocks/batch.hpp"
#include "tessera/blocks/embedding.hpp"
#include "tessera/blocks/norm.hpp"
#include "tessera/blocks/self_attention.hpp"
#include "tessera/context/session.hpp"
#include "tessera/ops/gelu.hpp"

using namespace tessera;
using far_memory::device;

namespace {

constexpr Index words = 23, width = 12, heads = 3;

/// Embedding, linear, gelu, norm, attention, residual norm: each way an op can take.
struct Small {
  struct Input {
    Layout layout;
    View ids;
    View attention_mask;
    View head_mask;
  };
  template <class Context>
  struct Output {
    Tensor<Context, Extents<dyn, width>> hidden;
    Tensor<Context, Extents<dyn, width>> first;  ///< of each text
  };

  Embedding<words, width> table{words, width};
  Linear<width, width> dense{width, width};
  LayerNorm<width> norm{width, 1e-5};
  SelfAttention<width> attention{width, heads, 0.0};
  LayerNorm<width> attention_norm{width, 1e-12};
  Visibility visibility;

  Small() { number_params(*this); }

  void visit(auto&& v) {
    v("table", table);
    v("dense", dense);
    v("norm", norm);
    v("attention", attention);
    v("attention_norm", attention_norm);
  }

  static Result<void> validate(const Input&) noexcept { return {}; }

  template <class Context>
  Output<Context> operator()(Context& context, const Input& input) const noexcept {
    const Sequence sequence = make_sequence(context, input.layout, input.attention_mask, visibility);
    const Operand ids = context.ids(input.ids);
    const Operand head_mask = context.numbers(input.head_mask);
    auto x = table(context, ids);
    x = dense(x);
    x = gelu(std::move(x));
    x = norm(std::move(x));
    context.tap("normed", x.view());
    auto mixed = attention(x, sequence, head_mask);
    x = residual_norm(std::move(mixed), x, attention_norm);
    // An input made late takes bytes that other values had before: a walk that was stopped must not write it yet.
    const Operand first_row = first_rows(context, input.layout);
    auto first = take_rows(x, first_row);
    return {std::move(x), std::move(first)};
  }
};

/// A model whose weights are waves.
struct Bound {
  Small model;
  std::vector<std::vector<float>> memory;

  explicit Bound(const Visibility& visibility = {}) {
    model.visibility = visibility;
    for_each_param(model, [&](const RolePath&, ParamBase& p) {
      std::vector<float> numbers(static_cast<std::size_t>(p.view.count()));
      for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = std::sin(0.7F * static_cast<float>(i) + static_cast<float>(p.id));
      memory.push_back(std::move(numbers));
      p.view.data = memory.back().data();
    });
  }
};

struct Taps {
  std::vector<float> normed;
  TapSink sink() {
    return {this, [](void*, const char* tap_name) { return std::string(tap_name) == "normed"; },
            [](void* state, const char*, const View& value, const Memory& from) {
              auto& numbers = static_cast<Taps*>(state)->normed;
              numbers.resize(static_cast<std::size_t>(value.count()));
              detail::download(from, numbers.data(), value.data, value.bytes());
            }};
  }
};

struct Numbers {
  std::vector<float> hidden, first, normed;
  std::size_t arena_bytes = 0;
  bool operator==(const Numbers& other) const {
    return hidden == other.hidden && first == other.first && normed == other.normed;
  }
};

/// The outputs of a run, whole or stopped after every op.
template <class B>
Numbers run(const Small& model, const Small::Input& input, bool in_pieces = false) {
  auto packed = Packed<B>::of(model, B());
  BOOST_REQUIRE_MESSAGE(packed.ok(), packed.error().message());
  Taps taps;
  Session<Small, B> session(model, B(), &packed.value());
  session.set_taps(taps.sink());
  const auto reserved = session.reserve(input);
  BOOST_REQUIRE_MESSAGE(reserved.ok(), reserved.error().message());
  BOOST_REQUIRE(session.start(input).ok());
  StopRequest stop;
  if (in_pieces) stop.stop = [](void*) { return true; };
  int steps = 0;
  for (bool done = false; !done && steps < 1000; ++steps) {
    const auto step = session.step(stop);
    BOOST_REQUIRE_MESSAGE(step.ok(), step.error().message());
    done = step.value();
  }
  BOOST_TEST((in_pieces ? steps > 10 : steps == 1));
  const auto& output = session.output();
  Numbers numbers;
  numbers.hidden.resize(static_cast<std::size_t>(output.hidden.view().count()));
  session.read(output.hidden.view(), numbers.hidden.data());
  numbers.first.resize(static_cast<std::size_t>(output.first.view().count()));
  session.read(output.first.view(), numbers.first.data());
  numbers.normed = taps.normed;
  numbers.arena_bytes = session.arena_bytes();
  return numbers;
}

std::vector<std::int64_t> some_ids(Index n) {
  std::vector<std::int64_t> ids;
  for (Index i = 0; i < n; ++i) ids.push_back((i * 7 + 3) % words);
  return ids;
}

void same_on_both(const Small& model, const Small::Input& input) {
  const Numbers expected = run<Reference<float>>(model, input);
  BOOST_TEST(!std::isnan(expected.hidden[0]));
  device.kernels = 0;
  const Numbers found = run<FarMemory>(model, input);
  BOOST_TEST((found == expected));
  BOOST_TEST(device.kernels == 5);
  BOOST_TEST((run<FarMemory>(model, input, true) == expected));
  BOOST_TEST(device.strays == 0);
  BOOST_TEST(device.in_use == 0U);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_device_is_out_of_reach) {
  void* memory = FarMemory::memory().allocate(64);
  BOOST_REQUIRE(memory != nullptr);
  int ends[2];
  BOOST_REQUIRE(pipe(ends) == 0);
  // The kernel refuses to read for us what we may not read ourselves.
  BOOST_TEST(write(ends[1], memory, 1) == -1);
  {
    const far_memory::Access access;
    BOOST_TEST(write(ends[1], memory, 1) == 1);
  }
  BOOST_TEST(write(ends[1], memory, 1) == -1);
  close(ends[0]);
  close(ends[1]);
  FarMemory::memory().release(memory, 64);
}

BOOST_AUTO_TEST_CASE(padded_batch_with_masks_runs_as_on_the_reference) {
  const Bound bound;
  const auto ids = some_ids(2 * 5);
  const std::vector<std::uint8_t> mask = {1, 1, 1, 1, 1, 1, 1, 1, 0, 0};
  const std::vector<double> head_mask = {1, 0.5, 0};
  same_on_both(bound.model,
               {Layout::padded(2, 5), View::of_const(ids.data(), DType::i64, 2, 5),
                View::of_const(mask.data(), DType::u8, 2, 5), View::of_const(head_mask.data(), DType::f64, heads)});
}

BOOST_AUTO_TEST_CASE(ragged_causal_batch_runs_as_on_the_reference) {
  const Bound bound({true, Fill::set, -INFINITY});
  const auto wide = some_ids(9);
  // i32 as the device wants it: still to be copied there.
  const std::vector<std::int32_t> ids(wide.begin(), wide.end());
  const std::vector<std::int32_t> offsets = {0, 2, 3, 9};
  same_on_both(bound.model,
               {Layout::ragged(3, offsets.data()), View::of_const(ids.data(), DType::i32, 9), View(), View()});
}

BOOST_AUTO_TEST_CASE(strided_host_inputs_arrive_without_their_gaps) {
  const Bound bound;
  const auto ids = some_ids(2 * 3);
  const std::vector<float> tight = {1, 1, 0, 1, 1, 1};
  const std::vector<float> apart = {1, 1, 0, NAN, 1, 1, 1, NAN};
  View mask = View::of_const(apart.data(), DType::f32, 2, 3);
  mask.row_stride = 4;
  Small::Input input{Layout::padded(2, 3), View::of_const(ids.data(), DType::i64, 2, 3),
                     View::of_const(tight.data(), DType::f32, 2, 3), View()};
  const Numbers expected = run<FarMemory>(bound.model, input);
  input.attention_mask = mask;
  BOOST_TEST((run<FarMemory>(bound.model, input) == expected));
}

BOOST_AUTO_TEST_CASE(a_detour_gives_kernels_their_scratch_and_keeps_gaps) {
  const Memory& memory = FarMemory::memory();
  constexpr std::size_t bytes = 8 * sizeof(float);
  auto* x = static_cast<float*>(memory.allocate(bytes));
  auto* y = static_cast<float*>(memory.allocate(bytes));
  const std::vector<float> numbers = {1, 2, 3, 40, 5, 6, 7, 80};
  memory.upload(x, numbers.data(), bytes);
  memory.upload(y, numbers.data(), bytes);

  View in[max_inputs];
  in[0] = View::of(x, DType::f32, 2, 3);
  in[0].row_stride = 4;
  const Executor executor;
  Call call;
  call.in = in;
  call.out = View::of(y, DType::f32, 2, 3);
  call.out.row_stride = 4;
  call.executor = &executor;
  detail::run_through_host(
      memory,
      [](const Call& c) {
        auto* line = static_cast<float*>(c.scratch);
        BOOST_REQUIRE(line != nullptr);
        BOOST_TEST(reinterpret_cast<std::uintptr_t>(line) % 64 == 0U);
        for (Index r = 0; r < c.out.rows(); ++r) {
          for (Index i = 0; i < 3; ++i) line[i] = -c.in[0].row<float>(r)[i];
          for (Index i = 0; i < 3; ++i) c.out.row<float>(r)[i] = line[i];
        }
      },
      [](const Call& c) { return static_cast<std::size_t>(c.out.columns()) * sizeof(float); }, call);
  std::vector<float> found(8);
  memory.download(found.data(), y, bytes);
  BOOST_TEST(found == (std::vector<float>{-1, -2, -3, 40, -5, -6, -7, 80}), boost::test_tools::per_element());
  memory.release(x, bytes);
  memory.release(y, bytes);
}

BOOST_AUTO_TEST_CASE(both_gradients_of_one_value_add_up_on_a_detour) {
  // y = x + x: the gradients of both inputs are the same bytes.
  const Memory& memory = FarMemory::memory();
  constexpr std::size_t bytes = 3 * sizeof(float);
  auto* gradient = static_cast<float*>(memory.allocate(bytes));
  auto* incoming = static_cast<float*>(memory.allocate(bytes));
  const std::vector<float> before = {10, 20, 30};
  const std::vector<float> ones = {1, 2, 3};
  memory.upload(gradient, before.data(), bytes);
  memory.upload(incoming, ones.data(), bytes);

  View in[max_inputs], in_grad[max_inputs];
  in[0] = in[1] = View::of(nullptr, DType::f32, 1, 3);
  in_grad[0] = in_grad[1] = View::of(gradient, DType::f32, 1, 3);
  const Executor executor;
  VjpCall call;
  call.in = in;
  call.in_grad = in_grad;
  call.out = View::of(nullptr, DType::f32, 1, 3);
  call.out_grad = View::of(incoming, DType::f32, 1, 3);
  call.executor = &executor;
  constexpr int add = static_cast<int>(OpId::add);
  detail::run_vjp_through_host(memory, FarMemory::vjps().run[add], FarMemory::vjps().scratch[add], call);
  std::vector<float> found(3);
  memory.download(found.data(), gradient, bytes);
  BOOST_TEST(found == (std::vector<float>{12, 24, 36}), boost::test_tools::per_element());
  memory.release(gradient, bytes);
  memory.release(incoming, bytes);
}

BOOST_AUTO_TEST_CASE(a_host_address_in_a_kernel_of_the_device_fails_the_run) {
  // Weights that were never packed for the device stay in host memory: the run must say so, not compute.
  const Bound bound;
  const auto ids = some_ids(3);
  const Small::Input input{Layout::padded(1, 3), View::of_const(ids.data(), DType::i64, 1, 3), View(), View()};
  Session<Small, FarMemory> session(bound.model, FarMemory());
  BOOST_REQUIRE(session.reserve(input).ok());
  BOOST_TEST(!session.run(input).ok());
  BOOST_TEST(device.strays == 0);
}
