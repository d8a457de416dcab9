#!/usr/bin/env python3
"""Writes the core and the reference backend as one header.

    cmake/amalgamate.py --output build/amalgamated/tessera.hpp [header...]

Without headers: tessera/tessera.hpp and the reference backend; when there is no tessera.hpp, every header of the core.
Each header of tessera enters once, where it is first included; those of the standard library stay as they are.
"""
import argparse
import pathlib
import re
import sys

CORE = ["base", "tensor", "ops", "context", "blocks", "heads", "models", "train", "generate", "backends/reference"]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
CONDITION = re.compile(r"^\s*#\s*(if|ifdef|ifndef|endif)\b")


class Amalgamation:
    def __init__(self, include: pathlib.Path):
        self.include = include
        self.done = set()
        self.lines = []

    def add(self, name: str) -> None:
        """name: as in an include, such as tessera/base/result.hpp."""
        if name in self.done:
            return
        self.done.add(name)
        depth = 0
        self.lines.append(f"// ---- {name}")
        for line in (self.include / name).read_text(encoding="utf-8").splitlines():
            if re.match(r"^\s*#\s*pragma\s+once\b", line):
                continue
            condition = CONDITION.match(line)
            if condition:
                depth += -1 if condition.group(1) == "endif" else 1
            inner = self.ours(name, line)
            if inner is None:
                self.lines.append(line)
            elif depth > 0 and inner not in self.done:
                sys.exit(f"{name}: <{inner}> is included under a condition, so it cannot be written in its place")
            else:
                self.add(inner)

    def ours(self, name: str, line: str):
        """The header of tessera that a line includes, or None."""
        match = INCLUDE.match(line)
        if not match:
            return None
        quote, target = match.groups()
        if target.startswith("tessera/"):
            return target
        if quote == '"':
            return (pathlib.PurePosixPath(name).parent / target).as_posix()
        return None


def roots(include: pathlib.Path):
    folders = CORE
    if (include / "tessera/tessera.hpp").exists():
        yield "tessera/tessera.hpp"
        folders = ["backends/reference"]
    for folder in folders:
        for path in sorted((include / "tessera" / folder).glob("*.hpp")):
            yield path.relative_to(include).as_posix()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("headers", nargs="*")
    arguments = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent
    result = Amalgamation(root / "include")
    for name in arguments.headers or roots(root / "include"):
        result.add(name)
    top = "// tessera, the core and its reference backend in one header. Written by cmake/amalgamate.py. License: Apache-2.0.\n#pragma once\n"
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(top + "\n".join(result.lines) + "\n", encoding="utf-8")
    print(f"{arguments.output}: {len(result.done)} headers, {len(result.lines)} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
