#!/usr/bin/env python3
"""What including tessera costs: seconds and memory of the compiler, bytes of the program. Prints two Markdown tables: of the library,
and of each architecture with constant sizes (benchmarks/constant_size): the arena, the program at -Os, the compiler at -O2.

    cmake/compile_cost.py [--compiler g++] [--check]

Seconds are processor seconds, the median of the rounds. Memory is the peak of the largest process of the compiler. --check fails
when a mark is missed.
"""
import argparse
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "03_constant_size_model.cpp"
ENCODE = ROOT / "build" / "release" / "bin" / "encode"
DEPLOYED = ROOT / "benchmarks" / "constant_size"
CORE = ["base", "tensor", "ops", "context", "blocks", "heads", "models", "train", "generate", "backends/reference"]
SMALL = ["-Os", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"]


def run(command):
    """(processor seconds, peak MB) of a command and the processes it starts."""
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(command, rounds):
    runs = [run(command) for _ in range(rounds)]
    return statistics.median(seconds for seconds, _ in runs), max(peak for _, peak in runs)


def core_includes():
    """What stands for "the core": tessera.hpp, or every header of the core while there is none."""
    include = ROOT / "include"
    if (include / "tessera/tessera.hpp").exists():
        return "`tessera.hpp`", "#include <tessera/tessera.hpp>\n"
    headers = [p for folder in CORE for p in sorted((include / "tessera" / folder).glob("*.hpp"))]
    return "all core headers", "".join(f"#include <{p.relative_to(include).as_posix()}>\n" for p in headers)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="fail when a mark is missed")
    arguments = parser.parse_args()
    if shutil.which(arguments.compiler) is None:
        sys.exit(f"{arguments.compiler} is not installed")

    rows, missed = [], []

    def row(what, value, unit, mark=None):
        shown = "missing" if value is None else f"{value:.2f} {unit}" if unit == "s" else f"{value:.0f} {unit}"
        rows.append((what, shown, f"< {mark:g} {unit}" if mark is not None else ""))
        if mark is not None and (value is None or value >= mark):
            missed.append(what)

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        flags = [arguments.compiler, "-std=c++20", f"-I{ROOT / 'include'}"]

        def stripped_kb(path):
            copy = folder / "stripped"
            subprocess.run(["strip", "-o", copy, path], check=True)
            return copy.stat().st_size / 1000

        name, text = core_includes()
        (folder / "empty.cpp").write_text("int main() {}\n")
        (folder / "core.cpp").write_text(text + "int main() {}\n")
        seconds, peak = measure([*flags, "-O2", "-c", folder / "empty.cpp", "-o", folder / "a.o"], arguments.rounds)
        row("an empty program, time", seconds, "s")
        seconds, peak = measure([*flags, "-O2", "-c", folder / "core.cpp", "-o", folder / "a.o"], arguments.rounds)
        row(f"{name} alone, time", seconds, "s", 0.5)
        row(f"{name} alone, memory", peak, "MB")

        seconds = peak = size = None
        if EXAMPLE.exists():
            program = folder / "program"
            seconds, peak = measure([*flags, "-O2", EXAMPLE, "-o", program], arguments.rounds)
            run([*flags, *SMALL, EXAMPLE, "-o", program])
            size = stripped_kb(program)
        row("constant-size program, time", seconds, "s", 3)
        row("constant-size program, memory", peak, "MB", 500)
        row("constant-size program, stripped", size, "kB", 150)
        if ENCODE.exists():
            row("`encode`, stripped", stripped_kb(ENCODE), "kB", 2000)

        deployed = []
        for source in sorted(DEPLOYED.glob("*.cpp")):
            program = folder / source.stem
            seconds, peak = measure([*flags, "-O2", source, "-o", program], arguments.rounds)
            run([*flags, *SMALL, source, "-o", program])
            said = subprocess.run([program], capture_output=True, text=True, check=True).stdout
            name = source.read_text().splitlines()[0].removeprefix("// ").removesuffix(" with constant sizes.")
            arena = int(re.search(r"arena (\d+) bytes", said).group(1))
            deployed.append((name, arena, stripped_kb(program), seconds, peak))
            if stripped_kb(program) >= 150 or seconds >= 3:
                missed.append(f"{name} with constant sizes")

    version = subprocess.run([arguments.compiler, "--version"], capture_output=True, text=True, check=True).stdout
    print(f"{version.splitlines()[0]}, -O2 unless said\n")
    print("| what | measured | mark |\n|---|---|---|")
    for what, shown, mark in rows:
        print(f"| {what} | {shown} | {mark} |")
    print("\n| constant sizes | arena, bytes | -Os, stripped | compiling, -O2 |\n|---|---|---|---|")
    for name, arena, size, seconds, peak in deployed:
        print(f"| {name} | {arena} | {size:.0f} kB | {seconds:.1f} s, {peak:.0f} MB |")
    for what in missed:
        print(f"\nmark missed: {what}")
    return 1 if arguments.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
