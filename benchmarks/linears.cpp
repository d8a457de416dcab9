// Linears of the cpu backend in f32, bf16 and int8 against oneDNN, call by call in turn, so that a disturbance hits
// both.
//
//   bench_linears [precision | rows | cold ...]      one thread; minima of many rounds
//
// `of peak` is the share of the rate of the precision's multiply-add instruction, measured in the same rounds; `GB/s`
// is the weight's bytes over the time. What ours does for bf16 and int8 includes rounding the rows, which oneDNN gets
// rounded: the time of that alone is shown, and added to oneDNN's where both are compared. Weights lie in several
// copies, as a model's layers do, and come from memory: with few rows, or with all by `cold`.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "tessera/ops/linear.hpp"

#if defined(TESSERA_WITH_CPU)
#include "tessera/backends/cpu/cpu.hpp"
#include "tessera/backends/cpu/gemm_low_x86.hpp"
#include "tessera/backends/cpu/memory.hpp"
#endif
#if defined(TESSERA_BENCH_ONEDNN)
#include <dnnl.h>
#if defined(__linux__)
#include <unistd.h>
#endif
#endif

#if defined(TESSERA_WITH_CPU)
namespace {

using namespace tessera;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Memory of the backend, as a model's weights have it.
class Bytes {
 public:
  explicit Bytes(std::size_t n) : size_(n + 64), data_(static_cast<std::uint8_t*>(cpu::memory().allocate(size_))) {
    std::memset(data_, 0, n);
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes() { cpu::memory().release(data_, size_); }
  template <class T = std::uint8_t>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  std::size_t size_;
  std::uint8_t* data_;
};

void fill(float* x, Index count, float factor) {
  std::uint32_t state = 12345;
  for (Index i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    x[i] = (static_cast<float>(state >> 8) / 8388608.0F - 1) * factor;
  }
}

/// GFLOP/s of independent chains of the instruction; 0: this machine has none.
#if defined(__x86_64__) && defined(__GNUC__)
#define TESSERA_CHAIN(op, i) op " %%zmm1, %%zmm0, %%zmm" #i "\n"
#define TESSERA_CHAINS(op)                                                                                       \
  asm volatile("vpxord %%zmm0, %%zmm0, %%zmm0\n vpxord %%zmm1, %%zmm1, %%zmm1\n 1:\n" TESSERA_CHAIN(op, 16)      \
                   TESSERA_CHAIN(op, 17) TESSERA_CHAIN(op, 18) TESSERA_CHAIN(op, 19) TESSERA_CHAIN(op, 20)       \
                       TESSERA_CHAIN(op, 21) TESSERA_CHAIN(op, 22) TESSERA_CHAIN(op, 23) TESSERA_CHAIN(op, 24)   \
                           TESSERA_CHAIN(op, 25) TESSERA_CHAIN(op, 26) TESSERA_CHAIN(op, 27) "dec %0\n jnz 1b\n" \
               : "+r"(count)                                                                                     \
               :                                                                                                 \
               : "cc", "xmm0", "xmm1", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",   \
                 "xmm24", "xmm25", "xmm26", "xmm27")
__attribute__((target("avx512f"))) double peak(Precision precision) {
  constexpr long total = 200'000;
  long count = total;
  int products = 16;
  const double start = seconds();
  if (precision == Precision::f32 && __builtin_cpu_supports("avx512f")) {
    TESSERA_CHAINS("vfmadd231ps");
  } else if (precision == Precision::bf16 && __builtin_cpu_supports("avx512bf16")) {
    TESSERA_CHAINS("vdpbf16ps");
    products = 32;
  } else if (precision == Precision::int8 && __builtin_cpu_supports("avx512vnni")) {
    TESSERA_CHAINS("vpdpbusd");
    products = 64;
  } else {
    return 0;
  }
  return 12.0 * products * 2 * total / (seconds() - start) * 1e-9;
}
#else
double peak(Precision) { return 0; }
#endif

struct Shape {
  Index rows, inner, columns;
};

/// Our linear: call i reads copy i of the weights.
class Ours {
 public:
  Ours(const Shape& s, Precision precision, std::size_t copies)
      : shape_(s),
        x_(bytes_of(s.rows * s.inner)),
        y_(bytes_of(s.rows * s.columns)),
        bias_(bytes_of(s.columns)),
        plain_(bytes_of(s.inner * s.columns)),
        each_((Cpu::packing().bytes(plain(), ParamUse::matrix, precision) + 63) / 64 * 64),
        packed_(each_ * copies) {
    fill(x_.as<float>(), s.rows * s.inner, 1);
    fill(plain_.as<float>(), s.inner * s.columns, 0.05F);
    for (std::size_t i = 0; i < copies; ++i)
      weights_.push_back(
          Cpu::packing().pack(plain(), ParamUse::matrix, precision, packed_.as<>() + i * each_, Executor()));
    in_[op::linear::x] = View::of(x_.as<float>(), DType::f32, s.rows, s.inner);
    in_[op::linear::weight] = weights_[0];
    in_[op::linear::bias] = View::of(bias_.as<float>(), DType::f32, s.columns);
    call_.in = in_;
    call_.out = View::of(y_.as<float>(), DType::f32, s.rows, s.columns);
    call_.attributes = &attributes_;
    call_.executor = &executor_;
    if (const Scratch need = Cpu::kernels().scratch[static_cast<int>(OpId::linear)]; need != nullptr) {
      scratch_.resize(need(call_) + 64);
      const auto address = reinterpret_cast<std::uintptr_t>(scratch_.data());
      call_.scratch = reinterpret_cast<void*>((address + 63) / 64 * 64);
    }
  }
  std::size_t bytes() const { return each_; }
  void operator()(std::size_t i) {
    in_[op::linear::weight] = weights_[i % weights_.size()];
    Cpu::kernels().run[static_cast<int>(OpId::linear)](call_);
  }

 private:
  static std::size_t bytes_of(Index floats) { return static_cast<std::size_t>(floats) * sizeof(float); }
  View plain() const { return View::of(plain_.as<float>(), DType::f32, shape_.columns, shape_.inner); }

  Shape shape_;
  Bytes x_, y_, bias_, plain_;
  std::size_t each_;
  Bytes packed_;
  std::vector<View> weights_;
  std::vector<std::uint8_t> scratch_;
  View in_[max_inputs];
  op::linear::Attributes attributes_;
  Executor executor_;
  Call call_;
};

/// The rows of a linear from f32 to a precision, alone.
class Rounding {
 public:
  Rounding([[maybe_unused]] const Shape& s, [[maybe_unused]] Precision precision) {
#if defined(TESSERA_CPU_HAS_DOT_TILES)
    if (precision == Precision::f32) return;
    g_.form = precision == Precision::bf16 ? cpu::bf16_panels : cpu::int8_panels;
    tiles_ = cpu::x86::tiles_for(g_.form);
    g_.rows = s.rows;
    g_.a_row = g_.inner = s.inner;
    x_.resize(static_cast<std::size_t>(s.rows * s.inner));
    fill(x_.data(), s.rows * s.inner, 1);
    g_.a = x_.data();
    scratch_.resize(cpu::PreparedRows::bytes(g_.form, s.rows, s.inner) + 64);
    const auto address = reinterpret_cast<std::uintptr_t>(scratch_.data());
    rows_ = cpu::PreparedRows::in(reinterpret_cast<void*>((address + 63) / 64 * 64), g_.form, s.rows, s.inner);
#endif
  }
  bool needed() const { return tiles_ != nullptr; }
  void operator()(std::size_t) { tiles_->prepare(g_, rows_, 0, g_.rows); }

 private:
  const cpu::LowTiles* tiles_ = nullptr;
  cpu::LowGemm g_;
  cpu::PreparedRows rows_;
  std::vector<float> x_;
  std::vector<std::uint8_t> scratch_;
};

#if defined(TESSERA_BENCH_ONEDNN)
/// The inner product of oneDNN, through its C interface; weights re-laid once, as it likes them best.
class OneDnn {
 public:
  OneDnn(const Shape& s, Precision precision, std::size_t copies) {
    const dnnl_data_type_t a_type = precision == Precision::f32    ? dnnl_f32
                                    : precision == Precision::bf16 ? dnnl_bf16
                                                                   : dnnl_u8;
    const dnnl_data_type_t b_type = precision == Precision::int8 ? dnnl_s8 : a_type;
    dnnl_engine_create(&engine_, dnnl_cpu, 0);
    dnnl_stream_create(&stream_, engine_, dnnl_stream_default_flags);
    const dnnl_dim_t x_sizes[] = {s.rows, s.inner}, w_sizes[] = {s.columns, s.inner}, b_sizes[] = {s.columns},
                     y_sizes[] = {s.rows, s.columns};
    dnnl_memory_desc_t x_form, w_any, b_form, y_form;
    dnnl_memory_desc_init_by_tag(&x_form, 2, x_sizes, a_type, dnnl_ab);
    dnnl_memory_desc_init_by_tag(&w_any, 2, w_sizes, b_type, dnnl_format_tag_any);
    dnnl_memory_desc_init_by_tag(&b_form, 1, b_sizes, dnnl_f32, dnnl_a);
    dnnl_memory_desc_init_by_tag(&y_form, 2, y_sizes, dnnl_f32, dnnl_ab);
    dnnl_inner_product_desc_t product;
    dnnl_inner_product_forward_desc_init(&product, dnnl_forward_inference, &x_form, &w_any, &b_form, &y_form);
    dnnl_primitive_attr_t attributes = nullptr;
    dnnl_primitive_attr_create(&attributes);
    if (precision == Precision::int8) {
      const std::vector<float> scales(static_cast<std::size_t>(s.columns), 1e-4F);
      dnnl_primitive_attr_set_output_scales(attributes, s.columns, 2, scales.data());
    }
    if (dnnl_primitive_desc_create(&description_, &product, attributes, engine_, nullptr) != dnnl_success) return;
    dnnl_primitive_attr_destroy(attributes);
    const dnnl_memory_desc_t* const w_best = dnnl_primitive_desc_query_md(description_, dnnl_query_weights_md, 0);
    dnnl_primitive_create(&primitive_, description_);
    memories_ = {filled(&x_form, a_type), filled(&b_form, dnnl_f32), filled(&y_form, dnnl_f32)};
    for (std::size_t i = 0; i < copies; ++i) weights_.push_back(filled(w_best, b_type));
  }
  OneDnn(const OneDnn&) = delete;
  OneDnn& operator=(const OneDnn&) = delete;
  ~OneDnn() {
    for (dnnl_memory_t m : memories_) dnnl_memory_destroy(m);
    for (dnnl_memory_t m : weights_) dnnl_memory_destroy(m);
    if (primitive_ != nullptr) dnnl_primitive_destroy(primitive_);
    if (description_ != nullptr) dnnl_primitive_desc_destroy(description_);
    dnnl_stream_destroy(stream_);
    dnnl_engine_destroy(engine_);
  }
  bool ok() const { return primitive_ != nullptr; }
  void operator()(std::size_t i) {
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, memories_[0]},
                                         {DNNL_ARG_WEIGHTS, weights_[i % weights_.size()]},
                                         {DNNL_ARG_BIAS, memories_[1]},
                                         {DNNL_ARG_DST, memories_[2]}};
    dnnl_primitive_execute(primitive_, stream_, 4, arguments);
    dnnl_stream_wait(stream_);
  }

 private:
  /// Numbers of any size, none of them tiny: they would be slow.
  dnnl_memory_t filled(const dnnl_memory_desc_t* form, dnnl_data_type_t type) {
    dnnl_memory_t memory;
    dnnl_memory_create(&memory, form, engine_, DNNL_MEMORY_ALLOCATE);
    void* data;
    dnnl_memory_get_data_handle(memory, &data);
    const std::size_t bytes = dnnl_memory_desc_get_size(form);
    fill(static_cast<float*>(data), static_cast<Index>(bytes / sizeof(float)), 1);
    auto* const halves = static_cast<std::uint16_t*>(data);
    for (std::size_t i = 0; type == dnnl_bf16 && i < bytes / 2; ++i)
      halves[i] = static_cast<std::uint16_t>((halves[i] & 0x807fU) | 0x3f00U);
    return memory;
  }

  dnnl_engine_t engine_ = nullptr;
  dnnl_stream_t stream_ = nullptr;
  dnnl_primitive_desc_t description_ = nullptr;
  dnnl_primitive_t primitive_ = nullptr;
  std::vector<dnnl_memory_t> memories_, weights_;
};
#endif

constexpr const char* name_of(Precision p) {
  return p == Precision::f32 ? "f32" : p == Precision::bf16 ? "bf16" : "int8";
}

void measure(const Shape& s, Precision precision, bool cold) {
  const std::size_t weight = static_cast<std::size_t>(s.inner * s.columns) * (precision == Precision::f32    ? 4
                                                                              : precision == Precision::bf16 ? 2
                                                                                                             : 1);
  const std::size_t copies = s.rows >= 64 && !cold ? 1 : std::min<std::size_t>(96'000'000 / weight + 1, 64);
  Ours ours(s, precision, copies);
  Rounding rounding(s, precision);
  const auto nothing = [](std::size_t) {};
  std::vector<std::function<void(std::size_t)>> runs = {std::ref(ours), nothing};
  if (rounding.needed()) runs[1] = std::ref(rounding);
#if defined(TESSERA_BENCH_ONEDNN)
  OneDnn one_dnn(s, precision, copies);
  if (one_dnn.ok()) runs.push_back(std::ref(one_dnn));
#endif
  const double flops = 2.0 * static_cast<double>(s.rows * s.inner * s.columns);
  std::vector<double> best(runs.size(), 1e9);
  double rate = 0;
  std::size_t turn = 0;
  const double begin = seconds();
  // Groups of calls of about 300 microseconds, in turn.
  const int group = std::max(1, static_cast<int>(300e-6 / (flops / 400e9 + static_cast<double>(weight) / 40e9)));
  for (int round = 0; round < 400 && (round < 12 || seconds() - begin < 0.5); ++round) {
    rate = std::max(rate, peak(precision));
    for (std::size_t r = 0; r < runs.size(); ++r) {
      const double start = seconds();
      for (int i = 0; i < group; ++i) runs[r](turn + static_cast<std::size_t>(i));
      best[r] = std::min(best[r], (seconds() - start) / group);
    }
    turn += static_cast<std::size_t>(group);
  }
  std::printf("%5s %5lld x %5lld x %5lld  %9.2f us %7.1f GFLOP/s %5.1f GB/s", name_of(precision),
              static_cast<long long>(s.rows), static_cast<long long>(s.inner), static_cast<long long>(s.columns),
              best[0] * 1e6, flops / best[0] * 1e-9, static_cast<double>(ours.bytes()) / best[0] * 1e-9);
  if (rate > 0) std::printf("  %5.1f %% of peak", 100 * flops / best[0] * 1e-9 / rate);
  if (rounding.needed()) std::printf("  rounding of rows %7.2f us", best[1] * 1e6);
  if (best.size() > 2)
    std::printf("  oneDNN %9.2f us, ours %.2f times as fast", best[2] * 1e6,
                (best[2] + (rounding.needed() ? best[1] : 0)) / best[0]);
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
#if defined(TESSERA_BENCH_ONEDNN) && defined(__linux__)
  // OpenMP reads this before main.
  if (const char* threads = std::getenv("OMP_NUM_THREADS"); threads == nullptr || std::strcmp(threads, "1") != 0) {
    setenv("OMP_NUM_THREADS", "1", 1);
    execv("/proc/self/exe", argv);
  }
#endif
  const std::vector<std::string> wanted(argv + 1, argv + argc);
  const auto asks_for = [&](const std::string& word) {
    return std::find(wanted.begin(), wanted.end(), word) != wanted.end();
  };
  const auto number = [](const std::string& word) { return word.find_first_not_of("0123456789") == word.npos; };
  const bool all_rows = std::none_of(wanted.begin(), wanted.end(), number);
  const bool all_precisions = !asks_for("f32") && !asks_for("bf16") && !asks_for("int8");
  for (const Precision precision : {Precision::f32, Precision::bf16, Precision::int8}) {
    if (!all_precisions && !asks_for(name_of(precision))) continue;
    const auto take = [&](const Shape& s) {
      if (all_rows || asks_for(std::to_string(s.rows))) measure(s, precision, asks_for("cold"));
    };
    for (const Index rows : {1, 4, 8, 16, 128, 1024})
      for (const Shape& s : {Shape{rows, 768, 768},
                             {rows, 768, 3072},
                             {rows, 3072, 768},
                             {rows, 384, 384},
                             {rows, 384, 1536},
                             {rows, 1536, 384}})
        take(s);
    take({16, 128, 128});
    take({4, 128, 128});
    take({1, 768, 50257});
  }
}
#else
int main() { std::puts("the cpu backend is not built here"); }
#endif
