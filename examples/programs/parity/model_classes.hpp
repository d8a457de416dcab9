// The classes that parity knows: each architecture's file of this folder registers its own, by the reference's name.
//
// A new architecture adds one file here, as bert.cpp: how a case becomes an input of its model (an adapter), and a
// table of classes.
#pragma once

#include <string>
#include <vector>

#include "golden_case.hpp"
#include "tessera/base/executor.hpp"
#include "tessera/context/backend.hpp"

namespace tessera::parity {

struct RunOptions {
  Executor executor;
  bool gradients = false;
  bool ragged = false;
  bool outputs_from_tape = false;  ///< outputs of the training forward, to compare both
};

using RunCase = Result<Results> (*)(const GoldenCase&, const AnyBackend&, const RunOptions&);

struct ModelClass {
  const char* name;  ///< "BertForMaskedLM"
  RunCase run;
};

/// Adds classes before main begins.
struct Registration {
  Registration(std::initializer_list<ModelClass> classes) { all().insert(all().end(), classes); }
  static std::vector<ModelClass>& all() {
    static std::vector<ModelClass> classes;
    return classes;
  }
};

/// Runs a case of any class. A case that cannot be run as asked (ragged) is "not applicable".
inline Result<Results> run_case(const GoldenCase& c, const AnyBackend& backend, const RunOptions& options) {
  const std::string name = c.class_name();
  for (const ModelClass& known : Registration::all())
    if (name == known.name) return known.run(c, backend, options);
  return Error::format(Code::unsupported, "parity: there is no class %s", name.c_str());
}

inline Error not_applicable(const char* why) { return Error::format(Code::unsupported, "not applicable: %s", why); }
inline bool is_not_applicable(const Error& error) {
  return error.code() == Code::unsupported && std::string(error.message()).starts_with("not applicable");
}

}  // namespace tessera::parity
