#!/usr/bin/env python3
"""Prints the files that clang-tidy has to read: backends and examples, and the fewest tests that include every other header.

A header is checked through a file that includes it; through a hundred files it is the same header, and takes the time of a day.
"""
import functools
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SEARCHED = [ROOT / folder for folder in ("include", "tests", "examples/programs", "benchmarks", "backends")]
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
# What is compiled by another compiler, by other projects, or not at all.
SKIPPED = re.compile(r"^tests/(compile_fail|consume|isa|amalgamated)/")


@functools.cache
def included(path: pathlib.Path) -> frozenset:
    """Our own files that a file includes, directly."""
    found = set()
    for name in INCLUDE.findall(path.read_text(encoding="utf-8")):
        for folder in (path.parent, *SEARCHED):
            if (folder / name).is_file():
                found.add((folder / name).resolve())
                break
    return frozenset(found)


def reached(path: pathlib.Path) -> set:
    seen, todo = set(), [path]
    while todo:
        for header in included(todo.pop()) - seen:
            seen.add(header)
            todo.append(header)
    return seen


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "tests/*.cpp", "examples/*.cpp", "backends/*.cpp"], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.split()
    units = {name: reached(ROOT / name) for name in listed if not SKIPPED.match(name)}
    chosen = [name for name in units if not name.startswith("tests/")]
    covered = set().union(*(units[name] for name in chosen))
    wanted = set().union(*units.values())
    while wanted - covered:
        best = max(sorted(units), key=lambda name: len(units[name] - covered))
        chosen.append(best)
        covered |= units[best]
    print("\n".join(chosen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
