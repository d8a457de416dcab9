#!/usr/bin/env python3
"""Passes when a source does not compile and the compiler says what the source's `// expect: <text>` lines say.

    cmake/check_compile_fail.py <source> -- <compiler> <flags...>

Without the part of the file under `#ifdef TESSERA_MUST_FAIL`, if it has one, the source has to compile: so that it is that part
which fails, and not a slip elsewhere.
"""
import pathlib
import re
import subprocess
import sys


def main() -> int:
    source = pathlib.Path(sys.argv[1])
    command = sys.argv[sys.argv.index("--") + 1 :] + ["-fsyntax-only", str(source)]
    text = source.read_text(encoding="utf-8")
    expected = re.findall(r"^\s*// expect: *(.+?)\s*$", text, re.MULTILINE)
    if not expected:
        print(f"{source}: has no line `// expect: <text>`")
        return 1
    if "TESSERA_MUST_FAIL" in text:
        sane = subprocess.run(command, capture_output=True, text=True, check=False)
        if sane.returncode != 0:
            print(f"{source}: does not compile even without TESSERA_MUST_FAIL\n{sane.stderr}")
            return 1
        command.append("-DTESSERA_MUST_FAIL")
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode == 0:
        print(f"{source}: compiles, and must not")
        return 1
    missing = [sentence for sentence in expected if sentence not in run.stderr]
    for sentence in missing:
        print(f"{source}: the compiler does not say: {sentence}")
    if missing:
        print(run.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
