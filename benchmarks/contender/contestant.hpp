// What a case needs of a model: a repetition, and a few numbers by which contenders are compared.
#pragma once

#include <memory>
#include <string>

#include "contender/case.hpp"

namespace tessera::contender {

class Contestant {
 public:
  virtual ~Contestant() = default;
  /// One repetition.
  virtual Result<void> go() = 0;
  /// The numbers that the protocol asks for, as a JSON array.
  virtual io::Json check() = 0;
  /// What to know about this run.
  virtual std::string note() const = 0;
};

/// Loads what the case needs, or says why it cannot be run.
Result<std::unique_ptr<Contestant>> make_bert(const Case& c);
Result<std::unique_ptr<Contestant>> make_tokenize(const io::Json& line);

}  // namespace tessera::contender
