// parity: runs one golden case and compares with the reference, or writes what it computed.
//
//   parity CASE_DIR [--out FILE] [--backend reference|eigen|cpu] [--threads N] [--gradients] [--ragged] [--trace]
//
// Without --out: a table of errors, exit code 1 when the rule is broken (golden_case.hpp states it). With --out: every
// output, and with --gradients every gradient as `grad.<parameter>`, as safetensors. Exit code 3: the case does not
// apply to a ragged batch.
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "common/backend.hpp"
#include "common/program.hpp"
#include "parity/run_bert.hpp"
#include "tessera/base/thread_pool.hpp"
#include "tessera/io/safetensors.hpp"

namespace {

using namespace tessera;

constexpr int exit_not_applicable = 3;

bool is_not_applicable(const Error& error) {
  return error.code() == Code::unsupported && std::string(error.message()).find("not applicable") != std::string::npos;
}

/// All results in the shapes of the case, each under its name.
Result<void> write(const parity::GoldenCase& c, const parity::Results& results, const std::string& path) {
  io::State state;
  for (const parity::Expected& e : c.expected) {
    const auto found = results.find(e.name);
    if (found == results.end()) continue;
    const auto& values = found->second.values;
    TESSERA_TRY(state.add({e.name, DType::f32, e.shape, values.data(), values.size() * sizeof(float)}));
  }
  return io::write_safetensors(state, path);
}

int print(const parity::GoldenCase& c, const parity::Results& results, bool gradients, bool ragged) {
  std::printf("%-66s %11s %11s %11s\n", "tensor", "error", "reference", "allowed");
  int bad = 0, seen = 0;
  for (const parity::Expected& e : c.expected) {
    if (e.is_gradient && (!gradients || ragged)) continue;
    const parity::Verdict v = parity::compare(c, e, results);
    ++seen;
    if (!v.good()) ++bad;
    if (!v.problem.empty())
      std::printf("%-66s %s\n", v.name.c_str(), v.problem.c_str());
    else
      std::printf("%-66s %11.3e %11.3e %11.3e%s\n", v.name.c_str(), v.error, v.ref_err, v.allowed, v.good() ? "" : "  <-- too far");
  }
  std::printf("%d of %d tensors inside the rule\n", seen - bad, seen);
  return bad == 0 && seen > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs a golden case and compares every output with the reference's.", "parity"};
  std::string folder, out;
  programs::BackendOptions where;
  where.backend = "reference";
  where.threads = 1;
  bool gradients = false, ragged = false;
  app.add_option("case", folder, "folder of the case: case.json, tensors.safetensors and a checkpoint")->required();
  app.add_option("--out", out, "write the results here (safetensors) instead of comparing");
  app.add_flag("--gradients", gradients, "also the gradient of the loss for each parameter");
  app.add_flag("--ragged", ragged, "rows of unequal length instead of padding; padded positions are written as 0");
  where.add_to(app);
  int rc = 0;
  const int ran = programs::run_program(app, argc, argv, [&]() -> Result<void> {
    TESSERA_TRY_ASSIGN(const parity::GoldenCase c, parity::read_case(folder));
    TESSERA_TRY_ASSIGN(const AnyBackend backend, programs::choose_backend(where.backend));
    ThreadPool pool;
    TESSERA_TRY(pool.start(where.threads));
    parity::RunOptions options;
    options.executor = pool.executor();
    options.gradients = gradients;
    options.ragged = ragged;
    const auto results = parity::run_bert(c, backend, options);
    if (!results) {
      rc = is_not_applicable(results.error()) ? exit_not_applicable : 0;
      return results.error();
    }
    if (!out.empty()) return write(c, *results, out);
    rc = print(c, *results, gradients, ragged);
    return {};
  });
  return rc != 0 ? rc : ran;
}
