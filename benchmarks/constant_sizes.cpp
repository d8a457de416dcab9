// What constant sizes are worth on the cpu backend: BERT tiny with sizes as constants and with the same sizes at run
// time, one thread, in turns.
//
//   bench_constant_sizes [tokens]      minima and medians of many rounds, microseconds
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "tessera/base/normal.hpp"
#include "tessera/context/session.hpp"
#include "tessera/models/bert.hpp"

#if defined(TESSERA_WITH_CPU)
#include "tessera/backends/cpu/cpu.hpp"

namespace {

using namespace tessera;

constexpr BertSizes sizes{
    .vocabulary = 30522, .hidden = 128, .layers = 2, .intermediate = 512, .positions = 512, .types = 2};

BertConfig config() {
  BertConfig c;
  c.vocab_size = 30522;
  c.hidden_size = 128;
  c.num_hidden_layers = 2;
  c.num_attention_heads = 2;
  c.intermediate_size = 512;
  return c;
}

/// A model with weights and a session; calls give the time of one run.
template <class Model>
class Timed {
 public:
  explicit Timed(const BertInput& in) : model_(config()), in_(in) {
    weights_ = std::move(Weights::of(model_)).value();
    for (Index i = 0; i < weights_.elements(); ++i)
      weights_.data()[i] = 0.05F * normal(7, static_cast<std::uint64_t>(i));
    packed_ = std::move(Packed<Cpu>::of(model_, Cpu())).value();
    session_.emplace(model_, Cpu(), &packed_);
    if (const auto reserved = session_->reserve(in); !reserved.ok()) {
      std::fprintf(stderr, "%s\n", reserved.error().message());
      std::exit(1);
    }
  }
  double run() {
    const auto start = std::chrono::steady_clock::now();
    (void)session_->run(in_);
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
  }
  float first() { return (*session_->run(in_))->last_hidden_state.view().template as<float>()[0]; }

 private:
  Model model_;
  BertInput in_;
  Weights weights_;
  Packed<Cpu> packed_;
  std::optional<Session<Model, Cpu>> session_;
};

void report(const char* what, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  std::printf("%-18s min %8.2f us, median %8.2f us\n", what, times.front(), times[times.size() / 2]);
}

}  // namespace

int main(int argc, char** argv) {
  const Index tokens = argc > 1 ? std::atol(argv[1]) : 16;
  if (tokens < 1 || tokens > 512) {
    std::fprintf(stderr, "bench_constant_sizes: expected 1 to 512 tokens\n");
    return 2;
  }
  std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens));
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(1000 + i * 7919 % 20000);
  BertInput in;
  in.layout = Layout::padded(1, tokens);
  in.input_ids = View::of_const(ids.data(), DType::i32, Index{1}, tokens);
  Timed<Bert<sizes>> constant(in);
  Timed<Bert<>> run_time(in);
  std::vector<double> of_constant, of_run_time;
  for (int i = 0; i < 5000; ++i) {
    of_constant.push_back(constant.run());
    of_run_time.push_back(run_time.run());
  }
  report("constant sizes", of_constant);
  report("run-time sizes", of_run_time);
  return constant.first() == run_time.first() ? 0 : 1;
}
#else
int main() { std::puts("the cpu backend is not built here"); }
#endif
