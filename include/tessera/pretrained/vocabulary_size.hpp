// vocabulary_size: whether a vocabulary and a model's embedding table belong together.
#pragma once

#include <cstddef>

#include "tessera/base/result.hpp"
#include "tessera/tensor/extents.hpp"

namespace tessera::inline TESSERA_ISA {

/// Tables are padded with rows that no token has, to a multiple of 8, 64 or 128: fewer than this many.
inline constexpr Index most_padding_rows = 128;

/// Refuses a vocabulary whose ids [0, id_bound) are not those of a model with `vocab_size` rows: one with ids beyond
/// the table, and one so much smaller that padding cannot be the reason. A vocabulary of another model would otherwise
/// give ids that mean something else there. `file` is named in the sentence.
inline Result<void> vocabulary_fits(const char* file, std::size_t id_bound, Index vocab_size) noexcept {
  const auto bound = static_cast<Index>(id_bound);
  if (bound <= vocab_size && vocab_size - bound < most_padding_rows) return {};
  return Error::format(Code::out_of_range,
                       "%s: ids below %lld, but the model's vocab_size is %lld%s: they do not belong together", file,
                       static_cast<long long>(bound), static_cast<long long>(vocab_size),
                       bound < vocab_size ? ", more than padding explains" : "");
}

}  // namespace tessera
