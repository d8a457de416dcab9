// Speed of single ops at the shapes of the models: the cpu backend, and where they were found Eigen and oneDNN.
//
//   bench_ops --benchmark_filter='linear.*/128/'     GFLOP/s; `of_peak` is the share of the multiply-add rate
//
// The clock drifts by several percent, so each benchmark measures the multiply-add rate of its threads right before and
// after itself, and `of_peak` compares with that. Numbers of different runs are not comparable.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "machine.hpp"
#include "tessera/base/thread_pool.hpp"
#include "tessera/ops/attention.hpp"
#include "tessera/ops/gelu.hpp"
#include "tessera/ops/layer_norm.hpp"
#include "tessera/ops/linear.hpp"
#include "tessera/ops/residual_norm.hpp"

#if defined(TESSERA_WITH_CPU)
#include "tessera/backends/cpu/cpu.hpp"
#endif
#if defined(TESSERA_BENCH_EIGEN)
#include <Eigen/Core>
#endif
#if defined(TESSERA_BENCH_ONEDNN)
#include <dnnl.h>
#endif

namespace {

using namespace tessera;
using namespace tessera::benchmarks;

struct Floats {
  explicit Floats(Index count, float factor = 1) : bytes(static_cast<std::size_t>(count) * sizeof(float)) {
    data = static_cast<float*>(std::aligned_alloc(64, (bytes + 127) / 64 * 64));
    std::uint32_t state = 12345;
    for (Index i = 0; i < count; ++i) {
      state = state * 1664525U + 1013904223U;
      data[i] = (static_cast<float>(state >> 8) / 8388608.0F - 1) * factor;
    }
  }
  Floats(const Floats&) = delete;
  Floats& operator=(const Floats&) = delete;
  ~Floats() { std::free(data); }
  std::size_t bytes;
  float* data;
};

/// The best of the repetitions counts: the others were disturbed.
template <class F>
void measure(benchmark::State& state, const Executor& executor, int threads, double flops, const F& f) {
  const auto now = [&] { return threads == 1 ? seconds_of_thread() : seconds(); };
  double start = seconds();
  for (int i = 0; i < 3; ++i) f();
  // Reading the clock of a thread costs a third of a microsecond: short calls are timed in groups.
  const double once = (seconds() - start) / 3;
  const int group = once > 50e-6 ? 1 : static_cast<int>(50e-6 / once) + 1;
  double rate = multiply_add_rate(executor, threads);
  double best = 1e9;
  for (auto _ : state) {
    start = now();
    for (int i = 0; i < group; ++i) f();
    const double took = (now() - start) / group;
    if (took < best) best = took;
  }
  const double after = multiply_add_rate(executor, threads);
  if (after > rate) rate = after;
  state.counters["us"] = best * 1e6;
  if (flops > 0) {
    state.counters["GFLOP/s"] = flops / best * 1e-9;
    if (rate > 0) state.counters["of_peak"] = flops / best * 1e-9 / rate;
  }
}

struct Threads {
  explicit Threads(int count) {
    if (!pool.start(count)) std::abort();
    executor = pool.executor();
  }
  ThreadPool pool;
  Executor executor;
};

#if defined(TESSERA_WITH_CPU)
void run(OpId id, const View* in, const View& out, const void* attributes, const Executor& executor) {
  static std::vector<float> scratch;
  Call call;
  call.in = in;
  call.out = out;
  call.attributes = attributes;
  call.executor = &executor;
  const int i = static_cast<int>(id);
  if (const Scratch need = Cpu::kernels().scratch[i]; need != nullptr) {
    scratch.resize(need(call) / sizeof(float) + 32);
    const auto address = reinterpret_cast<std::uintptr_t>(scratch.data());
    call.scratch = reinterpret_cast<void*>((address + 63) / 64 * 64);
  }
  Cpu::kernels().run[i](call);
}

/// Packed weights lie in several copies, so that few rows read them from memory as a model's layers do.
void linear_cpu(benchmark::State& state, bool packed) {
  const Index rows = state.range(0), inner = state.range(1), columns = state.range(2);
  Threads threads(static_cast<int>(state.range(3)));
  Floats x(rows * inner), w(inner * columns, 0.05F), b(columns), y(rows * columns);
  const View plain = View::of(w.data, DType::f32, columns, inner);
  const std::size_t bytes = Cpu::packing().bytes(plain, ParamUse::matrix, Precision::f32);
  const std::size_t copies = packed ? 128'000'000 / bytes + 1 : 1;
  Floats p(static_cast<Index>(bytes / sizeof(float) * copies));
  std::vector<View> weights;
  for (std::size_t i = 0; i < copies; ++i)
    weights.push_back(packed ? Cpu::packing().pack(plain, ParamUse::matrix, Precision::f32,
                                                   p.data + i * bytes / sizeof(float), threads.executor)
                             : plain);
  View in[max_inputs] = {View::of(x.data, DType::f32, rows, inner), plain, View::of(b.data, DType::f32, columns)};
  const op::linear::Attributes attributes;
  std::size_t turn = 0;
  measure(state, threads.executor, static_cast<int>(state.range(3)), 2.0 * static_cast<double>(rows * inner * columns),
          [&] {
            in[1] = weights[turn++ % copies];
            run(OpId::linear, in, View::of(y.data, DType::f32, rows, columns), &attributes, threads.executor);
          });
}
void linear_packed(benchmark::State& state) { linear_cpu(state, true); }
void linear_plain(benchmark::State& state) { linear_cpu(state, false); }

void attention_cpu(benchmark::State& state) {
  const Index texts = state.range(0), longest = state.range(1), heads = state.range(2), depth = state.range(3);
  Threads threads(static_cast<int>(state.range(4)));
  const Index rows = texts * longest, width = heads * depth;
  Floats qkv(rows * width * 3), y(rows * width);
  std::vector<std::int32_t> offsets;
  for (Index t = 0; t <= texts; ++t) offsets.push_back(static_cast<std::int32_t>(t * longest));
  View in[max_inputs];
  for (int i = 0; i < 3; ++i) {
    in[i] = View::of(qkv.data + i * width, DType::f32, rows, width);
    in[i].row_stride = 3 * width;
  }
  in[op::attention::offsets] = View::of(offsets.data(), DType::i32, texts + 1);
  op::attention::Attributes attributes;
  attributes.heads = heads;
  attributes.texts = texts;
  attributes.longest = longest;
  attributes.scale = 0.125;
  attributes.visibility.causal = state.range(5) != 0;
  attributes.visibility.fill = Fill::replace;
  measure(state, threads.executor, static_cast<int>(state.range(4)), 4.0 * static_cast<double>(rows * longest * width),
          [&] { run(OpId::attention, in, View::of(y.data, DType::f32, rows, width), &attributes, threads.executor); });
}

void elementwise_cpu(benchmark::State& state, OpId id) {
  const Index rows = state.range(0), columns = state.range(1);
  Threads threads(static_cast<int>(state.range(2)));
  Floats x(rows * columns, 3), r(rows * columns), w(columns), b(columns), y(rows * columns);
  View in[max_inputs] = {View::of(x.data, DType::f32, rows, columns)};
  const View weight = View::of(w.data, DType::f32, columns), bias = View::of(b.data, DType::f32, columns);
  if (id == OpId::layer_norm) {
    in[1] = weight;
    in[2] = bias;
  } else if (id == OpId::residual_norm) {
    in[1] = View::of(r.data, DType::f32, rows, columns);
    in[2] = weight;
    in[3] = bias;
  }
  const op::layer_norm::Attributes attributes;
  measure(state, threads.executor, static_cast<int>(state.range(2)), 0,
          [&] { run(id, in, View::of(y.data, DType::f32, rows, columns), &attributes, threads.executor); });
  state.counters["ns/16"] = state.counters["us"] * 1e3 * 16 / static_cast<double>(rows * columns);
}
void gelu_cpu(benchmark::State& state) { elementwise_cpu(state, OpId::gelu); }
void gelu_tanh_cpu(benchmark::State& state) { elementwise_cpu(state, OpId::gelu_tanh); }
void layer_norm_cpu(benchmark::State& state) { elementwise_cpu(state, OpId::layer_norm); }
void residual_norm_cpu(benchmark::State& state) { elementwise_cpu(state, OpId::residual_norm); }
#endif

#if defined(TESSERA_BENCH_EIGEN)
void linear_eigen(benchmark::State& state) {
  const Index rows = state.range(0), inner = state.range(1), columns = state.range(2);
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Matrix x = Matrix::Random(rows, inner), w = Matrix::Random(columns, inner);
  const Eigen::RowVectorXf b = Eigen::RowVectorXf::Random(columns);
  Matrix y(rows, columns);
  measure(state, Executor(), 1, 2.0 * static_cast<double>(rows * inner * columns), [&] {
    y.noalias() = x * w.transpose();
    y.rowwise() += b;
  });
}
#endif

#if defined(TESSERA_BENCH_ONEDNN)
/// Through the C interface; weights re-laid once, as oneDNN likes them best.
void linear_onednn(benchmark::State& state) {
  const dnnl_dim_t rows = state.range(0), inner = state.range(1), columns = state.range(2);
  Floats x(rows * inner), w(inner * columns, 0.05F), b(columns), y(rows * columns);
  dnnl_engine_t engine;
  dnnl_engine_create(&engine, dnnl_cpu, 0);
  dnnl_stream_t stream;
  dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
  const dnnl_dim_t x_sizes[] = {rows, inner}, w_sizes[] = {columns, inner}, b_sizes[] = {columns},
                   y_sizes[] = {rows, columns};
  dnnl_memory_desc_t x_form, w_plain, w_any, b_form, y_form;
  dnnl_memory_desc_init_by_tag(&x_form, 2, x_sizes, dnnl_f32, dnnl_ab);
  dnnl_memory_desc_init_by_tag(&w_plain, 2, w_sizes, dnnl_f32, dnnl_ab);
  dnnl_memory_desc_init_by_tag(&w_any, 2, w_sizes, dnnl_f32, dnnl_format_tag_any);
  dnnl_memory_desc_init_by_tag(&b_form, 1, b_sizes, dnnl_f32, dnnl_a);
  dnnl_memory_desc_init_by_tag(&y_form, 2, y_sizes, dnnl_f32, dnnl_ab);
  dnnl_inner_product_desc_t product;
  dnnl_inner_product_forward_desc_init(&product, dnnl_forward_inference, &x_form, &w_any, &b_form, &y_form);
  dnnl_primitive_desc_t description;
  dnnl_primitive_desc_create(&description, &product, nullptr, engine, nullptr);
  const dnnl_memory_desc_t* const w_best = dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
  dnnl_primitive_t primitive;
  dnnl_primitive_create(&primitive, description);
  dnnl_memory_t x_memory, w_memory, w_packed, b_memory, y_memory;
  dnnl_memory_create(&x_memory, &x_form, engine, x.data);
  dnnl_memory_create(&w_memory, &w_plain, engine, w.data);
  dnnl_memory_create(&w_packed, w_best, engine, DNNL_MEMORY_ALLOCATE);
  dnnl_memory_create(&b_memory, &b_form, engine, b.data);
  dnnl_memory_create(&y_memory, &y_form, engine, y.data);
  dnnl_primitive_desc_t reorder_description;
  dnnl_reorder_primitive_desc_create(&reorder_description, &w_plain, engine, w_best, engine, nullptr);
  dnnl_primitive_t reorder;
  dnnl_primitive_create(&reorder, reorder_description);
  const dnnl_exec_arg_t reorder_arguments[] = {{DNNL_ARG_FROM, w_memory}, {DNNL_ARG_TO, w_packed}};
  dnnl_primitive_execute(reorder, stream, 2, reorder_arguments);
  dnnl_stream_wait(stream);
  const dnnl_exec_arg_t arguments[] = {
      {DNNL_ARG_SRC, x_memory}, {DNNL_ARG_WEIGHTS, w_packed}, {DNNL_ARG_BIAS, b_memory}, {DNNL_ARG_DST, y_memory}};
  measure(state, Executor(), 1, 2.0 * static_cast<double>(rows * inner * columns), [&] {
    dnnl_primitive_execute(primitive, stream, 4, arguments);
    dnnl_stream_wait(stream);
  });
  for (dnnl_memory_t m : {x_memory, w_memory, w_packed, b_memory, y_memory}) dnnl_memory_destroy(m);
  dnnl_primitive_destroy(reorder);
  dnnl_primitive_destroy(primitive);
  dnnl_primitive_desc_destroy(reorder_description);
  dnnl_primitive_desc_destroy(description);
  dnnl_stream_destroy(stream);
  dnnl_engine_destroy(engine);
}
#endif

/// rows, inner, columns, and the threads for those that take them.
[[maybe_unused]] void linear_shapes(benchmark::internal::Benchmark* b, std::vector<std::int64_t> threads) {
  for (const std::int64_t t : threads) {
    for (const std::int64_t rows : {1, 16, 128, 1024})
      for (const auto& [inner, columns] : {std::pair<int, int>{768, 768}, {768, 3072}, {3072, 768}})
        b->Args({rows, inner, columns, t});
    b->Args({16, 128, 128, t});
    b->Args({128, 384, 384, t});
    b->Args({128, 384, 1536, t});
    b->Args({1, 768, 50257, t});
  }
  b->MinTime(0.2)->UseRealTime();
}
[[maybe_unused]] void one_thread(benchmark::internal::Benchmark* b) { linear_shapes(b, {1}); }
[[maybe_unused]] void one_and_two_threads(benchmark::internal::Benchmark* b) { linear_shapes(b, {1, 2}); }
[[maybe_unused]] void elementwise_shapes(benchmark::internal::Benchmark* b) {
  for (const std::int64_t t : {1, 2})
    for (const auto& [rows, columns] : {std::pair<int, int>{16, 768}, {128, 768}, {1024, 768}, {128, 3072}})
      b->Args({rows, columns, t});
  b->MinTime(0.1)->UseRealTime();
}
[[maybe_unused]] void attention_shapes(benchmark::internal::Benchmark* b) {
  for (const std::int64_t t : {1, 2}) {
    b->Args({1, 16, 2, 64, t, 0});
    b->Args({1, 16, 12, 64, t, 0});
    b->Args({1, 128, 12, 64, t, 0});
    b->Args({8, 128, 12, 64, t, 0});
    b->Args({1, 512, 12, 64, t, 0});
    b->Args({1, 1024, 12, 64, t, 1});
  }
  b->MinTime(0.1)->UseRealTime();
}

#if defined(TESSERA_WITH_CPU)
BENCHMARK(linear_packed)->Apply(one_and_two_threads);
BENCHMARK(linear_plain)->Apply(one_and_two_threads);
BENCHMARK(attention_cpu)->Apply(attention_shapes);
BENCHMARK(gelu_cpu)->Apply(elementwise_shapes);
BENCHMARK(gelu_tanh_cpu)->Apply(elementwise_shapes);
BENCHMARK(layer_norm_cpu)->Apply(elementwise_shapes);
BENCHMARK(residual_norm_cpu)->Apply(elementwise_shapes);
#endif
#if defined(TESSERA_BENCH_EIGEN)
BENCHMARK(linear_eigen)->Apply(one_thread);
#endif
#if defined(TESSERA_BENCH_ONEDNN)
BENCHMARK(linear_onednn)->Apply(one_thread);
#endif

}  // namespace

BENCHMARK_MAIN();
