#!/usr/bin/env python3
"""Writes include/tessera/text/moses_classes.hpp and moses_prefixes.hpp from the package sacremoses (0.2.0 made the present ones).

The facts are those of the Moses project: which characters Perl's tokenizer takes for letters and numbers, and after which
abbreviations of a language a full stop does not end a sentence. Run it in an environment that has sacremoses, then ./dev format.
"""
import argparse
import pathlib

LANGUAGES = "as bn ca cs de el en es et fi fr ga gu hi hu is it kn lt lv ml mni mr nl or pa pl pt ro ru sk sl sv ta te tdt yue zh"

CLASSES_HEAD = """// Character classes of the Moses tokenizer, as ranges: data, no code but the search.
//
// They are those of an old Perl with the viramas and nuktas of Indic scripts added, not those of a Unicode version, and so
// none of unicode.hpp's business. Made by cmake/moses_tables.py. Source: the Moses project, as sacremoses 0.2.0 has it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tessera/base/isa.hpp"
#include "tessera/text/unassigned.hpp"

namespace tessera::inline TESSERA_ISA::text::moses {

namespace detail {

"""

CLASSES_TAIL = """
}  // namespace detail

/// What a character is to the tokenizer; a character may be several.
enum Class : std::uint8_t { alnum = 1, alpha = 2, number = 4, lower = 8, hangul = 16 };

namespace detail {

inline std::uint8_t search(char32_t c) noexcept {
  unsigned classes = 0;
  if (unicode::contains(alnum_ranges, c)) classes |= Class::alnum;
  if (unicode::contains(alpha_ranges, c)) classes |= Class::alpha;
  if (unicode::contains(number_ranges, c)) classes |= Class::number;
  if (unicode::contains(lower_ranges, c)) classes |= Class::lower;
  if (unicode::contains(hangul_ranges, c)) classes |= Class::hangul;
  return static_cast<std::uint8_t>(classes);
}

/// A byte for each code point of the first plane, where nearly all text is.
class FirstPlane {
 public:
  static constexpr char32_t size = 0x10000;
  FirstPlane() noexcept {
    for (char32_t c = 0; c < size; ++c) classes_[c] = search(c);
  }
  std::uint8_t operator[](char32_t c) const noexcept { return classes_[c]; }

 private:
  std::array<std::uint8_t, size> classes_{};
};

}  // namespace detail

inline std::uint8_t classes_of(char32_t c) noexcept {
  static const detail::FirstPlane first_plane;
  return c < detail::FirstPlane::size ? first_plane[c] : detail::search(c);
}

}  // namespace tessera::text::moses
"""

PREFIXES_HEAD = """// Abbreviations after which a full stop stays with its word, for each language: data.
//
// Words of a list are parted by spaces; those of `before_numbers` count only where a number follows. A language that is not
// here has the lists of English. Made by cmake/moses_tables.py. Source: the Moses project, as sacremoses 0.2.0 has it.
#pragma once

#include <string_view>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA::text::moses {

struct Prefixes {
  std::string_view language;
  std::string_view always;
  std::string_view before_numbers;
};

// clang-format off
inline constexpr Prefixes prefixes[] = {
"""


def ranges(characters):
    out = []
    for code in sorted(set(map(ord, characters))):
        if out and out[-1][1] == code - 1:
            out[-1][1] = code
        else:
            out.append([code, code])
    return ", ".join("{0x%04X, 0x%04X}" % tuple(r) for r in out)


def literal(words):
    """Adjacent string literals of some eighty bytes each."""
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) > 80:
            lines.append(line)
            line = ""
        line += word + " "
    lines.append(line.rstrip(" "))
    return "\n".join('"' + l.replace("\\", "\\\\").replace('"', '\\"') + '"' for l in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--output", type=pathlib.Path, default=root / "include/tessera/text")
    arguments = parser.parse_args()
    from sacremoses.tokenize import MosesTokenizer, perluniprops

    text = CLASSES_HEAD
    classes = {"alnum": MosesTokenizer.IsAlnum, "alpha": MosesTokenizer.IsAlpha, "number": MosesTokenizer.IsN,
               "lower": MosesTokenizer.IsLower, "hangul": perluniprops.chars("Hangul")}
    for name, characters in classes.items():
        text += "inline constexpr unicode::Range %s_ranges[] = {%s};\n\n" % (name, ranges("".join(characters)))
    (arguments.output / "moses_classes.hpp").write_text(text.rstrip() + "\n" + CLASSES_TAIL, encoding="utf-8")

    text = PREFIXES_HEAD
    for language in LANGUAGES.split():
        tokenizer = MosesTokenizer(language)
        numeric = tokenizer.NUMERIC_ONLY_PREFIXES
        always = [p for p in tokenizer.NONBREAKING_PREFIXES if p not in numeric and " " not in p]
        text += "{\"%s\",\n%s,\n%s},\n" % (language, literal(always), literal(numeric))
    (arguments.output / "moses_prefixes.hpp").write_text(text + "};\n// clang-format on\n\n}  // namespace tessera::text::moses\n", encoding="utf-8")


if __name__ == "__main__":
    main()
