// parity: runs one golden case and compares with the reference, or writes what it computed.
//
//   parity CASE_DIR... [--report FILE.html] [--backend reference|eigen|cpu] [--threads N] [--gradients] [--ragged]
//   parity CASE_DIR --out FILE
//
// Without --out: a table of errors, exit code 1 when the rule is broken (golden_case.hpp states it). With --out: every
// output, and with --gradients every gradient as `grad.<parameter>`, as safetensors. Exit code 3: the case does not
// apply to a ragged batch. Several folders give a line each, and the error over all of their tensors. A case outside of
// the rule says where it begins: the first tensor in the order of the model. --report writes all of it as a page.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "common/backend.hpp"
#include "common/output.hpp"
#include "common/program.hpp"
#include "parity/model_classes.hpp"
#include "parity/report.hpp"
#include "tessera/base/thread_pool.hpp"
#include "tessera/base/version.hpp"
#include "tessera/io/safetensors.hpp"

namespace {

using namespace tessera;

constexpr int exit_not_applicable = 3;

/// All results in the shapes of the case, each under its name.
Result<void> write(const parity::GoldenCase& c, const parity::Results& results, const std::string& path) {
  io::State state;
  for (const parity::Expected& e : c.expected) {
    const auto found = results.find(e.name);
    if (found == results.end()) continue;
    const auto& values = found->second.values;
    TESSERA_TRY(state.add({e.name, DType::f32, e.shape, values.data(), values.size() * sizeof(float)}));
  }
  TESSERA_TRY_ASSIGN(programs::Output output, programs::Output::open(path));
  TESSERA_TRY(io::write_safetensors(state, output));
  return output.commit();
}

/// Errors relative to the scale of each tensor, ours and the reference's own.
struct Tally {
  std::vector<double> ours, reference;
  int cases = 0, bad_cases = 0, failed = 0, not_applicable = 0, tensors = 0, bad = 0;
};

/// Prints one case: a row for each tensor when `detailed`, else one for the case and for each tensor that is wrong.
void judge(const std::string& case_name, const std::vector<parity::Difference>& differences, bool detailed,
           Tally& tally) {
  if (detailed) std::printf("%-66s %11s %11s %11s\n", "tensor", "error", "reference", "allowed");
  int bad = 0;
  double closest = 0;
  const parity::Difference* first = nullptr;
  for (const parity::Difference& d : differences) {
    const parity::Verdict& v = d.verdict;
    if (!v.good() && ++bad == 1) first = &d;
    if (v.allowed > 0) closest = std::max(closest, v.error / v.allowed);
    if (v.scale > 0) {
      tally.ours.push_back(v.error / v.scale);
      tally.reference.push_back(d.ref_err32 / v.scale);
    }
    if (!v.problem.empty())
      std::printf("%-66s %s\n", v.name.c_str(), v.problem.c_str());
    else if (detailed || !v.good())
      std::printf("%-66s %11.3e %11.3e %11.3e%s\n", v.name.c_str(), v.error, d.ref_err32, v.allowed,
                  v.good() ? "" : "  <-- too far");
  }
  const int seen = static_cast<int>(differences.size());
  if (!detailed)
    std::printf("%-34s %3d of %3d tensors inside the rule, at most %2.0f %% of it used\n", case_name.c_str(),
                seen - bad, seen, 100 * closest);
  if (first != nullptr)
    std::printf("the first difference, in the order of the model: %s\n", first->verdict.name.c_str());
  tally.tensors += seen;
  tally.bad += bad;
  ++tally.cases;
  if (bad > 0 || seen == 0) ++tally.bad_cases;
}

constexpr const char* footer =
    "One case: a row for each tensor. Several: a line for each case, and the errors over all of their tensors.\n"
    "\n"
    "Exit code: 0 all tensors are inside the rule, or --out was written; 1 the rule is broken, or something failed;\n"
    "2 wrong options; 3 the one case does not apply (to --ragged).\n"
    "\n"
    "Examples:\n"
    "  parity tests/golden/models/*\n"
    "  parity --gradients --backend cpu --report parity.html tests/golden/models/*\n"
    "  parity --gradients --backend cpu tests/golden/models/bert-model-basic\n"
    "  parity --out results.safetensors tests/golden/models/bert-model-basic";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs golden cases and compares every output with the reference's.", "parity"};
  std::vector<std::string> folders;
  std::string out, report_file;
  programs::BackendOptions where;
  where.backend = "reference";
  where.threads = 1;
  bool gradients = false, ragged = false;
  app.add_option("case", folders, "folders of cases: case.json, tensors.safetensors and a checkpoint")->required();
  app.add_option("--out", out, "write the results here (safetensors) instead of comparing; one case")
      ->excludes(
          app.add_option("--report", report_file, "also write a page (HTML) with the errors of every case and layer"));
  app.add_flag("--gradients", gradients, "also the gradient of the loss for each parameter");
  app.add_flag("--ragged", ragged, "rows of unequal length instead of padding; padded positions are written as 0");
  where.add_to(app);
  app.add_flag_callback(
      "--list-backends",
      [] {
        for (const auto& backend : programs::backends())
          if (backend.available()) std::printf("%s\n", backend.name);
        throw CLI::Success();
      },
      "print the backends that this machine has, and leave");
  app.set_version_flag("--version", std::string("parity (tessera) ") + TESSERA_VERSION_STRING);
  app.footer(footer);
  app.callback([&] {
    if (!out.empty() && folders.size() != 1)
      throw CLI::ValidationError("--out", "expected one case, found " + std::to_string(folders.size()));
  });
  int rc = 0;
  const int ran = programs::run_program(app, argc, argv, [&]() -> Result<void> {
    TESSERA_TRY_ASSIGN(const AnyBackend backend, programs::choose_backend(where.backend));
    ThreadPool pool;
    TESSERA_TRY(pool.start(where.threads));
    parity::RunOptions options;
    options.executor = pool.executor();
    options.gradients = gradients;
    options.ragged = ragged;
    Tally tally;
    parity::Report report(where.backend, gradients, ragged);
    const auto one = [&](std::string folder) -> Result<void> {
      while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
      auto c = parity::read_case(folder);
      if (!c) return c.error();
      const auto results = parity::run_case(*c, backend, options);
      if (!results) {
        if (!parity::is_not_applicable(results.error())) return results.error().in(folder.c_str());
        ++tally.not_applicable;
        if (folders.size() == 1) {
          rc = exit_not_applicable;
          return results.error();
        }
        std::printf("%-34s %s\n", io::name_of(folder).c_str(), results.error().message());
        report.add({io::name_of(folder), c->class_name(), {}, results.error().message()});
        return {};
      }
      if (!out.empty()) return write(*c, *results, out);
      auto differences = parity::differences(*c, *results, gradients && !ragged);
      judge(io::name_of(folder), differences, folders.size() == 1, tally);
      report.add({io::name_of(folder), c->class_name(), std::move(differences), {}});
      return {};
    };
    // Of several cases one that cannot be run does not hide the others.
    for (const std::string& folder : folders) {
      const auto done = one(folder);
      if (!done.ok() && folders.size() == 1) return done.error();
      if (done.ok()) continue;
      ++tally.failed;
      std::fprintf(stderr, "parity: %s\n", done.error().message());
    }
    if (!out.empty()) return {};
    if (tally.failed > 0) std::printf("%d cases could not be run\n", tally.failed);
    std::printf("%d of %d cases (%d of %d tensors) inside the rule, %d not applicable\n", tally.cases - tally.bad_cases,
                tally.cases, tally.tensors - tally.bad, tally.tensors, tally.not_applicable);
    const auto ours = parity::Quantiles::of(tally.ours), reference = parity::Quantiles::of(tally.reference);
    std::printf("error / scale, median and p99: %.2e %.2e; the reference's own in float32: %.2e %.2e\n", ours.median,
                ours.p99, reference.median, reference.p99);
    if (!report_file.empty()) TESSERA_TRY(report.write(report_file));
    if (tally.bad_cases > 0 || tally.cases == 0 || tally.failed > 0) rc = 1;
    return {};
  });
  return rc != 0 ? rc : ran;
}
