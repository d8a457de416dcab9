#!/usr/bin/env python3
"""Writes a source that includes every public header after another library has defined macros with everyday names.

Windows has min, max, near, far and small; Apple's AssertMacros.h had check and verify. The headers that are not ours
come first: whether they bear such macros is their affair.
"""
import argparse
import pathlib
import re
import sys

INCLUDE = re.compile(r"^\s*#\s*include\s*<([^>]+)>", re.MULTILINE)
MACROS = """\
#define min(a, b) TESSERA_HOSTILE_MACRO
#define max(a, b) TESSERA_HOSTILE_MACRO
#define check TESSERA_HOSTILE_MACRO ?
#define verify TESSERA_HOSTILE_MACRO ?
#define small char
#define near
#define far
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--include", type=pathlib.Path, required=True, help="the folder include/")
    parser.add_argument("headers", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    others, ours = set(), []
    for header in arguments.headers:
        ours.append(header.relative_to(arguments.include).as_posix())
        text = header.read_text(encoding="utf-8")
        # Includes under a condition are left to the header itself.
        depth = 0
        for line in text.splitlines():
            if re.match(r"^\s*#\s*if", line):
                depth += 1
            elif re.match(r"^\s*#\s*endif", line):
                depth -= 1
            match = INCLUDE.match(line)
            if match and depth == 0 and not match.group(1).startswith("tessera/"):
                others.add(match.group(1))
    lines = [f"#include <{name}>" for name in sorted(others)]
    lines += [MACROS]
    lines += [f"#include <{name}>" for name in ours]
    lines += ["int main() { return 0; }", ""]
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text("\n".join(lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
