#!/usr/bin/env python3
"""Compares the program tokenize with pytorch-transformers 1.2.0 on random texts.

    check_tokenizers.py --tokenize build/release/bin/tokenize [--lines 5000] [--seed 1] [--folders bert,gpt2]

Needs a Python with torch and pytorch-transformers (and regex, sacremoses, sentencepiece, for those that use them). Each
folder of tests/golden/tokenizers gets the same texts: words of its own vocabulary and of many scripts, odd Unicode,
emoji, control characters, long words, special tokens, mixed at random. Tokens, ids, ids with special tokens, decoded
texts and pairs must be equal. Prints a line for each folder, and the first differences; fails if there are any.
Texts of white space alone are left out: the reference answers at random. Not part of the tests, which know recorded
lines.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import unicodedata
import warnings

warnings.filterwarnings("ignore")
import logging
logging.disable(logging.CRITICAL)
import pytorch_transformers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests/golden/tokenizers"

SCRIPTS = [(0x21, 0x7E), (0xA1, 0x24F), (0x250, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x531, 0x58F), (0x591, 0x5F4),
           (0x600, 0x6FF), (0x700, 0x7BF), (0x900, 0xDFF), (0xE01, 0xE5B), (0xE81, 0xEDF), (0xF00, 0xFDA), (0x1000, 0x109F), (0x10A0, 0x11FF),
           (0x1200, 0x139F), (0x13A0, 0x17FF), (0x1800, 0x18AA), (0x1D00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x20BF), (0x2100, 0x23FF),
           (0x2460, 0x27BF), (0x2C00, 0x2DFF), (0x2E80, 0x2FDF), (0x3000, 0x30FF), (0x3105, 0x318E), (0x3200, 0x33FF), (0x3400, 0x4DBF),
           (0x4E00, 0x9FFF), (0xA000, 0xA4CF), (0xAC00, 0xD7A3), (0xE000, 0xE0FF), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFEFF),
           (0xFF00, 0xFFFD), (0x10000, 0x100FF), (0x10300, 0x1034F), (0x10400, 0x1044F), (0x1D100, 0x1D1FF), (0x1D400, 0x1D7FF),
           (0x1E900, 0x1E95F), (0x1F000, 0x1FAFF), (0x20000, 0x2A6DF), (0x2F800, 0x2FA1D), (0xE0000, 0xE007F), (0x10FFF0, 0x10FFFD)]
SPACES = [" "] * 12 + ["  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\u2009", "\x0b", "\x1c", "\x85", "\u1680", "\u200b", "\ufeff", ""]
ODD = ["\x00", "\x01", "\x7f", "\u00ad", "\u200d", "\u202e", "\ufffd", "\ufe0f", "\u0130", "\u03a3", "\u00df", "\u1e9e", "\ufb01", "\u00b4", "``", "''",
       "...", "'s", "'S", "n't", "'ll", "\u2019s", "@-@", "@@", "##", "</w>", "\u2581", "\u0120", "<unk>", "[UNK]", "<s>", "1,000.50", "$5", "100%",
       "a_b", "http://x.y/z?q=1&r=2", "e-mail@x.org", "U.S.", "Mr.", "&amp;", "|", "*", "---", "\u2014", "\u4f60\u597d", "\ud55c\uae00", "\u1112\u1161\u11ab",
       "e\u0301\u0323", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\u2603\ufe0f", "\u0e01\u0e33", "\u0915\u094d\u0937"]


def words_of(folder):
    for name in ("vocab.txt", "vocab.json", "pieces.tsv", "vocab_symbols.txt"):
        path = folder / name
        if path.exists():
            lines = list(json.loads(path.read_text(encoding="utf-8"))) if name.endswith("json") else path.read_text(encoding="utf-8").split("\n")
            return [line.split("\t")[0].replace("</w>", "").replace("##", "").replace("\u2581", "").replace("\u0120", " ") for line in lines][:3000]
    return ["word"]


def one_text(draw, words):
    parts = []
    for _ in range(draw.choice([1, 2, 3, 5, 8, 13, 30])):
        kind = draw.random()
        if kind < 0.45:
            word = draw.choice(words)
            word = draw.choice([word, word.upper(), word.title(), word + draw.choice(words), word + draw.choice(".,!?;:'\")-")])
        elif kind < 0.75:
            low, high = draw.choice(SCRIPTS)
            word = "".join(chr(draw.randint(low, high)) for _ in range(draw.choice([1, 2, 4, 9])))
        elif kind < 0.93:
            word = draw.choice(ODD)
        elif kind < 0.96:
            word = draw.choice(["a", "\u00e9", "\u4e2d", "xy", "-", "9"]) * draw.choice([20, 99, 100, 101, 150, 300])
        else:
            word = "".join(chr(draw.randrange(0x110000)) for _ in range(3))
        parts += [word, draw.choice(SPACES)]
    text = "".join(parts)
    # Lone surrogates are no text; the programs' JSON has them, the reference's answer to them is recorded.
    return "".join(c for c in text if not 0xD800 <= ord(c) < 0xE000)


def attempt(call):
    try:
        return call()
    except Exception as error:  # what the reference cannot compute, we need not either
        return {"error": type(error).__name__}


def reference_answer(tokenizer, text):
    tokens = attempt(lambda: tokenizer.tokenize(text))
    if isinstance(tokens, dict):
        return {"tokens": tokens}
    ids = attempt(lambda: tokenizer.convert_tokens_to_ids(tokens))
    if isinstance(ids, dict):
        return {"tokens": tokens, "ids": ids}
    special = attempt(lambda: tokenizer.encode(text, add_special_tokens=True))
    decoded = attempt(lambda: tokenizer.decode(ids))
    return {"tokens": tokens, "ids": ids, "ids_special": special, "decoded": decoded}


def is_error(value):
    return isinstance(value, dict) and "error" in value


def check(folder, program, lines, seed):
    info = json.loads((folder / "info.json").read_text(encoding="utf-8"))
    cls = getattr(pytorch_transformers, info["class"])
    tokenizer = cls.from_pretrained(str(folder), **info.get("kwargs", {}))
    draw = random.Random(f"{folder.name} {seed}")
    words = [w for w in words_of(folder) if w] or ["word"]
    texts = []
    while len(texts) < lines:
        text = one_text(draw, words)
        if text.strip():
            texts.append(text)
    requests = [{"text": t} for t in texts] + [{"text": a, "pair": b} for a, b in zip(texts[:lines // 10:2], texts[1:lines // 10:2])]
    sent = "".join(json.dumps(r) + "\n" for r in requests)
    found = subprocess.run([program, str(folder)], input=sent, capture_output=True, text=True, encoding="utf-8", errors="surrogatepass")
    answers = [json.loads(line) for line in found.stdout.split("\n") if line]
    if found.returncode != 0 or len(answers) != len(requests):
        print(f"{folder.name}: the program ended with {found.returncode} after {len(answers)} of {len(requests)}: {found.stderr.strip()}")
        return 1
    differences = refused = 0
    for request, answer in zip(requests, answers):
        if "pair" in request:
            expected = {"ids_pair": attempt(lambda: tokenizer.encode(request["text"], request["pair"], add_special_tokens=True))}
        else:
            expected = reference_answer(tokenizer, request["text"])
        refused += any(is_error(value) for value in expected.values())
        for key, value in expected.items():
            if answer.get(key) == value or (is_error(value) and is_error(answer.get(key))):
                continue
            differences += 1
            if differences <= 5:
                print(f"{folder.name}: {key} of {json.dumps(request)}\n  expected {json.dumps(value)}\n  found    {json.dumps(answer.get(key))}")
            break
    print(f"{folder.name}: {len(texts)} texts and {len(requests) - len(texts)} pairs ({refused} of which the reference refuses), {differences} differ")
    return differences


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenize", required=True)
    parser.add_argument("--lines", type=int, default=5000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--folders", default="")
    arguments = parser.parse_args()
    print(f"Unicode {unicodedata.unidata_version}, pytorch-transformers {pytorch_transformers.__version__}")
    folders = sorted(p.parent for p in GOLDEN.glob("*/info.json"))
    wanted = arguments.folders.split(",") if arguments.folders else [f.name for f in folders]
    # The pickled vocabulary of Transformer-XL is older than torch's distrust of pickles.
    import torch
    load = torch.load
    torch.load = lambda *a, **k: load(*a, **{**k, "weights_only": False})
    total = sum(check(f, arguments.tokenize, arguments.lines, arguments.seed) for f in folders if f.name in wanted)
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
