// A case of the side-by-side measurement: what is computed, on which ids, in which arithmetic, on how many threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tessera/context/backend.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/json.hpp"

namespace tessera::contender {

struct Case {
  std::string task;    ///< encode, load, ...
  std::string arch;    ///< bert, ...
  std::string folder;  ///< of the model
  Index batch = 0;
  Index seq = 0;
  Index new_tokens = 0;
  Precision precision = Precision::f32;
  int threads = 1;
  double dropout = 0;                 ///< in training, everywhere
  std::vector<std::int32_t> lengths;  ///< real lengths of the rows; empty: all are `seq` long
  std::int64_t vocabulary = 0;
};

inline Result<Precision> precision_named(const std::string& name) {
  if (name == "f32") return Precision::f32;
  if (name == "bf16") return Precision::bf16;
  if (name == "int8") return Precision::int8;
  return Error::format(Code::unsupported, "precision %s is unknown", name.c_str());
}

/// The first line of the protocol: {"case": {...}, "models": folder}.
inline Result<Case> parse_case(const io::Json& line) {
  Case c;
  TESSERA_TRY_ASSIGN(const io::Json* const json, io::get_key(line, "case"));
  TESSERA_TRY_ASSIGN(c.task, io::get_string(*json, "task"));
  TESSERA_TRY_ASSIGN(c.arch, io::get_string(*json, "arch"));
  TESSERA_TRY_ASSIGN(const std::string model, io::get_string_or(*json, "model", ""));
  TESSERA_TRY_ASSIGN(const std::string models, io::get_string(line, "models"));
  c.folder = io::join_path(models, model);
  TESSERA_TRY_ASSIGN(c.batch, io::get_int_or(*json, "batch", 1));
  TESSERA_TRY_ASSIGN(c.seq, io::get_int_or(*json, "seq", 1));
  TESSERA_TRY_ASSIGN(c.new_tokens, io::get_int_or(*json, "new_tokens", 0));
  TESSERA_TRY_ASSIGN(const std::string precision, io::get_string_or(*json, "precision", "f32"));
  TESSERA_TRY_ASSIGN(c.precision, precision_named(precision));
  TESSERA_TRY_ASSIGN(c.dropout, io::get_double_or(*json, "dropout", 0));
  TESSERA_TRY_ASSIGN(const std::int64_t threads, io::get_int_or(*json, "threads", 1));
  if (threads < 1 || threads > 1024 || c.batch < 1 || c.seq < 1)
    return Error::format(Code::out_of_range, "case: batch, seq and threads must be positive");
  c.threads = static_cast<int>(threads);
  if (const io::Json* const lengths = io::find_key(*json, "lengths"); lengths != nullptr && !lengths->is_null()) {
    TESSERA_TRY_ASSIGN(const std::vector<std::int64_t> rows, io::as_ints(*lengths, "lengths"));
    if (static_cast<Index>(rows.size()) != c.batch)
      return Error::format(Code::shape_mismatch, "case: a length for each row of the batch expected");
    for (const std::int64_t n : rows) {
      if (n < 1 || n > c.seq) return Error::format(Code::out_of_range, "case: a length is outside of the rows");
      c.lengths.push_back(static_cast<std::int32_t>(n));
    }
  }
  if (const io::Json* const config = io::find_key(*json, "config"); config != nullptr) {
    TESSERA_TRY_ASSIGN(c.vocabulary, io::get_int_or(*config, "vocab_size", 0));
  }
  return c;
}

/// The id at position `i` of row `b`, the same for every contender.
inline std::int32_t token_id(std::int64_t vocabulary, Index b, Index i) {
  const std::int64_t first = vocabulary > 2200 ? 1000 : 0;
  const std::int64_t span = vocabulary > 2200 ? vocabulary - 1100 : vocabulary;
  return static_cast<std::int32_t>(first + (i * 7919 + b * 104729 + 17) % span);
}

}  // namespace tessera::contender
