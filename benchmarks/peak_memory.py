#!/usr/bin/env python3
"""Peak memory of the program encode. Prints a Markdown table: a row for each backend.

    benchmarks/peak_memory.py MODEL [--encode build/release/bin/encode] [--copies 100] [encode's options]

MODEL is the folder of a sentence encoder; `./dev demo` downloads one into build/models. The text is examples/data/sentences.txt,
--copies times; the embeddings go to a temporary npy file. "Peak" is the largest resident set of the process as the kernel counts it
(ru_maxrss of wait4), which includes pages of the weights file that are mapped and were read; "weights" is the size of that
file; "beyond" is the difference, below 0 when the run did not touch all of the weights. The row "start" is `encode --version`: with
cuBLAS linked, loading it alone may take more than the model, and the other peaks then say nothing; measure a build without CUDA. Other options, such as --threads 2 or
--batch-tokens 4096, go to encode. Backends that the build has and this machine cannot run are left out and named on stderr. MB are
10^6 bytes.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WEIGHTS = ["model.safetensors", "pytorch_model.bin"]


def backends(encode):
    """The names that the help of --backend lists."""
    text = subprocess.run([encode, "--help"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"--backend \S*\{([^}]*)\}", text)
    if found is None:
        sys.exit(f"{encode} --help lists no backends")
    return found[1].split(",")


def peak_bytes(command):
    """(bytes, None) of a run, or (None, what it said)."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()
    return (usage.ru_maxrss * 1024, None) if process.returncode == 0 else (None, said or f"exit {process.returncode}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--encode", default=ROOT / "build/release/bin/encode", help="the program")
    parser.add_argument("--copies", type=int, default=100, help="of the sentences")
    arguments, options = parser.parse_known_args()
    weights = next((arguments.model / name for name in WEIGHTS if (arguments.model / name).exists()), None)
    if weights is None:
        sys.exit(f"{arguments.model}: no {' or '.join(WEIGHTS)}")
    sentences = (ROOT / "examples/data/sentences.txt").read_bytes()
    count = len(sentences.splitlines()) * arguments.copies
    file_bytes = weights.stat().st_size

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        texts, rows_file = pathlib.Path(folder, "texts"), pathlib.Path(folder, "rows.npy")
        texts.write_bytes(sentences * arguments.copies)
        rows.append(("start", peak_bytes([arguments.encode, "--version"])[0] or 0))
        for name in backends(arguments.encode):
            command = [arguments.encode, "--model", arguments.model, "--input", texts, "--output", rows_file]
            peak, said = peak_bytes([*command, "--format", "npy", "--backend", name, *options])
            if peak is not None:
                rows.append((name, peak))
            elif "no such device" in said:
                print(f"left out: {said}", file=sys.stderr)
            else:
                sys.exit(f"backend {name} failed: {said}")

    print(f"{count} texts, {weights.name}\n")
    print("| backend | peak | weights | beyond |\n|---|---:|---:|---:|")
    for name, peak in rows:
        print(f"| {name} | {peak / 1e6:.1f} MB | {file_bytes / 1e6:.1f} MB | {(peak - file_bytes) / 1e6:.1f} MB |" if name != "start" else f"| start | {peak / 1e6:.1f} MB | | |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
