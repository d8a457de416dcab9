// Every op of the library, forward and gradient, on every backend of this build, at the sizes of BERT base with 128
// tokens (attention scores: 12 heads of 128 x 128; relative positions: 256). One thread.
//
//   bench_every_op --benchmark_filter='softmax'
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/ops/attention.hpp"
#include "tessera/ops/bias.hpp"
#include "tessera/ops/columns.hpp"
#include "tessera/ops/cross_entropy.hpp"
#include "tessera/ops/dropout.hpp"
#include "tessera/ops/embedding.hpp"
#include "tessera/ops/gelu.hpp"
#include "tessera/ops/gelu_tanh.hpp"
#include "tessera/ops/linear.hpp"
#include "tessera/ops/mean_squared_error.hpp"
#include "tessera/ops/reduce.hpp"
#include "tessera/ops/rel_shift.hpp"
#include "tessera/ops/relu.hpp"
#include "tessera/ops/residual_norm.hpp"
#include "tessera/ops/scale.hpp"
#include "tessera/ops/segment_select.hpp"
#include "tessera/ops/swish.hpp"
#include "tessera/ops/tanh.hpp"
#if defined(TESSERA_WITH_CPU)
#include "tessera/backends/cpu/cpu.hpp"
#endif
#if defined(TESSERA_WITH_EIGEN)
#include "tessera/backends/eigen/eigen.hpp"
#endif
#include "tessera/context/backend.hpp"

namespace {

using namespace tessera;

constexpr Index rows = 128, width = 768, inner = 3072, heads = 12, head = 64, positions = 256, vocabulary = 30522;

/// One application of an op; the memory behind the views is shared by all.
struct Case {
  OpId op;
  View in[max_inputs];
  View out;
  alignas(16) unsigned char attributes[128] = {};
  std::int64_t flops = 0;
};

/// Numbers around zero, ids below 2 * rows, and offsets of one text.
class Numbers {
 public:
  View numbers(Index a, Index b) { return View::of(take(a * b), DType::f32, a, b); }
  View numbers(Index a) { return View::of(take(a), DType::f32, a); }
  View numbers(Index a, Index b, Index c, Index d) { return View::of(take(a * b * c * d), DType::f32, a, b, c, d); }
  template <class... I>
  View ids(Index limit, I... sizes) {
    View v = View::of(nullptr, DType::i32, sizes...);
    auto& block = ids_.emplace_back(static_cast<std::size_t>(v.count()));
    for (std::size_t i = 0; i < block.size(); ++i)
      block[i] = static_cast<std::int32_t>((i * 7919) % static_cast<std::size_t>(limit));
    v.data = block.data();
    return v;
  }
  View offsets() {
    ids_.push_back({0, static_cast<std::int32_t>(rows)});
    return View::of(ids_.back().data(), DType::i32, Index{2});
  }

 private:
  float* take(Index n) {
    auto& block = floats_.emplace_back(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < block.size(); ++i)
      block[i] = static_cast<float>((i * 7919 + 13) % 1009) * 0.002F - 1.0F;
    return block.data();
  }
  std::vector<std::vector<float>> floats_;
  std::vector<std::vector<std::int32_t>> ids_;
};

template <class Op>
Case make(const typename Op::Attributes& attributes, View out, std::initializer_list<View> in) {
  static_assert(sizeof(attributes) <= sizeof(Case::attributes));
  Case c;
  c.op = Op::id;
  c.out = out;
  std::copy(in.begin(), in.end(), c.in);
  std::memcpy(c.attributes, &attributes, sizeof attributes);
  c.flops = Op::flops(c.in, out);
  return c;
}

std::vector<Case> cases(Numbers& m) {
  const View x = m.numbers(rows, width), y = m.numbers(rows, width), out = m.numbers(rows, width);
  const View vector = m.numbers(width), wide = m.numbers(rows, inner), wide_out = m.numbers(rows, inner);
  const View scores = m.numbers(1, heads, rows, rows), scores_out = m.numbers(1, heads, rows, rows);
  const View split = m.numbers(1, heads, rows, head), one = m.numbers(1);
  const Visibility visible;
  return {
      make<op::embedding>({}, out, {m.numbers(vocabulary, width), m.ids(vocabulary, rows)}),
      make<op::linear>({}, wide_out, {x, m.numbers(inner, width), m.numbers(inner)}),
      make<op::matmul>({true, 0.125}, scores_out, {split, m.numbers(1, heads, rows, head)}),
      make<op::softmax>({visible}, scores_out, {scores, m.offsets()}),
      make<op::layer_norm>({1e-12}, out, {x, vector, m.numbers(width)}),
      make<op::gelu>({}, wide_out, {wide}),
      make<op::gelu_tanh>({}, wide_out, {wide}),
      make<op::relu>({}, wide_out, {wide}),
      make<op::swish>({}, wide_out, {wide}),
      make<op::tanh>({}, wide_out, {wide}),
      make<op::add>({}, out, {x, y}),
      make<op::bias>({}, out, {x, vector}),
      make<op::scale>({0.5}, out, {x}),
      make<op::scale_heads>({}, scores_out, {scores, m.numbers(heads)}),
      make<op::dropout>({0.1, 1, 2}, out, {x}),
      make<op::split_heads>({heads}, m.numbers(1, heads, rows, head), {x, m.offsets()}),
      make<op::merge_heads>({}, out, {split, m.offsets()}),
      make<op::rel_shift>({}, scores_out, {m.numbers(1, heads, rows, positions)}),
      make<op::segment_select>({}, scores_out, {m.numbers(1, heads, rows, 2), m.ids(2, Index{1}, rows, rows)}),
      make<op::columns>({1}, m.numbers(rows, 1), {m.numbers(rows, 2)}),
      make<op::sum>({}, one, {x}),
      make<op::mean>({}, one, {x}),
      make<op::mean_pool>({}, m.numbers(1, width), {x, m.offsets()}),
      make<op::cross_entropy>({}, one, {m.numbers(rows, vocabulary), m.ids(vocabulary, rows)}),
      make<op::mean_squared_error>({}, one, {x, y}),
      make<op::residual_norm>({1e-12}, out, {x, y, vector, m.numbers(width)}),
      make<op::attention>({heads, 1, rows, 0.125, visible}, out, {x, y, m.numbers(rows, width), m.offsets()}),
  };
}

void count(benchmark::State& state, const Case& c) {
  double bytes = static_cast<double>(c.out.bytes());
  for (const View& v : c.in) bytes += c.op == OpId::embedding && &v == c.in ? 0 : static_cast<double>(v.bytes());
  const auto n = static_cast<double>(state.iterations());
  state.counters["GB/s"] = benchmark::Counter(n * bytes * 1e-9, benchmark::Counter::kIsRate);
  if (c.flops > 0)
    state.counters["GFLOP/s"] =
        benchmark::Counter(n * static_cast<double>(c.flops) * 1e-9, benchmark::Counter::kIsRate);
}

void forward(benchmark::State& state, const AnyBackend& backend, const Case& c) {
  const Executor serial;
  Call call;
  call.in = c.in;
  call.out = c.out;
  call.attributes = c.attributes;
  call.executor = &serial;
  const int i = static_cast<int>(c.op);
  std::vector<std::byte> scratch(64);
  if (const Scratch need = backend.kernels().scratch[i]; need != nullptr) scratch.resize(need(call) + 64);
  call.scratch = reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(scratch.data()) + 63) / 64 * 64);
  for (auto _ : state) backend.kernels().run[i](call);
  count(state, c);
}

void gradient(benchmark::State& state, const AnyBackend& backend, const Case& c) {
  const Executor serial;
  std::vector<std::vector<float>> memory;
  View in_grad[max_inputs];
  for (int i = 0; i < max_inputs; ++i) {
    if (!c.in[i].present() || c.in[i].type != DType::f32) continue;
    in_grad[i] = c.in[i];
    in_grad[i].data = memory.emplace_back(static_cast<std::size_t>(c.in[i].count())).data();
  }
  VjpCall call;
  call.in = c.in;
  call.in_grad = in_grad;
  call.out = c.out;
  call.out_grad = c.out;
  call.attributes = c.attributes;
  call.executor = &serial;
  const int i = static_cast<int>(c.op);
  std::vector<std::byte> scratch(64);
  if (const VjpScratch need = backend.vjps().scratch[i]; need != nullptr) scratch.resize(need(call) + 64);
  call.scratch = reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(scratch.data()) + 63) / 64 * 64);
  for (auto _ : state) backend.vjps().run[i](call);
  count(state, c);
}

}  // namespace

int main(int argc, char** argv) {
  static Numbers memory;
  static const std::vector<Case> all = cases(memory);
  static const std::vector<AnyBackend> backends = {
    AnyBackend::of(Reference<float>()),
#if defined(TESSERA_WITH_EIGEN)
    AnyBackend::of(EigenBackend()),
#endif
#if defined(TESSERA_WITH_CPU)
    AnyBackend::of(Cpu()),
#endif
  };
  for (const Case& c : all)
    for (const AnyBackend& b : backends) {
      const int i = static_cast<int>(c.op);
      const std::string label = std::string(name(c.op)) + "/" + b.name();
      // A kernel that a backend borrows from the reference is timed there alone.
      const bool is_reference = std::string(b.name()) == "reference";
      if (b.kernels().has(c.op) && (is_reference || b.kernels().origin[i] == Origin::own))
        benchmark::RegisterBenchmark((label + "/forward").c_str(), [&b, &c](benchmark::State& s) { forward(s, b, c); });
      if (b.vjps().has(c.op) && (is_reference || b.vjps().origin[i] == Origin::own))
        benchmark::RegisterBenchmark((label + "/gradient").c_str(),
                                     [&b, &c](benchmark::State& s) { gradient(s, b, c); });
    }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
