#!/usr/bin/env python3
"""Compares the program generate with pytorch-transformers 1.2.0: text in, greedy text out.

    check_generate.py --generate build/release/bin/generate [--backends cpu,eigen,reference]

Needs a Python with torch and pytorch-transformers 1.2.0. For each architecture a small model with random weights and a
tokenizer of tests/golden/tokenizers are saved by the reference into a folder; the reference continues prompts as its
example program does, with a run over the whole text for each token, and the program does with its caches and in
batches. All tokens and texts must be the same. Not part of the tests, which know recorded numbers
(tests/golden/test_generate.cpp).
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from pytorch_transformers import (
    GPT2Config, GPT2LMHeadModel, GPT2Tokenizer, OpenAIGPTConfig, OpenAIGPTLMHeadModel, OpenAIGPTTokenizer,
    TransfoXLConfig, TransfoXLLMHeadModel, TransfoXLTokenizer, XLMConfig, XLMTokenizer, XLMWithLMHeadModel,
    XLNetConfig, XLNetLMHeadModel, XLNetTokenizer,
)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROMPTS = ["The cat sat on the mat, and", "Once upon a time there was a small town near the river.", "He said",
           "Zażółć gęślą jaźń"]
PADDING = "It was the first day of spring. The trees were still bare, but the birds had come back. "
LENGTH = 24


def models():
    """(model type, model, tokenizer, language)"""
    data = ROOT / "tests/golden/tokenizers"
    gpt2, gpt = GPT2Tokenizer.from_pretrained(str(data / "gpt2")), OpenAIGPTTokenizer.from_pretrained(
        str(data / "openai_gpt"))
    xl, xlnet = TransfoXLTokenizer.from_pretrained(str(data / "transfo_xl")), XLNetTokenizer.from_pretrained(
        str(data / "xlnet"))
    xlm = XLMTokenizer.from_pretrained(str(data / "xlm"))
    yield "gpt2", GPT2LMHeadModel(GPT2Config(
        len(gpt2), n_positions=96, n_ctx=96, n_embd=32, n_layer=2, n_head=4, initializer_range=0.2)), gpt2, None
    yield "openai-gpt", OpenAIGPTLMHeadModel(OpenAIGPTConfig(
        len(gpt), n_positions=96, n_ctx=96, n_embd=32, n_layer=2, n_head=4, initializer_range=0.2)), gpt, None
    # same_length: cut into segments or not, the text is the same
    yield "transfo-xl", TransfoXLLMHeadModel(TransfoXLConfig(
        len(xl), cutoffs=[200, 1000], d_model=32, d_embed=32, n_head=4, d_head=8, d_inner=64, div_val=2, n_layer=2,
        mem_len=20, clamp_len=15, same_length=True, init_std=0.2, proj_init_std=0.2, tie_projs=[False, True, True])), xl, None
    yield "xlnet", XLNetLMHeadModel(XLNetConfig(
        len(xlnet), d_model=32, n_layer=2, n_head=4, d_inner=64, initializer_range=0.2)), xlnet, None
    for causal in (True, False):
        config = XLMConfig(len(xlm), emb_dim=32, n_layers=2, n_heads=4, causal=causal, n_langs=2,
                           max_position_embeddings=96, embed_init_std=0.2, init_std=0.2, mask_index=xlm.mask_token_id
                           if hasattr(xlm, "mask_token_id") else xlm.convert_tokens_to_ids(xlm.mask_token),
                           pad_index=xlm.convert_tokens_to_ids(xlm.pad_token))
        config.lang2id = {"en": 0, "fr": 1}
        with torch.no_grad():
            yield "xlm", XLMWithLMHeadModel(config), xlm, "fr" if causal else None


def continued(kind, model, tokenizer, language, prompt):
    """As the example program does it, greedily."""
    text = PADDING + prompt if kind in ("transfo-xl", "xlnet") else prompt
    tokens = tokenizer.encode(text)
    begin = len(tokens)
    for _ in range(LENGTH):
        ids = torch.tensor([tokens])
        inputs = {"input_ids": ids}
        if kind == "xlnet":
            ids = torch.cat([ids, torch.zeros(1, 1, dtype=torch.long)], 1)
            n = ids.shape[1]
            hidden, target = torch.zeros(1, n, n), torch.zeros(1, 1, n)
            hidden[:, :, -1] = 1
            target[0, 0, -1] = 1
            inputs = {"input_ids": ids, "perm_mask": hidden, "target_mapping": target}
        if kind == "xlm" and not model.config.causal:
            inputs["input_ids"] = torch.cat([ids, torch.full((1, 1), model.config.mask_index)], 1)
        if language is not None:
            inputs["langs"] = torch.full_like(inputs["input_ids"], model.config.lang2id[language])
        with torch.no_grad():
            scores = model(**inputs)[0]
        tokens.append(int(scores.reshape(-1, scores.shape[-1])[-1].argmax()))
    return tokens[begin:], tokenizer.decode(tokens[begin:], skip_special_tokens=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generate", required=True)
    parser.add_argument("--backends", default="cpu,eigen,reference")
    arguments = parser.parse_args()
    torch.manual_seed(5)
    wrong = 0
    for number, (kind, model, tokenizer, language) in enumerate(models()):
        model.eval()
        expected = [continued(kind, model, tokenizer, language, p) for p in PROMPTS]
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary) / f"{kind}-{number}"
            folder.mkdir()
            model.save_pretrained(str(folder))
            tokenizer.save_pretrained(str(folder))
            prompts = folder / "prompts.txt"
            prompts.write_text("".join(p + "\n" for p in PROMPTS), encoding="utf-8")
            for backend in arguments.backends.split(","):
                command = [arguments.generate, "--model_name_or_path", str(folder), "--input", str(prompts), "--greedy",
                           "--length", str(LENGTH), "--padding_text", PADDING, "--format", "jsonl", "--batch", "3",
                           "--backend", backend] + (["--xlm_lang", language] if language else [])
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode != 0:
                    print(f"{kind} on {backend}: {done.stderr.strip()}")
                    wrong += 1
                    continue
                found = [json.loads(line) for line in done.stdout.splitlines()]
                same = [f["tokens"] == t and f["text"] == s for f, (t, s) in zip(found, expected, strict=True)]
                wrong += same.count(False)
                print(f"{kind} on {backend}: {same.count(True)} of {len(same)} texts are the reference's")
                for ok, f, (t, s) in zip(same, found, expected):
                    if not ok:
                        print("  found   ", f["tokens"], repr(f["text"]), "\n  expected", t, repr(s))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
