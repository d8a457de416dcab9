#!/usr/bin/env python3
"""Tokenizers side by side: bench_tokenize and, where they are installed, tokenizers, tiktoken and sentencepiece.

Each peer gets the same lines and the same vocabulary and one thread; its fastest round counts, and rounds take turns, so that
what else the machine does falls on all alike. The numbers of ids are printed, because a faster wrong answer is none.
"""
import argparse
import json
import os
import pathlib
import subprocess
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"


def sentencepiece_peer(folder):
    import sentencepiece
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    return "sentencepiece", lambda lines: sum(len(model.encode(line)) for line in lines)


def wordpiece_peer(folder):
    from tokenizers import BertWordPieceTokenizer
    tokenizer = BertWordPieceTokenizer(str(folder / "vocab.txt"))
    return "tokenizers", lambda lines: sum(len(e.ids) - 2 for e in tokenizer.encode_batch(lines))


def byte_bpe_peer(folder):
    merges = [line.split() for line in (folder / "merges.txt").read_text(encoding="utf-8").split("\n")[1:]]
    merges = [merge for merge in merges if len(merge) == 2]
    if not any(merge[0].startswith("\u0120") for merge in merges):
        return None  # not over bytes
    import tiktoken
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = {chr(byte): byte for byte in printable}
    alphabet.update((chr(256 + i), byte) for i, byte in enumerate(b for b in range(256) if b not in printable))
    # Ranks as tiktoken wants them: the bytes, then what the merges make. Other ids, but as many.
    ranks = {bytes([byte]): byte for byte in range(256)}
    for merge in merges:
        ranks.setdefault(bytes(alphabet[c] for c in "".join(merge)), len(ranks))
    pattern = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
    encoding = tiktoken.Encoding("gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})

    def run(lines):
        stripped = (line.strip() for line in lines)
        return sum(len(encoding.encode_ordinary(" " + line)) for line in stripped if line)

    return "tiktoken", run


PEERS = {"spiece.model": sentencepiece_peer, "vocab.txt": wordpiece_peer, "merges.txt": byte_bpe_peer}


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("folders", type=pathlib.Path, nargs="+", help="folders of tokenizers")
    parser.add_argument("--program", type=pathlib.Path, default=root / "build/release/bin/bench_tokenize")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    lines = arguments.text.read_text(encoding="utf-8").split("\n")
    megabytes = arguments.text.stat().st_size / 1e6
    for folder in arguments.folders:
        peer = None
        for name, make in PEERS.items():
            if peer is None and (folder / name).exists():
                try:
                    peer = make(folder)
                except ImportError as error:
                    print(f"{folder.name}: {error}")
        ours, theirs, ids = [], [], 0
        for _ in range(arguments.rounds):
            answer = subprocess.run([arguments.program, folder, arguments.text, "3"], capture_output=True, text=True, check=True)
            ours.append(json.loads(answer.stdout))
            if peer is not None:
                start = time.perf_counter()
                ids = peer[1](lines)
                theirs.append(megabytes / (time.perf_counter() - start))
        best = max(ours, key=lambda a: a["mb_per_s"])
        print(f"{folder.name:20} tessera {best['mb_per_s']:7.1f} MB/s, {best['ids']} ids, load {min(a['load_ms'] for a in ours):.1f} ms"
              + (f"; {peer[0]} {max(theirs):7.1f} MB/s, {ids} ids" if peer is not None else ""))


if __name__ == "__main__":
    main()
