#!/usr/bin/env python3
"""Writes include/tessera/text/unicode_data.hpp: the Unicode tables for builds without utf8proc, from Python's unicodedata.

The tables must be those of Unicode 14.0, which is what Python 3.11 has; another one is refused. Run ./dev format afterwards.
"""
import argparse
import pathlib
import sys
import unicodedata

CATEGORIES = "Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co".split()
BLOCK = 128

HEAD = """// The Unicode Character Database 14.0 in tables: data, no code. How they are searched is in unicode_generated.hpp.
//
// Made by cmake/unicode_tables.py. Source: Unicode Character Database 14.0 (UnicodeData.txt, CompositionExclusions.txt), by way of
// Python 3.11.
#pragma once

#include <cstdint>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA::text::unicode::data {

"""


def array(kind, name, values, per_line=24):
    values = list(values)
    lines = [", ".join(map(str, values[i:i + per_line])) for i in range(0, len(values), per_line)]
    return "// clang-format off\ninline constexpr %s %s[] = {\n%s};\n// clang-format on\n\n" % (kind, name, ",\n".join(lines))


def hangul(code):
    return 0xAC00 <= code <= 0xD7A3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--output", type=pathlib.Path, default=root / "include/tessera/text/unicode_data.hpp")
    arguments = parser.parse_args()
    if unicodedata.unidata_version != "14.0.0":
        sys.exit("unicode_tables.py: this Python has Unicode %s, 14.0.0 expected" % unicodedata.unidata_version)

    # Properties: a number for each code point, the same for all that agree in everything.
    records, numbers = {}, []
    pools, decompositions = [], {"NFD": [], "NFKD": []}
    for code in range(0x110000):
        character = chr(code)
        surrogate = 0xD800 <= code <= 0xDFFF
        lower = character if surrogate else character.lower()
        shift = ord(lower) - code if len(lower) == 1 else 0
        forms = 0
        for bit, form in enumerate(("NFD", "NFKD")):
            full = character if surrogate or hangul(code) else unicodedata.normalize(form, character)
            if full != character:
                forms |= 1 << bit
                decompositions[form].append((code, tuple(map(ord, full))))
        record = (CATEGORIES.index(unicodedata.category(character)), unicodedata.combining(character), shift, forms)
        numbers.append(records.setdefault(record, len(records)))

    blocks, index = {}, []
    for start in range(0, 0x110000, BLOCK):
        block = tuple(numbers[start:start + BLOCK])
        index.append(blocks.setdefault(block, len(blocks)))
    assert len(records) <= 256 and len(blocks) <= 256  # a byte each

    text = HEAD
    text += "struct Property {\n  std::uint8_t category;\n  std::uint8_t combining_class;\n  std::uint8_t decomposes;  ///< 1: canonically, 2: by compatibility\n  std::int32_t lower;       ///< added to the code point\n};\n\n"
    text += "inline constexpr std::uint32_t block_size = %d;\n\n" % BLOCK
    text += array("Property", "properties", ("{%d, %d, %d, %d}" % (c, k, f, s) for c, k, s, f in records), 8)
    text += array("std::uint8_t", "block_of", index)
    text += array("std::uint8_t", "blocks", (n for block in blocks for n in block), 32)

    # Full decompositions, of both kinds in one pool.
    pool, places = [], {}
    text += "/// A code point and where in the pool its full decomposition lies.\nstruct Decomposition {\n  std::uint32_t code_point;\n  std::uint16_t offset;\n  std::uint8_t length;\n};\n\n"
    for form, name in (("NFD", "canonical"), ("NFKD", "compatible")):
        entries = []
        for code, full in decompositions[form]:
            if full not in places:
                places[full] = len(pool)
                pool.extend(full)
            entries.append("{0x%X, %d, %d}" % (code, places[full], len(full)))
        text += array("Decomposition", name, entries, 8)
    assert len(pool) < 65536
    text += array("std::uint32_t", "pool", ("0x%X" % c for c in pool), 16)

    # Primary composites: what NFC puts together again.
    pairs = []
    for code in range(0x110000):
        if 0xD800 <= code <= 0xDFFF or hangul(code):
            continue
        parts = unicodedata.decomposition(chr(code))
        if not parts or parts.startswith("<") or " " not in parts:
            continue
        first, second = (int(p, 16) for p in parts.split())
        if unicodedata.normalize("NFC", chr(first) + chr(second)) == chr(code):
            pairs.append((first, second, code))
    text += "/// Two code points that compose to a third, sorted by the two.\nstruct Composition {\n  std::uint32_t first;\n  std::uint32_t second;\n  std::uint32_t composed;\n};\n\n"
    text += array("Composition", "compositions", ("{0x%X, 0x%X, 0x%X}" % p for p in sorted(pairs)), 6)
    arguments.output.write_text(text.rstrip() + "\n\n}  // namespace tessera::text::unicode::data\n", encoding="utf-8")
    print("%d properties, %d blocks, %d + %d decompositions, %d compositions" % (
        len(records), len(blocks), len(decompositions["NFD"]), len(decompositions["NFKD"]), len(pairs)))


if __name__ == "__main__":
    main()
