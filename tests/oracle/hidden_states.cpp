// hidden_states MODEL BACKEND FOLDER: a question answering model on one pair of texts. FOLDER has the ids, the types
// (i32) and the two positions of the answer; the hidden states go there as floats, the loss to standard output. The
// other side of check_hidden_states.py, which compiles it.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "tessera/backends/cpu/cpu.hpp"
#include "tessera/backends/reference/reference.hpp"
#include "tessera/pretrained/auto.hpp"

namespace {

using namespace tessera;

std::vector<std::int32_t> numbers(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  std::vector<std::int32_t> values(bytes.size() / sizeof(std::int32_t));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(std::int32_t));
  return values;
}

Result<void> run(const std::string& model, const std::string& backend, const std::string& folder) {
  TESSERA_TRY_ASSIGN(const auto answerer, AutoModelForQuestionAnswering::from_pretrained(model));
  TESSERA_TRY(answerer->prepare(backend == "cpu" ? AnyBackend::of(Cpu()) : AnyBackend::of(Reference<float>())));
  std::ofstream states(folder + "/hidden_states." + backend, std::ios::binary);
  TapSink sink;
  sink.state = &states;
  sink.wants = [](void*, const char* what) { return std::strcmp(what, "hidden_states") == 0; };
  sink.take = [](void* file, const char*, const View& value, const Memory&) {
    static_cast<std::ofstream*>(file)->write(value.as<const char>(), static_cast<std::streamsize>(value.bytes()));
  };
  TESSERA_TRY(answerer->set_taps(sink));
  const auto ids = numbers(folder + "/ids"), types = numbers(folder + "/types"), answer = numbers(folder + "/answer");
  const auto tokens = static_cast<Index>(ids.size());
  AnyInput in;
  in.layout = Layout::padded(1, tokens);
  in.input_ids = View::of_const(ids.data(), DType::i32, Index{1}, tokens);
  in.token_type_ids = View::of_const(types.data(), DType::i32, Index{1}, tokens);
  in.start_positions = View::of_const(answer.data(), DType::i32, Index{1});
  in.end_positions = View::of_const(answer.data() + 1, DType::i32, Index{1});
  TESSERA_TRY(answerer->run(in));
  std::printf("%.9g\n", static_cast<double>(answerer->output("loss")[0]));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::puts("hidden_states MODEL reference|cpu FOLDER"), 2;
  const auto done = run(argv[1], argv[2], argv[3]);
  if (!done.ok()) std::fprintf(stderr, "hidden_states: %s\n", done.error().message());
  return done.ok() ? 0 : 1;
}
