// Where the time of a BERT goes: `encode` of a model with drawn weights, op by op, beside what the machine can do.
//
//   bench_encode --model base --batch 8 --seq 128 --threads 2 [--repeat 20] [--lengths 128,16,40]
//
// Between repetitions it measures the multiply-add rate and the read bandwidth of the same threads. `share` is the time
// that the matrix products would take at that rate, or the weights at that bandwidth if that is longer, in parts of
// the time taken. The table comes from traced runs, whose ops are timed one by one. With --precision bf16 or int8 the
// shares are still of the rate and the bytes of f32.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "machine.hpp"
#include "sequence_output.hpp"
#include "tessera/base/normal.hpp"
#include "tessera/base/thread_pool.hpp"
#include "tessera/context/session.hpp"
#include "tessera/context/trace.hpp"
#include "tessera/models/bert.hpp"

#if defined(TESSERA_WITH_CPU)
#include "tessera/backends/cpu/cpu.hpp"

namespace {

using namespace tessera;
using namespace tessera::benchmarks;
using EncoderOnly = SequenceOutput<Bert<>>;

struct Options {
  std::string model = "base";
  Index batch = 1, seq = 128;
  int threads = 1, repeat = 20;
  Precision precision = Precision::f32;
  std::vector<std::int32_t> offsets{0};  ///< of a ragged batch
};

std::vector<std::int32_t> offsets_of(const char* lengths) {
  std::vector<std::int32_t> offsets{0};
  for (char* end = nullptr; *lengths != '\0'; lengths = *end == ',' ? end + 1 : end) {
    const long n = std::strtol(lengths, &end, 10);
    if (end == lengths || n < 1) break;
    offsets.push_back(offsets.back() + static_cast<std::int32_t>(n));
  }
  return offsets;
}

bool parse(int argc, char** argv, Options& o) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const char* const value = argv[i + 1];
    if (name == "--model")
      o.model = value;
    else if (name == "--batch")
      o.batch = std::atoi(value);
    else if (name == "--seq")
      o.seq = std::atoi(value);
    else if (name == "--threads")
      o.threads = std::atoi(value);
    else if (name == "--repeat")
      o.repeat = std::atoi(value);
    else if (name == "--precision")
      o.precision = value == std::string("int8")   ? Precision::int8
                    : value == std::string("bf16") ? Precision::bf16
                                                   : Precision::f32;
    else if (name == "--lengths")
      o.offsets = offsets_of(value);
    else
      return false;
  }
  return argc % 2 == 1 && o.batch > 0 && o.seq > 0 && o.threads > 0 && o.repeat > 0;
}

BertConfig config_of(const std::string& model) {
  BertConfig c;
  c.vocab_size = 4096;
  const auto sizes = [&](Index hidden, Index layers, Index heads) {
    c.hidden_size = hidden;
    c.num_hidden_layers = layers;
    c.num_attention_heads = heads;
    c.intermediate_size = 4 * hidden;
  };
  if (model == "minilm") sizes(384, 6, 12);
  if (model == "tiny") sizes(128, 2, 2);
  return c;
}

struct OpTime {
  double microseconds = 1e30;
  std::int64_t flops = 0;
  std::string label;
};

double median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

template <class T>
T expect(Result<T> result) {
  if (result) return std::move(result).value();
  std::fprintf(stderr, "bench_encode: %s\n", result.error().message());
  std::exit(1);
}

/// The best time of each op over the runs, added up by kind and shape.
void report_ops(const EncoderOnly& model, const BertInput& in, const Packed<Cpu>& packed, const Executor& executor,
                int repeat, double rate) {
  std::vector<OpTime> ops;
  const auto take = [](void* state, const TraceEvent& e) {
    auto& seen = *static_cast<std::vector<OpTime>*>(state);
    const auto i = static_cast<std::size_t>(e.number);
    if (seen.size() <= i) seen.resize(i + 1);
    if (e.microseconds < seen[i].microseconds) seen[i].microseconds = e.microseconds;
    seen[i].flops = e.flops;
    seen[i].label = std::string(name(e.op)) + " [" + std::to_string(e.out.rows()) + ", " +
                    std::to_string(e.out.columns()) + "]" + (e.borrowed ? " (reference)" : "");
  };
  Session<EncoderOnly, Cpu, TraceProbe> traced(model, Cpu(), &packed, executor,
                                               TraceProbe(take, &ops, &Cpu::kernels(), nullptr, Cpu::memory()));
  if (!traced.reserve(in)) return;
  for (int i = 0; i < repeat; ++i)
    if (!traced.run(in)) return;
  std::vector<std::pair<OpTime, int>> kinds;
  double all = 0;
  for (const OpTime& op : ops) {
    if (op.label.empty()) continue;
    all += op.microseconds;
    const auto same = [&](const auto& k) { return k.first.label == op.label && k.first.flops == op.flops; };
    auto kind = std::find_if(kinds.begin(), kinds.end(), same);
    if (kind == kinds.end()) {
      kinds.emplace_back(op, 1);
    } else {
      kind->first.microseconds += op.microseconds;
      ++kind->second;
    }
  }
  std::sort(kinds.begin(), kinds.end(),
            [](const auto& a, const auto& b) { return a.first.microseconds > b.first.microseconds; });
  std::printf("%-34s %5s %12s %7s %9s %8s\n", "op", "times", "us in all", "of all", "GFLOP/s", "of rate");
  for (const auto& [op, times] : kinds) {
    const double done = static_cast<double>(op.flops) * times / op.microseconds * 1e-3;
    std::printf("%-34s %5d %12.1f %6.1f%%", op.label.c_str(), times, op.microseconds, 100 * op.microseconds / all);
    if (op.flops > 0) std::printf(" %9.1f %7.1f%%", done, rate > 0 ? 100 * done / rate : 0.0);
    std::printf("\n");
  }
  std::printf("%-34s %5s %12.1f\n", "all ops", "", all);
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  if (!parse(argc, argv, o)) {
    std::fprintf(
        stderr,
        "usage: bench_encode [--model base|minilm|tiny] [--batch N] [--seq N] [--lengths N,N,...] [--threads N] "
        "[--repeat N] [--precision f32|bf16|int8]\n");
    return 2;
  }
  Bert<> bert(config_of(o.model));
  const Weights weights = expect(Weights::of(bert));
  for (Index i = 0; i < weights.elements(); ++i)
    weights.data()[i] = 0.05F * normal(1, static_cast<std::uint64_t>(i / 7 + i % 7));
  ThreadPool pool;
  if (!pool.start(o.threads)) return 1;
  const Executor executor = pool.executor();
  const Packed<Cpu> packed = expect(Packed<Cpu>::of(bert, Cpu(), o.precision, executor));

  const EncoderOnly model{&bert};
  BertInput in;
  in.layout = o.offsets.size() > 1 ? Layout::ragged(static_cast<Index>(o.offsets.size()) - 1, o.offsets.data())
                                   : Layout::padded(o.batch, o.seq);
  std::vector<std::int32_t> ids(static_cast<std::size_t>(in.layout.rows));
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i * 7919 % 4096);
  in.input_ids = View::of(ids.data(), DType::i32, in.layout.rows);

  Session<EncoderOnly, Cpu> session(model, Cpu(), &packed, executor);
  if (const auto reserved = session.reserve(in); !reserved) {
    std::fprintf(stderr, "bench_encode: %s\n", reserved.error().message());
    return 1;
  }
  // Attention by the real lengths; the rest as planned.
  const BertConfig& c = config_of(o.model);
  double flops = 2.0 * static_cast<double>(in.layout.rows * c.num_hidden_layers) *
                 static_cast<double>(4 * c.hidden_size * c.hidden_size + 2 * c.hidden_size * c.intermediate_size);
  for (Index t = 0; t < in.layout.texts; ++t)
    flops += 4.0 * static_cast<double>(in.layout.length(t) * in.layout.length(t) * c.hidden_size * c.num_hidden_layers);
  const double bytes = 4.0 * static_cast<double>(c.num_hidden_layers) *
                       static_cast<double>(4 * c.hidden_size * c.hidden_size + 2 * c.hidden_size * c.intermediate_size);
  const bool from_memory = bytes > 32e6;
  const MemoryReader memory(from_memory ? std::size_t{512} << 20 : 64);

  std::vector<double> took, rates, bandwidths;
  for (int i = 0; i < 3; ++i) (void)session.run(in);
  double start = seconds();
  (void)session.run(in);
  const int group = std::max(1, static_cast<int>(2e-3 / (seconds() - start)));
  for (int r = 0; r < o.repeat; ++r) {
    rates.push_back(multiply_add_rate(executor, o.threads));
    if (from_memory) bandwidths.push_back(memory.gigabytes_per_second(executor, o.threads));
    (void)session.run(in);  // wakes the workers
    for (int i = 0; i < group; ++i) {
      start = seconds();
      (void)session.run(in);
      took.push_back(seconds() - start);
    }
  }
  const double best = *std::min_element(took.begin(), took.end());
  const double rate = median(rates);
  const double bandwidth = from_memory ? median(bandwidths) : 0;
  const double compute = rate > 0 ? flops / rate * 1e-9 : 0;
  const double reading = bandwidth > 0 ? bytes / bandwidth * 1e-9 : 0;
  std::printf("%s, %lld rows, %d threads, %s: min %.3f ms, median %.3f ms, %.1f GFLOP/s\n", o.model.c_str(),
              static_cast<long long>(in.layout.rows), o.threads, Cpu::target(), best * 1e3, median(took) * 1e3,
              flops / best * 1e-9);
  std::printf(
      "rate %.1f GFLOP/s (max %.1f): %.3f ms; bandwidth %.1f GB/s: %.3f ms; share %.1f %% (of compute %.1f %%)\n", rate,
      *std::max_element(rates.begin(), rates.end()), compute * 1e3, bandwidth, reading * 1e3,
      100 * std::max(compute, reading) / best, 100 * compute / best);
  report_ops(model, in, packed, executor, o.repeat, rate);
  return 0;
}
#else
int main() {
  std::fprintf(stderr, "bench_encode: this build has no cpu backend\n");
  return 1;
}
#endif
