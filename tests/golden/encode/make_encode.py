#!/usr/bin/env python3
"""Records what encode and extract_features must give: embeddings.<folder>.jsonl and features.jsonl, beside this script.

    make_encode.py

Needs a Python with torch, transformers, sentence-transformers and pytorch-pretrained-bert 0.6.2. The model is the
recorded bert-model-basic with the vocabulary here. Embeddings are those of sentence-transformers in float64; a folder
`plain` without any of its files is the third case. Features are the hidden states of pytorch-pretrained-bert in
float32, texts cut and padded as its documentation describes, segments all 0.
"""
import json
import os
import pathlib
import re
import shutil
import tempfile

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import pytorch_pretrained_bert as old
import torch
from sentence_transformers import SentenceTransformer

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE.parent / "models/bert-model-basic"


def make_folder(root: pathlib.Path, name: str) -> pathlib.Path:
    folder = root / name
    if (HERE / name).exists():
        shutil.copytree(HERE / name, folder)
    else:
        folder.mkdir()
    shutil.copy(HERE / "vocab.txt", folder)
    shutil.copy(MODEL / "pytorch_model.bin", folder)
    # The class has to be named for AutoModel, and the flags for more outputs are not for this library.
    config = json.loads((MODEL / "config.json").read_text())
    config = {k: v for k, v in config.items() if not k.startswith("output_")} | {"model_type": "bert"}
    (folder / "config.json").write_text(json.dumps(config))
    if name == "plain":
        (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "model_max_length": 16}')
    return folder


def write(name: str, rows: list[dict]) -> None:
    (HERE / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def embeddings(folder: pathlib.Path) -> None:
    texts = (HERE / "texts.txt").read_text(encoding="utf-8").split("\n")[:-1]
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"attn_implementation": "eager"}).double()
    rows = []
    for text in texts:
        vector = model.encode([text], convert_to_numpy=True)[0]
        rows.append({"text": text, "embedding": [float(f"{x:.9g}") for x in vector.tolist()]})
    write(f"embeddings.{folder.name}.jsonl", rows)


def features(folder: pathlib.Path, longest: int = 14, layers=(-1, -2, 0)) -> None:
    tokenizer = old.BertTokenizer.from_pretrained(str(folder), do_lower_case=False)
    model = old.BertModel.from_pretrained(str(folder)).eval()
    rows = []
    for index, line in enumerate((HERE / "pairs.txt").read_text(encoding="utf-8").split("\n")[:-1]):
        pair = re.match(r"^(.*) \|\|\| (.*)$", line.strip())
        a, b = (tokenizer.tokenize(t) for t in (pair.groups() if pair else (line.strip(), "")))
        if b:
            while len(a) + len(b) > longest - 3:
                (a if len(a) > len(b) else b).pop()
        tokens = ["[CLS]", *a[: longest - 2], "[SEP]", *(b + ["[SEP]"] if b else [])]
        ids = tokenizer.convert_tokens_to_ids(tokens)
        padding = [0] * (longest - len(ids))
        with torch.no_grad():
            states, _ = model(torch.tensor([ids + padding]), None, torch.tensor([[1] * len(ids) + padding]))
        rows.append({"linex_index": index, "features": [
            {"token": token,
             "layers": [{"index": k, "values": [round(x.item(), 6) for x in states[k][0, i]]} for k in layers]}
            for i, token in enumerate(tokens)]})
    write("features.jsonl", rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as root:
        for name in ("plain", "normalised", "cls_and_max"):
            embeddings(make_folder(pathlib.Path(root), name))
        features(make_folder(pathlib.Path(root), "features"))
