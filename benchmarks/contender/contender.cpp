// contender: this library behind the line protocol of a side-by-side measurement.
//
// Reads one case as a line of JSON, loads its model and warms up, and then answers "go" with the time of one
// repetition, "check" with a few numbers of its result, until "quit". benchmarks/README.md has the protocol. Only the
// answers go to standard output.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#include "contender/contestant.hpp"

namespace {

using namespace tessera;
using namespace tessera::contender;

void answer(const io::Json& json) {
  std::puts(json.dump().c_str());
  std::fflush(stdout);
}

Result<std::unique_ptr<Contestant>> make(const std::string& line, Case& c) {
  TESSERA_TRY_ASSIGN(const io::Json json, io::parse_json(line));
  TESSERA_TRY_ASSIGN(const io::Json* const described, io::get_key(json, "case"));
  TESSERA_TRY_ASSIGN(c.task, io::get_string(*described, "task"));
  if (c.task == "tokenize") return make_tokenize(json);  // has no model
  TESSERA_TRY_ASSIGN(c, parse_case(json));
  if (c.task == "encode" || c.task == "load") return make_encode(c);
  if (c.task == "prefill" || c.task == "decode") return make_generate(c);
  if (c.task == "train") return make_train(c);
  return unsupported(c);
}

/// Runs a repetition and gives its milliseconds.
Result<double> timed(Contestant& contestant) {
  const auto start = std::chrono::steady_clock::now();
  TESSERA_TRY(contestant.go());
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

Result<void> warm_up(Contestant& contestant) {
  for (int i = 0; i < 3; ++i) TESSERA_TRY(contestant.go());
  return {};
}

}  // namespace

int main() {
  std::string line;
  if (!std::getline(std::cin, line)) return 2;
  Case c;
  auto made = make(line, c);
  Result<void> ready = made ? Result<void>() : Result<void>(made.error());
  if (ready && c.task != "load" && c.task != "tokenize") ready = warm_up(**made);
  if (!ready) {
    answer({{"ready", false}, {"note", ready.error().message()}});
    return 1;
  }
  answer({{"ready", true}, {"note", (*made)->note()}});
  while (std::getline(std::cin, line) && line != "quit") {
    if (line == "go") {
      const auto ms = timed(**made);
      if (!ms) {
        std::fprintf(stderr, "contender: %s\n", ms.error().message());
        return 1;
      }
      answer({{"ms", *ms}});
    } else if (line == "check") {
      answer({{"check", (*made)->check()}});
    }
  }
  return 0;
}
