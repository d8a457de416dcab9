// merges.txt: which two symbols a byte-pair encoding joins, best first. Read from memory, and written again.
//
// What a merge means is the business of bpe.hpp. Lines that are no merges (blank ones, or with one field or three) are
// kept, since they take part in the numbering. Source: Sennrich et al. 2016 (subword-nmt); the readers of
// pytorch-transformers 1.2.0.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "tessera/base/result.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/utf8.hpp"
#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

struct MergesFormat {
  /// The first line is dropped unread.
  bool header = true;
  /// Fields of a line that count; the rest is not looked at.
  std::size_t most_fields = static_cast<std::size_t>(-1);
};

class Merges {
 public:
  /// A line ends at LF, CR LF or CR; fields are parted by white space. As in the reference, what comes behind the last
  /// line end is lost, and of equal lines the last one gives the rank.
  static Result<Merges> read(std::string_view file, MergesFormat format = {}) {
    if (const std::size_t bad = utf8::find_invalid(file); bad != file.size()) {
      return Error::format(Code::bad_format, "merges: expected UTF-8, found an invalid byte 0x%02X at offset %zu",
                           static_cast<unsigned>(static_cast<unsigned char>(file[bad])), bad);
    }
    Merges merges;
    std::size_t count = 0;
    for (const char c : file) count += c == '\n' || c == '\r' ? 1 : 0;
    merges.lines_.reserve(count, file.size());
    std::string fields;
    bool skip = format.header;
    Id rank = 0;
    while (true) {
      const std::size_t end = file.find_first_of("\r\n");
      if (end == std::string_view::npos) return merges;
      const bool two = file[end] == '\r' && end + 1 < file.size() && file[end + 1] == '\n';
      if (skip) {
        skip = false;
      } else {
        fields.clear();
        std::size_t n = 0;
        for_each_word(file.substr(0, end), [&](std::string_view field) {
          if (n++ >= format.most_fields) return;
          if (!fields.empty()) fields += ' ';
          fields += field;
        });
        TESSERA_TRY(merges.lines_.set(fields, rank++));
      }
      file.remove_prefix(end + (two ? 2 : 1));
    }
  }

  /// One more than the largest rank.
  std::size_t rank_bound() const noexcept { return lines_.id_bound(); }
  /// Lines that are alike count once.
  std::size_t size() const noexcept { return lines_.size(); }

  struct Merge {
    std::string_view left;
    std::string_view right;
  };

  /// The merge of a rank, if there is one.
  std::optional<Merge> at(std::size_t rank) const noexcept {
    const std::string_view line = lines_.token(static_cast<Id>(rank));
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) return std::nullopt;
    return Merge{line.substr(0, space), line.substr(space + 1)};
  }

  /// The file as the reference saves it; `gaps` says whether ranks are missing, which it warns of.
  std::string file(bool& gaps, bool header = true) const {
    std::string out = header ? "#version: 0.2\n" : "";
    gaps = false;
    for (std::size_t rank = 0; rank < lines_.id_bound(); ++rank) {
      gaps |= !lines_.has(static_cast<Id>(rank));
      if (lines_.has(static_cast<Id>(rank))) out.append(lines_.token(static_cast<Id>(rank))).push_back('\n');
    }
    return out;
  }

 private:
  Vocabulary lines_;  // fields with single spaces between, and the rank as the id
};

}  // namespace tessera::text
