// What a case needs of a model: a repetition, and a few numbers by which contenders are compared.
#pragma once

#include <cmath>
#include <memory>
#include <string>

#include "contender/case.hpp"
#include "tessera/backends/cpu/cpu.hpp"
#include "tessera/base/thread_pool.hpp"

namespace tessera::contender {

class Contestant {
 public:
  virtual ~Contestant() = default;
  /// One repetition.
  virtual Result<void> go() = 0;
  /// The numbers that the protocol asks for, as a JSON array.
  virtual io::Json check() = 0;
  /// What to know about this run.
  virtual std::string note() const { return std::string("cpu backend, ") + Cpu::target(); }
};

/// Loads what the case needs, or says why it cannot be run. encode: the tasks `encode` and `load`; generate: `prefill`
/// and `decode`.
Result<std::unique_ptr<Contestant>> make_encode(const Case& c);
Result<std::unique_ptr<Contestant>> make_generate(const Case& c);
Result<std::unique_ptr<Contestant>> make_train(const Case& c);
Result<std::unique_ptr<Contestant>> make_tokenize(const io::Json& line);

inline Error unsupported(const Case& c) {
  return Error::format(Code::unsupported, "%s: the task %s is not supported", c.arch.c_str(), c.task.c_str());
}

/// The ids of all rows, one after the other, each as long as the case says, and where each begins.
struct CaseIds {
  std::vector<std::int32_t> ids, offsets{0};

  /// `more`: tokens behind each row's own.
  explicit CaseIds(const Case& c, Index more = 0) {
    for (Index b = 0; b < c.batch; ++b) {
      const Index length = more + (c.lengths.empty() ? c.seq : c.lengths[static_cast<std::size_t>(b)]);
      for (Index i = 0; i < length; ++i) ids.push_back(token_id(c.vocabulary, b, i));
      offsets.push_back(static_cast<std::int32_t>(ids.size()));
    }
  }
  View view() const { return View::of_const(ids.data(), DType::i32, static_cast<Index>(ids.size())); }
};

/// Numbers as the protocol compares them, to five places.
inline io::Json rounded(const float* numbers, int count) {
  io::Json json = io::Json::array();
  for (int i = 0; i < count; ++i) json.push_back(std::round(static_cast<double>(numbers[i]) * 1e5) / 1e5);
  return json;
}

}  // namespace tessera::contender
