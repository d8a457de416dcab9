#!/usr/bin/env python3
"""Lines of each architecture: its own headers, and what it shares with others. Prints a Markdown table.

    cmake/model_lines.py

Lines with code alone count, neither empty ones nor comments. Shared is what the headers include, directly or not: blocks and heads,
ops (the wrappers, no kernels), and headers of other architectures.
"""
import pathlib

from lint_units import reached

MODELS = pathlib.Path(__file__).resolve().parent.parent / "include" / "tessera" / "models"
NAMES = {"bert": "BERT", "roberta": "RoBERTa", "distilbert": "DistilBERT", "gpt": "OpenAI GPT", "gpt2": "GPT-2",
         "transfo_xl": "Transformer-XL", "xlnet": "XLNet", "xlm": "XLM"}


def lines(path):
    return sum(1 for line in path.read_text().splitlines() if line.strip() and not line.strip().startswith("//"))


def main():
    print("| architecture | model | heads | shared: blocks and heads | ops | other models |\n|---|---|---|---|---|---|")
    for stem, name in NAMES.items():
        own = [MODELS / f"{stem}.hpp"]
        heads = [MODELS / f"{'gpt' if stem == 'gpt2' else stem}_heads.hpp"]
        all_headers = set().union(*(reached(path) for path in own + heads))

        def shared(*folders):
            return sum(lines(p) for p in all_headers if p.parent.name in folders and p not in own + heads)

        print(f"| {name} | {lines(own[0])} | {lines(heads[0])} | {shared('blocks', 'heads')} | {shared('ops')} "
              f"| {shared('models') or ''} |")


if __name__ == "__main__":
    main()
