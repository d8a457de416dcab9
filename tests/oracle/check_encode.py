#!/usr/bin/env python3
"""Compares the program encode with PyTorch on a real model.

    check_encode.py --encode build/release/bin/encode --model DIR [--backends cpu,eigen,reference] [--torch-threads N]
                    [--precisions f32,bf16,int8] [--torch-int8] [--onnx FILE ...]

Needs a Python with torch, transformers and numpy. Two hundred texts (short, long, empty, Unicode, Chinese, noise,
always the same ones) go through BertModel of transformers in float64 and in float32, one at a time and so without
padding, and through each backend of encode. Pooling and normalisation are written out below. Fails when a number
differs by more than 2e-6 from either. In bf16 and int8 the cosine to PyTorch's float32 counts: it must be 0.9999 and
0.995 for each text; a backend without the precision is left out. For comparison only: --torch-int8 measures
PyTorch's dynamic quantisation in the same way, --onnx a file by ONNX Runtime (such as one that it quantised). Not part of the tests, which know recorded numbers
(tests/programs/test_encode.cpp).
"""
import argparse
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import numpy
import torch
import transformers

TOLERANCE = 2e-6
COSINES = {"bf16": 0.9999, "int8": 0.995}

SENTENCES = [
    "The cat sleeps on the warm windowsill all afternoon.",
    "Simmer the tomatoes with garlic and basil for twenty minutes.",
    "Astronomers detected moisture in the atmosphere of an exoplanet.",
    "Borrowing money became more expensive after the rate decision.",
    "Zażółć gęślą jaźń, piękny dzień w Łodzi.",
    "Der Fluß trägt Öl über große Städte; Ärger folgt.",
    "Où est passé le garçon qui naïvement rêvait d'être élève?",
    "Быстрая коричневая лиса прыгает через ленивую собаку.",
    "Η γρήγορη καφέ αλεπού πηδάει πάνω από το τεμπέλικο σκυλί.",
    "快速的棕色狐狸跳过了懒狗。今天天气很好。",
    "東京は日本の首都で、とても大きな都市です。",
    "서울은 대한민국의 수도이며 가장 큰 도시이다.",
    "السلام عليكم ورحمة الله وبركاته",
    "नमस्ते, आप कैसे हैं?",
    "ภาษาไทยไม่มีการเว้นวรรคระหว่างคำ",
    "I ❤️ pizza 🍕 and 👩‍👩‍👧‍👦 at 10:30 — really?! 100%...",
    "E = mc² and ∑ᵢ xᵢ ≤ √n · ‖x‖₂",
    "def f(x): return x ** 2 + 1  # a_b-c/d\\e",
    "http://example.org/a/b?c=d&e=f#g user@example.org",
    "[CLS] tokens [SEP] inside [MASK] a text [UNK]",
    "A\tb  c\u00a0d\u3000e\u200bf",
    "don't can't won't it's o'clock 3.14 1,000,000 $5.00",
    "x" * 99 + " " + "y" * 101,
    "", " ", "   \t ", "a", "!", "中", "é", "🍕",
]


def make_texts(count: int) -> list[str]:
    draw = random.Random(20240607)
    words = sorted({w for s in SENTENCES for w in s.split() if len(w) < 40})
    texts = list(SENTENCES)
    while len(texts) < count:
        kind = len(texts) % 4
        if kind == 0:  # of any length up to well beyond the limit of the model
            texts.append(" ".join(draw.choice(words) for _ in range(int(3 * 2 ** draw.uniform(0, 7.5)))))
        elif kind == 1:
            texts.append(" ".join(draw.sample(SENTENCES[:22], draw.randint(2, 5))))
        elif kind == 2:  # words that nobody has written
            letters = "abcdefghijklmnopqrstuvwxyz-'"
            texts.append(" ".join("".join(draw.choices(letters, k=draw.randint(1, 14)))
                                  for _ in range(draw.randint(1, 60))))
        else:
            letters = "的一是不了人我在有他这中大来上国あいうえおabc 123.,"
            texts.append("".join(draw.choices(letters, k=draw.randint(1, 200))))
    return texts


def read_json(path: pathlib.Path, otherwise):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else otherwise


class Reference:
    """Ids, then one forward pass a text, then mean or first token, then perhaps length 1."""

    def __init__(self, folder: pathlib.Path):
        pooling = read_json(folder / "1_Pooling/config.json", {"pooling_mode_mean_tokens": True})
        self.first_token = bool(pooling.get("pooling_mode_cls_token"))
        if not self.first_token and not pooling.get("pooling_mode_mean_tokens"):
            sys.exit(f"{folder}: only mean and first-token pooling are checked here")
        self.normalise = any(m["type"].endswith("Normalize") for m in read_json(folder / "modules.json", []))
        limit = read_json(folder / "sentence_bert_config.json", {}).get("max_seq_length")
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.limit = limit or min(self.tokenizer.model_max_length, 512)
        self.model = transformers.BertModel.from_pretrained(folder, attn_implementation="eager").eval()

    def embed(self, texts: list[str], dtype: torch.dtype) -> numpy.ndarray:
        model = self.model.to(dtype)
        return self.rows(texts, lambda ids: model(input_ids=ids).last_hidden_state[0])

    def embed_int8(self, texts: list[str]) -> numpy.ndarray:
        """By PyTorch's dynamic quantisation of all linears."""
        model = torch.ao.quantization.quantize_dynamic(self.model.to(torch.float32), {torch.nn.Linear}, dtype=torch.qint8)
        return self.rows(texts, lambda ids: model(input_ids=ids).last_hidden_state[0])

    def embed_onnx(self, texts: list[str], path: pathlib.Path) -> numpy.ndarray:
        """By ONNX Runtime; the first output is the last hidden state."""
        import onnxruntime
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [i.name for i in session.get_inputs()]

        def hidden_of(ids):
            feeds = {"input_ids": ids.numpy(), "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)}
            return torch.from_numpy(session.run(None, {n: feeds[n] for n in names})[0][0])
        return self.rows(texts, hidden_of)

    @torch.no_grad()
    def rows(self, texts: list[str], hidden_of) -> numpy.ndarray:
        rows = []
        for text in texts:
            ids = self.tokenizer(text.strip(), truncation=True, max_length=self.limit, return_tensors="pt")["input_ids"]
            hidden = hidden_of(ids)
            row = hidden[0] if self.first_token else hidden.mean(0)
            rows.append(torch.nn.functional.normalize(row, dim=0) if self.normalise else row)
        return torch.stack(rows).double().numpy()


def cosines_of(a: numpy.ndarray, b: numpy.ndarray) -> numpy.ndarray:
    return (a * b).sum(1) / numpy.linalg.norm(a, axis=1) / numpy.linalg.norm(b, axis=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encode", required=True, type=pathlib.Path, help="the program")
    parser.add_argument("--model", required=True, type=pathlib.Path, help="folder of the model")
    parser.add_argument("--backends", help="separated by commas; without it, all that the program has")
    parser.add_argument("--precisions", default="f32", help="separated by commas: f32, bf16, int8")
    parser.add_argument("--torch-int8", action="store_true", help="also PyTorch's dynamic quantisation")
    parser.add_argument("--onnx", action="append", default=[], type=pathlib.Path, help="also this file, by ONNX Runtime")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--torch-threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.torch_threads)

    texts = make_texts(options.texts)
    reference = Reference(options.model)
    float32 = reference.embed(texts, torch.float32)
    float64 = reference.embed(texts, torch.float64)
    print(f"{len(texts)} texts, torch {torch.__version__}")
    print(f"{'torch float32':16} max |difference| to float64 {abs(float32 - float64).max():.2e}")

    names = options.backends
    if names is None:
        text = subprocess.run([options.encode, "--help"], check=True, capture_output=True, text=True).stdout
        names = re.search(r"--backend TEXT:\{([^}]*)\}", text).group(1)
    peers = {"torch int8": reference.embed_int8} if options.torch_int8 else {}
    peers |= {f"onnxruntime {path.name}": lambda texts, path=path: reference.embed_onnx(texts, path) for path in options.onnx}
    for label, embed in peers.items():
        cosines = cosines_of(embed(texts), float32)
        print(f"{label:16} cosine to float32: smallest {cosines.min():.6f}, median {numpy.median(cosines):.6f}")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        lines = pathlib.Path(folder) / "texts.jsonl"
        lines.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
        for name, precision in [(n, p) for n in names.split(",") for p in options.precisions.split(",")]:
            out = pathlib.Path(folder) / f"{name}.npy"
            done = subprocess.run([options.encode, "--model", options.model, "--backend", name, "--precision", precision,
                                   "--input", lines, "--format", "npy", "--output", out],
                                  capture_output=True, text=True)
            label = name if precision == "f32" else f"{name} {precision}"
            if "no such device" in done.stderr or "computes no linears in" in done.stderr:
                print(f"{label:16} left out: {done.stderr.strip()}")
                continue
            if done.returncode != 0:
                sys.exit(f"{label}: {done.stderr.strip()}")
            ours = numpy.load(out)
            if ours.shape != float64.shape:
                sys.exit(f"{label}: shape {ours.shape}, {float64.shape} expected")
            if precision != "f32":
                cosines = cosines_of(ours, float32)
                good = cosines.min() >= COSINES[precision]
                failed |= not good
                print(f"{label:16} cosine to float32: smallest {cosines.min():.6f}, median {numpy.median(cosines):.6f}, "
                      f"at least {COSINES[precision]} expected: {'ok' if good else 'FAILED'}")
                for i in numpy.argsort(cosines)[:5]:
                    if cosines[i] < COSINES[precision]:
                        print(f"    text {i}: {cosines[i]:.6f} {texts[i][:60]!r}")
                continue
            to64, to32 = abs(ours - float64), abs(ours - float32)
            good = max(to64.max(), to32.max()) <= TOLERANCE
            failed |= not good
            print(f"{label:16} max |difference| to float64 {to64.max():.2e}, to float32 {to32.max():.2e}: "
                  f"{'ok' if good else 'FAILED'}")
            for i in numpy.flatnonzero(to64.max(1) > TOLERANCE)[:5]:
                print(f"    text {i}: {to64[i].max():.2e} {texts[i][:60]!r}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
