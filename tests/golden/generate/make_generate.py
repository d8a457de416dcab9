"""Writes generate.json: filtered distributions of sampling, and greedy continuations by the tiny GPT, GPT-2 and XLM.

Run with torch and pytorch-transformers 1.2.0:  python make_generate.py
"""
import json
import pathlib

import torch
from pytorch_transformers import GPT2LMHeadModel, OpenAIGPTLMHeadModel, XLMWithLMHeadModel

HERE = pathlib.Path(__file__).resolve().parent


def distribution(scores, seen, temperature, top_k, top_p, penalty):
    """What the published filters leave, in float64: penalty, temperature, the k largest, the fewest that make up p."""
    x = scores.clone()
    for token in set(seen):
        x[token] = x[token] / penalty if x[token] > 0 else x[token] * penalty
    x = x / temperature
    if top_k > 0:
        least = torch.topk(x, min(top_k, len(x)))[0][-1]
        x[x < least] = -float("inf")
    if top_p < 1:
        ordered, places = torch.sort(x, descending=True, stable=True)
        total = torch.cumsum(torch.softmax(ordered, -1), -1)
        gone = total > top_p
        gone[1:] = gone[:-1].clone()
        gone[0] = False
        x[places[gone]] = -float("inf")
    return torch.softmax(x, -1)


def filters():
    torch.manual_seed(3)
    cases = []
    for size in (7, 61, 200):
        for temperature, top_k, top_p, penalty in (
            (1.0, 0, 1.0, 1.0),
            (0.7, 0, 0.9, 1.0),
            (1.3, 5, 1.0, 1.0),
            (1.0, 40, 0.5, 1.2),
            (0.25, 3, 0.05, 1.5),
            (2.0, 1, 0.95, 1.0),
            (1.0, 0, 0.3, 3.0),
        ):
            scores = (torch.randn(size, dtype=torch.float32) * 3).round(decimals=1)  # rounded: some are equal
            seen = torch.randint(0, size, (6,)).tolist()
            p = distribution(scores.double(), seen, temperature, top_k, top_p, penalty)
            cases.append(
                dict(scores=scores.tolist(), seen=seen, temperature=temperature, top_k=top_k, top_p=top_p,
                     repetition_penalty=penalty, probabilities=p.tolist())
            )
    return cases


def greedy():
    cases = []
    for folder, cls in (("gpt2-lm-nolabels", GPT2LMHeadModel), ("gpt2-model-past3", GPT2LMHeadModel),
                        ("gpt-lm-nolabels", OpenAIGPTLMHeadModel), ("xlm-lm-langscausal", XLMWithLMHeadModel)):
        model = cls.from_pretrained(str(HERE.parent / "models" / folder))
        model.eval()
        room = min(getattr(model.config, "n_ctx", 1 << 20), model.config.max_position_embeddings)
        # XLM takes pad_index for padding wherever it stands: its texts are those that have none.
        padding = getattr(model.config, "pad_index", None)
        prompts = ([5], [3, 1, 4, 1, 5], [9, 2, 6]) if padding is None else ([3, 1, 4, 1, 5], [7, 8, 1, 3, 9])
        for prompt in prompts:
            tokens = list(prompt)
            while len(tokens) < room:
                with torch.no_grad():
                    scores = model(torch.tensor([tokens]))[0].reshape(len(tokens), -1)[-1]
                tokens.append(int(scores.argmax()))
            assert padding not in tokens, tokens
            cases.append({"folder": folder, "class": cls.__name__, "prompt": prompt, "tokens": tokens})
    return cases


if __name__ == "__main__":
    with open(HERE / "generate.json", "w", encoding="utf-8") as out:
        json.dump({"filters": filters(), "greedy": greedy()}, out, indent=None, separators=(",", ":"))
        out.write("\n")
